import sys
from pathlib import Path
from textwrap import dedent

import pytest

from portcompare.discover import apps
from portcompare.discover.apps import Found, Place, find_python, import_places, look_at_project
from portcompare.errors import InputError
from tests.discover.projects import FLASK, QUART, write_project


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """A port that lacks a route, a src layout, a second Flask app, one that is broken."""
    files = {
        "src/shop/__init__.py": "",
        "src/shop/wsgi.py": "from .factory import create_app\napp = create_app()",
        "src/shop/factory.py": """
            from flask import Blueprint, Flask, send_file

            api = Blueprint("api", __name__, url_prefix="/api")


            @api.route("/items/<int:item_id>", methods=["GET", "PUT"])
            def item(item_id):
                return {"id": item_id}


            def create_app():
                print("what an app prints does no harm")
                app = Flask(__name__)
                app.register_blueprint(api)
                app.add_url_rule("/", "index", lambda: "hello")
                return app
            """,
        "asgi.py": QUART,
        "admin.py": FLASK + "app.add_url_rule('/users', 'users', index)\n",
        "broken.py": FLASK + "raise ValueError('DATABASE is not set')",
        "openapi.json": '{"openapi": "3.1.0"}',
        "docs/openapi.yaml": "swagger: 2.0",
    }
    return look_at_project(write_project(tmp_path_factory.mktemp("pair"), files))


def test_both_sides_are_found_with_their_routes_places_and_distributions(pair: Found) -> None:
    flask, quart = pair.baseline, pair.candidate
    assert (flask.target, flask.problem, quart and quart.target) == ("shop.wsgi:app", "", "asgi:app")
    rules = {route.rule: route.methods for route in flask.routes if not route.is_static}
    assert rules["/api/items/<int:item_id>"] == ("GET", "HEAD", "OPTIONS", "PUT")
    assert [route.rule for route in quart.routes if not route.is_static] == ["/"] if quart else False
    assert (flask.place.directory, flask.place.pythonpath) == (pair.project, (pair.project / "src",))
    assert flask.python == Path(sys.executable)
    assert {"flask", "gunicorn", "uvicorn"} <= flask.installed


def test_other_apps_are_listed_the_likeliest_first_and_documents_of_openapi_3(pair: Found) -> None:
    others = [(each.file.name, each.name) for each in pair.others]
    assert others == [("admin.py", "app"), ("broken.py", "app"), ("factory.py", "create_app")]
    assert pair.openapi == (pair.project / "openapi.json",)


def test_of_two_apps_the_one_with_the_routes_of_the_port_is_chosen(tmp_path: Path) -> None:
    items = "app.add_url_rule('/items', 'items', index)\n"
    admin = FLASK.replace('"/"', '"/admin"') + "app.add_url_rule('/users', 'users', index)\n"
    files = {"app.py": admin, "shop.py": FLASK + items, "port.py": QUART + items}
    assert look_at_project(write_project(tmp_path, files)).baseline.target == "shop:app"


def test_the_interpreter_reports_the_framework_that_the_sources_do_not_tell(tmp_path: Path) -> None:
    files = {
        "old.py": "from flask import Flask\ndef create_app():\n    return Flask(__name__)",
        "new.py": "from quart import Quart\ndef create_app():\n    return Quart(__name__)",
        "wsgi.py": "from old import create_app\napp = create_app()",
        "asgi.py": "from new import create_app\napp = create_app()",
    }
    found = look_at_project(write_project(tmp_path, files))
    assert (found.baseline.target, found.candidate and found.candidate.target) == ("wsgi:app", "asgi:app")
    assert [each.name for each in found.others] == ["create_app", "create_app"]


def test_a_huge_project_is_read_in_part_with_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apps, "MOST_FILES", 1)
    found = look_at_project(write_project(tmp_path, {"app.py": FLASK, "deep/port.py": QUART}))
    assert found.candidate is None
    assert found.notes == ("only the first 1 Python files were read",)


def test_an_app_that_imports_from_the_projects_folder_is_tried_from_there(tmp_path: Path) -> None:
    app = "from backend.settings import NAME\n" + FLASK
    files = {"backend/app.py": app, "backend/settings.py": "NAME = 1"}
    found = look_at_project(write_project(tmp_path, files))
    assert (found.baseline.target, found.baseline.problem) == ("backend.app:app", "")
    assert found.baseline.place.directory == found.project


