"""Describes an interpreter, and imports an application with it as a server would.

Run by the app's interpreter: `python portcompare_import_check.py FACTS TARGET DISTRIBUTION,...`. It writes to
the file FACTS the interpreter's name and version, and the versions of those distributions that are installed.
TARGET, `module:object`, may be empty.
"""

from __future__ import annotations

import importlib
import json
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def find_versions(distributions: Iterable[str]) -> dict[str, str]:
    """The versions of those distributions that are installed."""
    versions = {}
    for name in distributions:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def check(target: str) -> None:
    """Import an application.

    Raises SystemExit: the module has no such object, it cannot be called, or the import ended the process.
    """
    module_name, _, path = target.partition(":")
    try:
        found: object = importlib.import_module(module_name)
    except SystemExit as ended:
        if ended.code in (None, 0):
            sys.exit("importing it ended the process with status 0")
        raise
    for name in path.split("."):
        if not hasattr(found, name):
            sys.exit(f"module {module_name!r} has no {path!r}")
        found = getattr(found, name)
    if not callable(found):
        sys.exit(f"{path!r} cannot be called: it is of type {type(found).__name__}")


def main(facts_path: str, target: str, distributions: str) -> None:
    """Write the facts, then import the application if there is one."""
    sys.path[0] = str(Path.cwd())  # as with `python -m`; until now it is the folder of this script
    facts = {
        "name": f"{platform.python_implementation()} {platform.python_version()}",
        "version": list(sys.version_info[:2]),
        "versions": find_versions(distributions.split(",")),
    }
    Path(facts_path).write_text(json.dumps(facts), encoding="utf-8")
    if target:
        check(target)


if __name__ == "__main__":
    main(*sys.argv[1:])
