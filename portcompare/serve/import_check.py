"""Tells about an interpreter, and imports an application with it as a server would.

A script of its own, run by the app's interpreter, so for Python 3.8 and later:
`python import_check.py FACTS TARGET DISTRIBUTION,...`. FACTS is a file to write to: the interpreter's
name and version, and the versions of those distributions that are installed. TARGET, `module:object`, may be
empty.
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
    """Look up the versions of distributions."""
    versions = {}
    for name in distributions:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def describe(distributions: Iterable[str]) -> dict[str, object]:
    """Describe this interpreter."""
    return {
        "name": f"{platform.python_implementation()} {platform.python_version()}",
        "version": list(sys.version_info[:2]),
        "versions": find_versions(distributions),
    }


def check(target: str) -> None:
    """Import an application and see that it can be called.

    Raises SystemExit: the module has no such object, or it cannot be called; the text says which.
    """
    module_name, _, path = target.partition(":")
    found: object = importlib.import_module(module_name)
    for name in path.split("."):
        if not hasattr(found, name):
            sys.exit(f"there is no {path!r} in module {module_name!r}")
        found = getattr(found, name)
    if not callable(found):
        sys.exit(f"{path!r} cannot be called: it is of type {type(found).__name__}")


def main(facts_path: str, target: str, distributions: str) -> None:
    """Write down the facts, then import the application, if there is one."""
    sys.path[0] = str(Path.cwd())  # as with `python -m`; until now it is the folder of this script
    Path(facts_path).write_text(json.dumps(describe(distributions.split(","))), encoding="utf-8")
    if target:
        try:
            check(target)
        except SystemExit as ended:
            if ended.code in (None, 0):
                sys.exit("importing it ended the process, with status 0")
            raise


if __name__ == "__main__":
    main(*sys.argv[1:])