def test_an_app_whose_import_hangs_is_tried_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apps, "IMPORT_LIMIT_S", 2.0)
    hanging = "from pathlib import Path\nPath(__file__).with_name('tried').open('a').write('x')\n" + FLASK
    files = {"backend/app.py": hanging + "import signal\nsignal.pause()"}
    found = look_at_project(write_project(tmp_path, files))
    assert found.baseline.problem.startswith("not done after")
    assert (tmp_path / "backend" / "tried").read_text() == "x"


def test_an_app_that_cannot_be_imported_and_a_factory_with_arguments_have_problems(tmp_path: Path) -> None:
    files = {"app.py": FLASK + "raise SystemExit(0)", "port.py": QUART + "import nowhere_to_be_found"}
    found = look_at_project(write_project(tmp_path / "a", files))
    assert found.baseline.problem == "importing it ended the process with status 0"
    assert found.candidate is not None
    assert found.candidate.problem == "ModuleNotFoundError: No module named 'nowhere_to_be_found'"
    assert found.candidate.routes == ()
    factory = "from flask import Flask\ndef create_app(config):\n    return Flask(config)"
    found = look_at_project(write_project(tmp_path / "b", {"app.py": factory}))
    assert found.baseline.target == "app:create_app()"
    assert found.baseline.problem == "create_app cannot be called without config"


def test_without_a_flask_app_the_error_tells_what_was_found(tmp_path: Path) -> None:
    quart = "there is a Quart app (app in asgi.py:4), and no Flask app to compare it with"
    for name, text, found in (("notes", "x = 1", "no Flask app in 1 Python files"), ("asgi", QUART, quart)):
        project = write_project(tmp_path / name, {f"{name}.py": text})
        with pytest.raises(InputError) as raised:
            look_at_project(project)
        (problem,) = raised.value.problems
        assert problem.where == str(project)
        assert found in problem.found
        assert "portcompare init FOLDER" in problem.remedy


@pytest.mark.parametrize(
    ("file", "others", "expected"),
    [
        ("app.py", (), [(".", [], "app")]),
        ("pkg/__init__.py", (), [(".", [], "pkg")]),
        ("pkg/sub/app.py", ("pkg/__init__.py", "pkg/sub/__init__.py"), [(".", [], "pkg.sub.app")]),
        ("src/pkg/app.py", ("src/pkg/__init__.py",), [(".", ["src"], "pkg.app"), ("src", [], "pkg.app")]),
        ("backend/app.py", (), [("backend", [], "app"), (".", [], "backend.app"), (".", ["backend"], "app")]),
        ("my-service/app.py", (), [("my-service", [], "app"), (".", ["my-service"], "app")]),
    ],
)
def test_a_file_can_be_imported_from_the_places_around_it(
    tmp_path: Path, file: str, others: tuple[str, ...], expected: list[tuple[str, list[str], str]]
) -> None:
    write_project(tmp_path, dict.fromkeys([file, *others], ""))
    found = import_places(tmp_path / file, tmp_path)
    assert found == tuple(
        Place(directory=tmp_path / place, pythonpath=tuple(tmp_path / one for one in folders), module=module)
        for place, folders, module in expected
    )
    project = write_project(tmp_path / "itself", {"__init__.py": "", "app.py": ""})  # a package, from above
    assert import_places(project / "app.py", project) == (Place(directory=tmp_path, module="itself.app"),)


@pytest.mark.parametrize(
    ("environments", "active", "expected"),
    [
        ((), None, None),
        (("venv",), None, "venv"),
        ((".venv", "active"), "active", "active"),
        (("side/.venv", "active"), "active", "side/.venv"),
        ((".venv",), sys.prefix, ".venv"),  # that portcompare's own is active says nothing about the app
    ],
)
def test_an_app_is_run_by_the_environment_of_its_side_the_active_one_or_the_projects(
    tmp_path: Path, environments: tuple[str, ...], active: str | None, expected: str | None
) -> None:
    write_project(tmp_path, {f"{name}/bin/python": "" for name in environments})
    variables = {} if active is None else {"VIRTUAL_ENV": str(tmp_path / active)}
    found = find_python(tmp_path / "side" / "pkg", tmp_path, variables)
    assert found == (tmp_path / expected / "bin" / "python" if expected else Path(sys.executable))
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / ".venv").symlink_to(sys.prefix)  # portcompare's own, under another name
    assert find_python(tmp_path / "own", tmp_path / "own", {}) == Path(sys.executable)


SETTINGS = """
import os, sys

def fail(error):
    raise error

PORT = int(os.environ["SHOP_NUMBER"])
URL = os.environ["SHOP_URL"]
URL = os.environ.get("SHOP_MESSAGE") or sys.exit("SHOP_MESSAGE must be set")
URL = os.getenv("SHOP_ERROR") or fail(RuntimeError("set the SHOP_ERROR environment variable"))
URL = os.getenv("SHOP_NONE").strip()
URL = {**os.environ}["SHOP_COPY"]
"""
"""What environs, decouple and others do, in short; how an app reads variables that it needs."""

