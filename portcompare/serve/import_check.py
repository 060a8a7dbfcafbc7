"""Imports an application as a server would; a script of its own: `python -P import_check.py TARGET`."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


def check(target: str) -> None:
    """Import an application and see that it can be called.

    Args:
        target: The application, `module:object`.

    Raises:
        SystemExit: The module has no such object, or it cannot be called; the text says which.
    """
    module_name, _, path = target.partition(":")
    found: object = importlib.import_module(module_name)
    for name in path.split("."):
        if not hasattr(found, name):
            sys.exit(f"there is no {path!r} in module {module_name!r}")
        found = getattr(found, name)
    if not callable(found):
        sys.exit(f"{path!r} cannot be called: it is of type {type(found).__name__}")


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    check(sys.argv[1])
