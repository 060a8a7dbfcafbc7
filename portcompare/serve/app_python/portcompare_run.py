"""Runs a program as `python -m` does, in a folder whose files have the names of libraries.

`python portcompare_run.py PROGRAM ARGUMENT...`. The variable PORTCOMPARE_FIRST_IMPORTS names, with commas
between, what is imported while the app's folders are searched last: a `gunicorn.py` of the app then hides no
gunicorn. The processes that a server starts by multiprocessing run this file, too, under another name.
"""

from __future__ import annotations

import os
import runpy
import sys
from importlib import import_module
from importlib.machinery import PathFinder
from pathlib import Path

FIRST_IMPORTS = [name for name in os.environ.get("PORTCOMPARE_FIRST_IMPORTS", "").split(",") if name]


def app_folders() -> list[Path]:
    """The folders that the app's own modules are imported from."""
    return [Path(each).resolve() for each in ("", *os.environ.get("PYTHONPATH", "").split(os.pathsep))]


def import_first() -> None:
    """Import the libraries that files of the app would hide; one that is not installed is left out."""
    searched, folders = sys.path[:], app_folders()
    others = [each for each in searched if Path(each).resolve() not in folders]
    sys.path[:] = others + [each for each in searched if each not in others]
    try:
        for name in FIRST_IMPORTS:
            if PathFinder.find_spec(name, others) is not None:
                import_module(name)
    finally:
        sys.path[:] = searched


def find_clash(module: str) -> str:
    """What is wrong with the name of a module of the app; empty if a library does not have it as well."""
    name = module.partition(".")[0]
    files = [folder / place for folder in app_folders() for place in (f"{name}.py", f"{name}/__init__.py")]
    own = next((file for file in files if file.is_file()), None)
    imported = getattr(sys.modules.get(name), "__file__", None)
    if own is None or imported is None or Path(imported).resolve() == own:
        return ""
    return f"{own} has the name of the library {name}, which is imported in its place: rename the file"


if __name__ == "__main__":
    sys.path[0] = ""  # as with `python -m`; until now it is the folder of this script
if FIRST_IMPORTS:
    import_first()
if __name__ == "__main__":
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__")