PYDANTIC = """
from pydantic import BaseModel

class BaseSettings(BaseModel):
    pass
"""

SETTINGS_OF_PYDANTIC = """
import os
from pydantic_settings import BaseSettings

class Settings(BaseSettings):
    model_config = {"env_prefix": "shop_"}
    secret: str

Settings(**{"secret": value for name, value in os.environ.items() if name == "SHOP_SECRET"})
"""


def test_variables_without_which_an_app_cannot_be_imported_get_placeholders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("SHOP_MESSAGE", "SHOP_ERROR", "SHOP_NONE", "SHOP_COPY", "SHOP_SECRET")
    placeholders = dict.fromkeys(names, "placeholder")
    placeholders |= {"SHOP_NUMBER": "1", "SHOP_URL": "http://127.0.0.1:9"}
    for name in placeholders:
        monkeypatch.delenv(name, raising=False)
    files = {
        "settings.py": SETTINGS,
        "pydantic_settings.py": PYDANTIC,
        "more_settings.py": SETTINGS_OF_PYDANTIC,
        "app.py": "import settings, more_settings\n" + FLASK,
    }
    app = look_at_project(write_project(tmp_path, files)).baseline
    assert (app.problem, app.environment) == ("", placeholders)
    assert app.place_of_problem.startswith("settings.py, line ")
    assert [route.path for route in app.routes if not route.is_static] == ["/"]


def test_an_app_that_fails_in_spite_of_placeholders_still_names_its_variables(tmp_path: Path) -> None:
    text = "import os\nif os.environ['SHOP_TOKEN']:\n    raise ConnectionError('no server')\n" + FLASK
    app = look_at_project(write_project(tmp_path, {"app.py": text})).baseline
    assert (app.problem, app.environment) == ("ConnectionError: no server", {"SHOP_TOKEN": "placeholder"})


def test_sqlite_files_are_found_in_what_apps_open_and_in_sources_and_left_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_DATABASE", "sqlite:///from-variable.db")
    opens = "\n\n@app.get('/opens')\ndef opens():\n    import sqlite3, pathlib\n"
    opens += "    return str(sqlite3.connect(pathlib.Path('opened.db')).execute('create table t (n)'))\n"
    unused = (
        "import sqlite3\ndef use():\n    sqlite3.connect(':memory:')\n    sqlite3.connect('written.db')\n"
    )
    files = {"app.py": FLASK + opens, "models.py": unused, ".env": "URL=sqlite:///from-file.db"}
    found = look_at_project(write_project(tmp_path, files))
    assert found.databases[0] == tmp_path / "opened.db"
    names = {"from-variable.db", "from-file.db", "written.db"}
    assert {path.name for path in found.databases} >= names
    assert not (tmp_path / "opened.db").exists()


def test_the_routes_of_the_flask_app_are_tried_but_for_those_that_seem_to_change_data(tmp_path: Path) -> None:
    more = """

        @app.get("/items/<int:n>/delete")
        def delete(n):
            open("deleted", "w")
            return ""


        @app.route("/update", methods=["GET", "POST"])
        def update():
            return "", 403


        @app.get("/notes")
        def notes():
            return "", 401


        @app.post("/notes")
        def add():
            return ""
        """
    found = look_at_project(write_project(tmp_path, {"app.py": FLASK + dedent(more)}))
    assert {path: tried.status for (_, path), tried in found.tried.items()} == {
        "/": 200,
        "/update": 403,
        "/notes": 401,
    }
    assert found.tried["", "/update"].wants_login
    assert not (tmp_path / "deleted").exists()


def test_an_app_is_imported_in_a_folder_with_files_named_like_libraries(tmp_path: Path) -> None:
    hidden = dict.fromkeys(("gunicorn.py", "hypercorn.py", "quart.py", "flask/__init__.py"), "1 / 0")
    # A thread that an app starts does not keep it waiting either.
    waits = "import threading\nthreading.Thread(target=threading.Event().wait).start()\n"
    found = look_at_project(write_project(tmp_path, hidden | {"app.py": waits + FLASK, "port.py": QUART}))
    assert (found.baseline.problem, found.candidate and found.candidate.problem) == ("", "")
    named = write_project(tmp_path / "named", {"flask.py": FLASK})
    clash = f"{named / 'flask.py'} has the name of the library flask"
    assert clash in look_at_project(named).baseline.problem
