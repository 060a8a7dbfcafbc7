"""Copies of a project's files: where its port is written, and those that each arm has for itself."""

import os
import re
import shutil
from pathlib import Path

from portcompare.records.run_summary import RUNS

_COPIES = "portcompare-copies"  # below it, by arm, each copy has the path of its original
_SKIPPED = frozenset({".git", ".hg", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".tox", "__pycache__"})
_LIBRARIES = frozenset({"node_modules", "site-packages"})
_IN_COPY = re.compile(rf".*/{_COPIES}/[^/]+(?=/)")


def list_project(project: Path) -> list[Path]:
    """List all files of a project and links to folders, without environments, libraries, caches and runs."""
    found: list[Path] = []
    for root, folders, names in os.walk(project):
        folders[:] = sorted(name for name in folders if not _is_skipped(Path(root, name)))
        files = (Path(root, name) for name in sorted(names) if not name.endswith(".pyc"))
        found += [file for file in files if file.is_file()]  # no pipes, sockets and links to nothing
        found += [link for name in folders if (link := Path(root, name)).is_symlink()]
    return found


def _is_skipped(folder: Path) -> bool:
    is_library = folder.name in _SKIPPED | _LIBRARIES | {_COPIES} or (folder / "pyvenv.cfg").exists()
    return is_library or folder == RUNS.absolute()


def copy_project(project: Path, home: Path) -> None:
    """Copy a project, and what links to files lead to; links to folders stay links."""
    home.mkdir(parents=True, exist_ok=True)
    for file in list_project(project):
        copy = home / file.relative_to(project)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if file.is_dir():
            copy.symlink_to(file.resolve())
        else:
            shutil.copy2(file, copy)


def find_copies(folder: Path, arm: str) -> Path:
    """Where the copies of an arm are, in the folder of a run."""
    return folder.resolve() / _COPIES / arm


def find_copy(path: Path, copies: Path) -> Path:
    """Where the copy of a file or folder is."""
    return copies / path.relative_to("/")


def name_original(path: str) -> str:
    """The original's path instead of that of a copy; any other path as it is."""
    copies = _IN_COPY.match(path)
    return path[copies.end() :] if copies else path
