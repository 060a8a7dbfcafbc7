"""Records which databases and hosts a server's processes open; on their path while they are checked only.

Python imports this module at its start. The file that PORTCOMPARE_CONTACTS names gets a line for each.
"""

from __future__ import annotations

import importlib
import os
import sys
from contextlib import suppress
from typing import Any

_seen: set[str] = set()


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    line = ""
    if event == "sqlite3.connect" and isinstance(arguments[0], (str, bytes, os.PathLike)):
        line = f"file {os.path.abspath(os.fsdecode(arguments[0]))}"  # noqa: PTH100 - as sqlite3 takes it
    elif event == "socket.getaddrinfo" and arguments[0]:
        line = f"host {os.fsdecode(arguments[0])}:{arguments[1]}"
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        line = f"address {arguments[1][0]}:{arguments[1][1]}"
    if line and line not in _seen:
        _seen.add(line)
        with suppress(OSError):
            file = os.open(os.environ["PORTCOMPARE_CONTACTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(file, f"{line}\n".encode(errors="replace"))
            os.close(file)


if "PORTCOMPARE_CONTACTS" in os.environ:
    sys.addaudithook(_note)

# The module of this name that would have been imported without this one.
sys.path.remove(os.path.dirname(__file__))  # noqa: PTH120 - as Python has put it there
del sys.modules["sitecustomize"]
with suppress(ImportError):
    importlib.import_module("sitecustomize")
