"""Projects of a few lines, and what their ports must be."""

import re
from pathlib import Path
from textwrap import dedent

import pytest

from portcompare.port.make import port_project
from portcompare.port.records import Port

HEAD = "from flask import Flask, {names}\napp = Flask(__name__)\n"
_HELPED = re.compile(r"from [.\w]*as_flask import ([\w, ]+)")


def port(folder: Path, files: dict[str, str]) -> Port:
    """The port of some files, whose helper has all that they import from it."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    made = port_project(folder)
    assert made is not None
    texts = [text.decode(errors="replace") for text in made.files.values()]
    names = [name for text in texts for found in _HELPED.findall(text) for name in found.split(", ")]
    for name in names:
        assert re.search(rf"^(async def |def |class )?{name.partition(' ')[0]}\b", texts[-1], re.MULTILINE)
    return made


def case(name: str, names: str, change: str, imports: str = "") -> object:
    """A blueprint's code, with `-` and `+` where it changes: `names` come from flask, `imports` are added."""
    return pytest.param(names, dedent(change).strip("\n"), imports, id=name)


def check_code(folder: Path, names: str, change: str, imports: str) -> None:
    """Check that the code of a case changes as it must."""
    before, after = side(change, without="+"), side(change, without="-")
    app = "from flask import Flask\nimport views\napp = Flask(__name__)\n"
    views = f"from flask import Blueprint, {names}\nbp = Blueprint('b', __name__)\n{before}"
    text = port(folder, {"app.py": app, "views.py": views}).files["views.py"].decode()
    assert text.endswith(f"bp = Blueprint('b', __name__)\n{after}") or _body(text) == _body(after)
    assert imports in text
    assert "flask" not in text.replace("as_flask", "")


def side(change: str, *, without: str) -> str:
    """One side of a change: all lines but those with the mark of the other side."""
    lines = [line for line in change.splitlines() if not line.startswith(without)]
    return dedent(re.sub("^[-+]", " ", "\n".join(lines), flags=re.MULTILINE)) + "\n"


def _body(text: str) -> str:
    """A module without the lines that import, which rules replace, add and leave out."""
    lines = [line for line in text.splitlines() if not line.startswith(("import ", "from ", "bp = "))]
    return "\n".join(lines)
