"""The files of a project: what a port copies, and what it reads."""

import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from portcompare.discover.definitions import MOST_BYTES
from portcompare.port.records import Left
from portcompare.port.sources import Module, read_module
from portcompare.port.tables import PARTS, TEMPLATE_PARTS

_SKIPPED = frozenset({".git", ".hg", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".tox", "__pycache__"})
_LIBRARIES = frozenset({"node_modules", "site-packages"})
_TESTS = re.compile(r"(^|/)(tests?/|test_[^/]*\.py$|conftest\.py$)|_test\.py$")


def list_project(project: Path) -> list[Path]:
    """List all files of a project, without environments, libraries, caches and version control."""
    found: list[Path] = []
    for root, folders, names in os.walk(project):
        folders[:] = sorted(name for name in folders if not _is_skipped(Path(root, name)))
        files = (Path(root, name) for name in sorted(names) if not name.endswith(".pyc"))
        found += [file for file in files if file.is_file() or file.is_symlink()]  # no pipes and sockets
    return found


def _is_skipped(folder: Path) -> bool:
    return folder.name in _SKIPPED | _LIBRARIES or (folder / "pyvenv.cfg").exists()


def read_modules(project: Path) -> tuple[list[Module], list[Left]]:
    """Read all Python files, and find those that are not Python of this version."""
    modules: list[Module] = []
    left: list[Left] = []
    for file in list_project(project):
        path = file.relative_to(project).as_posix()
        if file.suffix != ".py" or not file.is_file():
            continue
        if file.is_symlink():  # what it leads to belongs to others too
            left.append(Left(why="stays as it is, as it is a link to another file", place=f"{path}:1"))
            continue
        try:
            text = file.read_bytes().decode("utf-8-sig")
            is_package, is_test = file.name == "__init__.py", _TESTS.search(path) is not None
            modules.append(
                read_module(path, _module_name(file), text, is_package=is_package, is_test=is_test)
            )
        except (SyntaxError, ValueError) as error:
            line, found = getattr(error, "lineno", None) or 1, getattr(error, "msg", None) or str(error)
            version = f"{sys.version_info.major}.{sys.version_info.minor}"
            why = f"stays as it is, as it is not Python {version}: {found}"
            left.append(Left(why=why, place=f"{path}:{line}"))
    return modules, left


def _module_name(file: Path) -> str:
    parts = [] if file.name == "__init__.py" else [file.stem]
    folder = file.parent
    while (folder / "__init__.py").exists():
        parts.insert(0, folder.name)
        folder = folder.parent
    return ".".join(parts)


def find_parts(project: Path, modules: Iterable[Module]) -> set[str]:
    """Find the parts of Flask's behaviour that the texts of a project show it to need."""
    texts = [module.text for module in modules if not module.is_test]
    found = {part for part, pattern in PARTS.items() if any(re.search(pattern, text) for text in texts)}
    for file in list_project(project):
        inside = file.relative_to(project)
        if "static" in inside.parts:
            found.add("files")
        elif "templates" in inside.parts and file.is_file() and file.stat().st_size <= MOST_BYTES:
            text = file.read_text("utf-8", "replace")
            found |= {part for part, pattern in TEMPLATE_PARTS.items() if re.search(pattern, text)}
    return found
