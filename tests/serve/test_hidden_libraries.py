"""Folders whose files have the names of libraries."""

from pathlib import Path

import pytest

from portcompare.plan import Plan
from portcompare.serve.interpreters import check_interpreters
from portcompare.serve.recipe import resolve_all, resolve_deployment
from tests.serve.support import APPS, fetch, serve, write_plan

# What serves, and what Quart, Flask and the app need.
NAMES = (
    ("gunicorn.py", "hypercorn.py", "uvicorn/__init__.py", "portcompare.py"),
    ("flask.py", "quart.py", "click.py", "h11.py", "asyncio.py"),
)
RAISE = "raise SystemExit('this file was imported')"


def make_plan(tmp_path: Path, files: dict[str, str], target: str = "probe:wsgi") -> Plan:
    folder = tmp_path / "app"
    probe = (APPS / "probe.py").read_text()
    apps = {
        "probe.py": f"import own\nfrom flask import Flask\nassert Flask\n{probe}",
        "port.py": f"import asyncio, own\nfrom quart import Quart\nassert Quart and asyncio.sleep\n{probe}",
        "own.py": "",
    }
    for name, text in {**apps, **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    names = {"gunicorn": "", "hypercorn": "workers = 2", "uvicorn asgi": "workers = 2"}
    plan = write_plan(tmp_path, names, target=target, asgi_target="port:asgi", directory=folder)
    moved = {name: app.model_copy(update={"directory": folder}) for name, app in plan.apps.items()}
    return plan.model_copy(update={"apps": moved})


def import_problems(plan: Plan) -> list[str]:
    checks = check_interpreters(resolve_all(plan), with_import=True)
    return [check.problem for check in checks if check.problem]


@pytest.mark.parametrize("names", NAMES)
def test_a_server_starts_in_a_folder_with_files_named_like_libraries(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    plan = make_plan(tmp_path, dict.fromkeys(names, RAISE))
    assert import_problems(plan) == []
    with serve(plan, tmp_path) as servers:
        assert all(fetch(server, "/process")["made"] == [] for server in servers.values())


@pytest.mark.parametrize(
    ("file", "text", "target"),
    [
        ("flask.py", "from flask import Flask\nwsgi = Flask(__name__)", "flask:wsgi"),
        ("gunicorn.py", "def wsgi(environ, start_response): ...", "gunicorn:wsgi"),
        ("click.py", "NAME = 1", "uses:wsgi"),
    ],
)
def test_a_module_that_the_app_itself_needs_is_named_if_a_library_has_its_name(
    tmp_path: Path, file: str, text: str, target: str
) -> None:
    plan = make_plan(tmp_path, {file: text, "uses.py": "from click import NAME\nwsgi = print"}, target)
    (problem,) = import_problems(plan)
    clash = (
        f"{tmp_path / 'app' / file} has the name of the library {file[:-3]}, which is imported in its place"
    )
    assert clash in problem


def test_where_no_file_hides_a_library_the_server_is_run_as_usual(tmp_path: Path) -> None:
    recipe = resolve_deployment(
        make_plan(tmp_path, {"gunicorn.conf.py": "", "flask/data.txt": ""}), "gunicorn"
    )
    assert recipe.command(1)[1:3] == ("-m", "gunicorn")
