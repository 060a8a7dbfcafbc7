"""The files of a project that are worth reading."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

MOST_FILES = 2000
"""Files that are looked at, the nearest to the project's folder first: parsing takes about 3 ms each."""

MOST_BYTES = 1_000_000
"""What is larger was not written by hand."""

_SKIPPED = frozenset(
    {"build", "dist", "loadtests", "migrations", "node_modules", "runs", "site-packages", "test", "tests"}
)

_OPENAPI = frozenset({"openapi.json", "openapi.yaml", "openapi.yml"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFiles:
    """The files of a project that are worth reading, the nearest first.

    Attributes:
        python: Python modules that are no tests.
        openapi: Files that are named as OpenAPI documents are.
        complete: Whether these are all there are, and not only the first.
    """

    python: tuple[Path, ...]
    openapi: tuple[Path, ...]
    complete: bool


def list_files(project: Path) -> ProjectFiles:
    """List the files of a project, without tests, virtual environments and what others have written.

    Args:
        project: Its folder.

    Returns:
        The files.
    """
    python: list[Path] = []
    openapi: list[Path] = []
    folders = [project]
    complete = True
    for folder in folders:  # grows as it goes: level by level
        for entry in _entries(folder):
            path = folder / entry.name
            if entry.is_dir(follow_symlinks=False):
                if not _is_skipped(path):
                    folders.append(path)
            elif entry.name in _OPENAPI:
                openapi.append(path)
            elif _is_module(entry):
                python.append(path)
        if len(python) > MOST_FILES:
            complete = False
            break
    return ProjectFiles(python=tuple(python[:MOST_FILES]), openapi=tuple(openapi), complete=complete)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except PermissionError:
        return []  # as below


def _is_skipped(folder: Path) -> bool:
    return (
        folder.name.startswith((".", "__"))
        or folder.name in _SKIPPED
        or (folder / "pyvenv.cfg").exists()  # a virtual environment, whatever it is called
    )


def _is_module(entry: os.DirEntry[str]) -> bool:
    name = entry.name
    return (
        name.endswith(".py")
        and not name.startswith("test_")
        and not name.endswith("_test.py")
        and name != "conftest.py"
        and entry.is_file()
        and os.access(entry.path, os.R_OK)  # what this user cannot read cannot be served by this user either
        and entry.stat().st_size <= MOST_BYTES
    )
