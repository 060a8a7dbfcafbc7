from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portcompare.discover.reading import find_apps
from tests.discover.projects import write_project

if TYPE_CHECKING:
    from pathlib import Path


def find(folder: Path, files: dict[str, str]) -> list[tuple[str, str]]:
    """The framework of each app and what a plan would call it."""
    write_project(folder, files)
    sightings, _ = find_apps(folder / name for name in files)
    return [(each.framework, each.target(str(each.file.relative_to(folder)))) for each in sightings]


@pytest.mark.parametrize(
    "text",
    [
        "from flask import Flask\napp = Flask(__name__)",
        "from flask import Flask as F\napp: F = F(__name__)",
        "import flask\napp = flask.Flask(__name__)",
        "import flask as f\nif True:\n    app = f.Flask(__name__)",
        "from flask import Flask\ntry:\n    app = Flask(__name__)\nfinally:\n    pass",
        "from flask import Flask\nclass Mine(Flask):\n    pass\napp = Mine(__name__)",
        "from apiflask import APIFlask\napp = APIFlask(__name__)",
        "from flask import Flask\nword = '\\d'\napp = Flask(__name__)",
    ],
)
def test_an_app_at_the_top_of_a_file(tmp_path: Path, text: str) -> None:
    assert find(tmp_path, {"service.py": text}) == [("flask", "service.py:app")]


def test_a_quart_app_and_its_line(tmp_path: Path) -> None:
    write_project(tmp_path, {"port.py": "import quart\n\nport = quart.Quart(__name__)\n"})
    (sighting,), _ = find_apps([tmp_path / "port.py"])
    assert (sighting.framework, sighting.name, sighting.line) == ("quart", "port", 3)
    assert not sighting.is_factory


@pytest.mark.parametrize(
    "text",
    [
        "from flask import Flask\ndef make():\n    app = Flask(__name__)\n    return app",
        "from flask import Flask\ndef make(debug=False, *, name='x'):\n    return Flask(name)",
        "def make():\n    from flask import Flask\n    return Flask(__name__)",
        "import flask\ndef make() -> flask.Flask:\n    return somewhere()",
        "import flask\ndef _own():\n    return flask.Flask('x')\ndef make():\n    x = _own()\n    return x",
    ],
)
def test_a_factory(tmp_path: Path, text: str) -> None:
    assert find(tmp_path, {"service.py": text}) == [("flask", "service.py:make()")]


@pytest.mark.parametrize(
    "text",
    [
        "from elsewhere import Flask\napp = Flask(__name__)",
        "from flask import Blueprint\napp = Blueprint('x', __name__)",
        "from flask import Flask\nif __name__ == '__main__':\n    app = Flask(__name__)",
        "from flask import Flask\nclass Holder:\n    app = Flask(__name__)",
        "from flask import Flask\ndef register(app: Flask) -> Flask:\n    return app",
        "from flask import Flask\napp = Flask(__name__)\napp = wrapped(app)",
        "def make():\n    return make()",
    ],
)
def test_what_is_no_app(tmp_path: Path, text: str) -> None:
    assert find(tmp_path, {"service.py": text}) == []


def test_a_factory_tells_what_it_cannot_be_called_without(tmp_path: Path) -> None:
    text = "from flask import Flask\ndef make(config, debug=False, *, name):\n    return Flask(name)"
    write_project(tmp_path, {"service.py": text})
    (sighting,), _ = find_apps([tmp_path / "service.py"])
    assert sighting.needs == ("config", "name")


MAKES = "def create_app():\n    return {0}(__name__)\n"


def test_an_app_that_is_made_by_another_file(tmp_path: Path) -> None:
    files = {
        "old/factory.py": "from flask import Flask\n" + MAKES.format("Flask"),
        "old/__init__.py": "from .factory import create_app",
        "new/__init__.py": "from quart import Quart\n" + MAKES.format("Quart"),
        "new/serve.py": "from . import create_app as make\napp = make()",
        "wsgi.py": "from old import create_app\napplication = create_app()",
        "asgi.py": "import new\napplication = new.create_app()",
    }
    assert find(tmp_path, files) == [
        ("flask", "old/factory.py:create_app()"),
        ("quart", "new/__init__.py:create_app()"),
        ("quart", "new/serve.py:app"),
        ("flask", "wsgi.py:application"),
        ("quart", "asgi.py:application"),
    ]


def test_files_that_import_each_other_come_to_an_end(tmp_path: Path) -> None:
    files = {"a.py": "from b import make\napp = make()", "b.py": "from a import make"}
    assert find(tmp_path, files) == []


def test_a_file_that_cannot_be_read_is_told_of_if_it_may_hold_an_app(tmp_path: Path) -> None:
    write_project(tmp_path, {"old.py": "print 'x'", "app.py": "app = Flask(\n", "nul.py": "Quart(\0)"})
    sightings, notes = find_apps(sorted(tmp_path.glob("*.py")))
    assert sightings == ()
    assert [note.split(" was not")[0] for note in notes] == [
        str(tmp_path / "app.py"),
        str(tmp_path / "nul.py"),
    ]
