from pathlib import Path

import pytest

from portcompare.discover.definitions import find_definitions, list_files
from tests.discover.projects import write_project


def test_modules_and_openapi_documents_are_listed_the_nearest_first_but_no_tests_and_packages(
    tmp_path: Path,
) -> None:
    modules = ["b.py", "z.py", "a/c.py", "a/deep/c.py"]
    documents = ["openapi.yml", "docs/openapi.json"]
    packages = ["node_modules/app.py", "lib/site-packages/app.py", ".venv/lib/app.py", "mine/lib/app.py"]
    tests = ["tests/app.py", "test_app.py", "app_test.py", "conftest.py", "loadtests/app.py"]
    skipped = [*packages, *tests, "mine/pyvenv.cfg", ".hidden/app.py", "notes.txt", "openapi.txt"]
    project = write_project(tmp_path, dict.fromkeys([*skipped, *documents[::-1], *modules[::-1]], ""))
    (project / "again").symlink_to(project)
    found = [[str(path.relative_to(project)) for path in paths] for paths in list_files(project)[:2]]
    assert found == [modules, documents]


def find(folder: Path, files: dict[str, str]) -> list[tuple[str | None, str]]:
    """The framework of each app and its name in a plan."""
    write_project(folder, files)
    definitions, _ = find_definitions(folder / name for name in files)
    return [(each.framework, each.target(str(each.file.relative_to(folder)))) for each in definitions]


FLASK = "from flask import Flask\n"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (FLASK + "app = Flask(__name__)", ["app"]),
        ("from flask import Flask as F\napp: F = F(__name__)", ["app"]),
        ("import flask\napp = flask.Flask(__name__)", ["app"]),
        ("import flask as f\nif True:\n    app = f.Flask(__name__)", ["app"]),
        (FLASK + "try:\n    app = Flask(__name__)\nfinally:\n    pass", ["app"]),
        (FLASK + "class Mine(Flask):\n    pass\napp = Mine(__name__)", ["app"]),
        ("from apiflask import APIFlask\napp = APIFlask(__name__)", ["app"]),
        (FLASK + "word = '\\d'\napp = Flask(__name__)", ["app"]),
        # Factories:
        (FLASK + "def make():\n    app = Flask(__name__)\n    return app", ["make()"]),
        (FLASK + "def make(debug=False, *, name='x'):\n    return Flask(name)", ["make()"]),
        ("def make():\n    from flask import Flask\n    return Flask(__name__)", ["make()"]),
        ("import flask\ndef make() -> flask.Flask:\n    return somewhere()", ["make()"]),
        (f"{FLASK}def make():\n    x = _own()\n    return x\ndef _own():\n    return Flask('x')", ["make()"]),
        # Neither:
        ("from elsewhere import Flask\napp = Flask(__name__)", []),
        ("from flask import Blueprint\napp = Blueprint('x', __name__)", []),
        (FLASK + "if __name__ == '__main__':\n    app = Flask(__name__)", []),
        (FLASK + "class Holder:\n    app = Flask(__name__)", []),
        (FLASK + "def register(app: Flask) -> Flask:\n    return app", []),
        (FLASK + "app = Flask(__name__)\napp = wrapped(app)", []),
        ("def make():\n    return make()", []),
    ],
)
def test_apps_at_the_top_of_a_file_and_factories_are_found(
    tmp_path: Path, text: str, names: list[str]
) -> None:
    assert find(tmp_path, {"service.py": text}) == [("flask", f"service.py:{name}") for name in names]


def test_a_definition_has_a_line_and_a_factory_the_arguments_that_it_needs(tmp_path: Path) -> None:
    factory = "def make(config, debug=False, *, name):\n    return quart.Quart(name)\n"
    write_project(tmp_path, {"port.py": f"import quart\n\nport = quart.Quart(__name__)\n{factory}"})
    (app, make), _ = find_definitions([tmp_path / "port.py"])
    assert (app.framework, app.name, app.line, app.is_factory) == ("quart", "port", 3, False)
    assert (make.line, make.is_factory, make.needs) == (4, True, ("config", "name"))


MAKES = "def create_app():\n    return {0}(__name__)\n"


def test_an_app_made_by_another_file_is_found_by_the_name_of_its_factory(tmp_path: Path) -> None:
    files = {
        "old/factory.py": "from flask import Flask\n" + MAKES.format("Flask"),
        "wsgi.py": "from old import create_app as make\napplication = make()",
        "main.py": "import old.factory\napp = old.factory.create_app()",
        "tools.py": "from elsewhere import create_tool\ntool = create_tool()",
    }
    assert find(tmp_path, files) == [
        ("flask", "old/factory.py:create_app()"),
        ("flask", "wsgi.py:application"),
        ("flask", "main.py:app"),
    ]


def test_where_both_frameworks_have_a_factory_of_that_name_the_framework_is_unknown(tmp_path: Path) -> None:
    files = {
        "old.py": "from flask import Flask\n" + MAKES.format("Flask") + "app = create_app()",
        "new.py": "from quart import Quart\n" + MAKES.format("Quart"),
        "serve.py": "from new import create_app\napp = create_app()",
    }
    assert find(tmp_path, files) == [
        ("flask", "old.py:app"),
        ("flask", "old.py:create_app()"),
        ("quart", "new.py:create_app()"),
        (None, "serve.py:app"),
    ]


def test_a_file_that_cannot_be_read_is_noted_if_it_may_contain_an_app(tmp_path: Path) -> None:
    write_project(tmp_path, {"old.py": "print 'x'", "app.py": "app = Flask(\n", "nul.py": "Quart(\0)"})
    definitions, notes = find_definitions(sorted(tmp_path.glob("*.py")))
    assert definitions == ()
    assert [note.split(" was skipped")[0] for note in notes] == [
        str(tmp_path / "app.py"),
        str(tmp_path / "nul.py"),
    ]
