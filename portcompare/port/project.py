"""The files of a project: what a port copies, and what it reads."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from portcompare.discover.definitions import MOST_BYTES
from portcompare.port.helper import PARTS, TEMPLATE_PARTS
from portcompare.port.records import Left, Port
from portcompare.port.sources import Module, read_module
from portcompare.port.tables import BLOCKING_PACKAGES
from portcompare.serve.copies import list_project

LIBRARY_NAMES = sys.stdlib_module_names | BLOCKING_PACKAGES.keys() | {"flask", "httpx", "jinja2", "werkzeug"}
_TEMPLATES = frozenset({".htm", ".html", ".j2", ".jinja", ".jinja2", ".xml"})
_TESTS = re.compile(r"(^|/)(tests?/|test_[^/]*\.py$|conftest\.py$)|_test\.py$")


def write_port(made: Port, home: Path) -> None:
    """Write the files of a port that change or are new; what shares a file by a link keeps the old one."""
    for name, text in made.files.items():
        path = home / name
        mode = path.stat().st_mode if path.exists() else None
        path.unlink(missing_ok=True)
        path.write_bytes(text)
        if mode is not None:
            path.chmod(mode)


def read_modules(project: Path) -> tuple[list[Module], list[Left]]:
    """Read all Python files, and find those that are not Python of this version."""
    modules: list[Module] = []
    left: list[Left] = []
    for file in list_project(project):
        path = file.relative_to(project).as_posix()
        if file.suffix != ".py" or not file.is_file():
            continue
        try:
            source = file.read_bytes()
            is_package, is_test = file.name == "__init__.py", _TESTS.search(path) is not None
            name = _module_name(file)
            if name in LIBRARY_NAMES and "/" in path:  # it is imported by another name
                name = path.removesuffix(".py").replace("/", ".")
            modules.append(read_module(path, name, source, is_package=is_package, is_test=is_test))
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


def find_parts(project: Path, modules: Sequence[Module]) -> set[str]:
    """Find the parts of Flask's behaviour that the texts of a project show it to need."""
    texts = [module.text for module in modules if not module.is_test]
    found = {part for part, pattern in PARTS.items() if any(re.search(pattern, text) for text in texts)}
    found |= {"test_client"} if any("test_client" in module.text for module in modules) else set()
    for part, pattern in TEMPLATE_PARTS.items():
        found |= {part} if any(re.search(rf"\{{[{{%][^{{}}]*{pattern}", text) for text in texts) else set()
    for file in list_project(project):
        inside = file.relative_to(project)
        if "static" in inside.parts:
            found.add("files")
        elif _is_template(inside) and file.is_file() and file.stat().st_size <= MOST_BYTES:
            text = file.read_text("utf-8", "replace")
            found |= {part for part, pattern in TEMPLATE_PARTS.items() if re.search(pattern, text)}
    return found


def _is_template(inside: Path) -> bool:
    return "templates" in inside.parts or inside.suffix in _TEMPLATES
