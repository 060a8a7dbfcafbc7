import json
import re
from pathlib import Path

import pytest

from portcompare.plan import Plan
from portcompare.run import trial
from tests.cli.conftest import refused
from tests.conftest import Command
from tests.discover.projects import write_project
from tests.runs import note_plans

APP = """
import os

from flask import Flask, render_template_string, request

app = Flask(__name__)


@app.get("/")
def index():
    return render_template_string("<p>{{ request.path }}</p>")


@app.get("/broken")
def broken():
    raise RuntimeError("on both sides")


@app.get("/kind")
def kind():
    return {"framework": type(request._get_current_object()).__mro__[1].__module__.partition(".")[0]}


@app.post("/items")
def add():
    with open("items.txt", "a") as items:
        items.write("x")
    return {}, 201


@app.get("/items")
def size():
    return {"items": os.path.getsize("items.txt") if os.path.exists("items.txt") else 0}
"""


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    """The plans that are measured; nothing is."""
    return note_plans(monkeypatch, trial)


def test_a_project_is_ported_compared_and_measured_where_it_responds_alike(
    command: Command, tmp_path: Path, plans: list[Plan]
) -> None:
    project = tmp_path / "shop"
    project.mkdir()
    (project / "app.py").write_text(APP, encoding="utf-8")
    code, out, err = command("try", project, "--out", "tried", "--budget", "120s", "--writes")
    assert (project / "app.py").read_text(encoding="utf-8") == APP
    assert [path.name for path in project.iterdir()] == ["app.py"]
    assert "Port: 4 async, 1 in a thread" in out, err
    assert "request GET /broken does not work on the baseline" in out
    assert re.search(r'GET /kind.*at quart-uvicorn\n *json /framework: "werkzeug" -> "quart"', out)
    assert code == 1
    (plan,) = plans
    assert (plan.baseline, plan.candidates) == ("flask-gunicorn", ["quart-uvicorn", "flask-gunicorn-gevent"])
    assert [one.user for one in plan.scenarios.values()] == ["Index", "Size"]
    assert plan.rounds.budget_s <= 120
    assert "async def index" in Path("tried/quart/shop/app.py").read_text(encoding="utf-8")
    # Each deployment has counted its own items, in a copy that is gone.
    assert "/items" not in out
    assert all(app.copy_directory for app in plan.apps.values())
    assert not [*Path("tried").rglob("items.txt")]


def test_all_is_printed_as_json(command: Command, tmp_path: Path, plans: list[Plan]) -> None:
    app = APP.partition('@app.get("/broken")')[0]
    write_project(tmp_path, {"app.py": app, "runs/earlier/app.py": app})
    code, out, _ = command("try", "--json")
    found = json.loads(out)
    assert (code, len(plans)) == (0, 1)
    assert not list(tmp_path.glob("runs/*/*/*/runs"))  # those of the project are no part of it
    assert [each["outcome"] for each in found["routes"]] == ["async"]
    assert found["left_by_hand"] == []
    assert found["parity"]["verdict"] == "alike"
    assert found["results"]["valid"]


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, "there is no Flask app"),
        ({"app.py": "def broken(:"}, "there is no Flask app; app.py:1 stays as it is, as it is not Python"),
        ({"app.py": "from quart import Quart\napp = Quart(__name__)"}, "is Quart already"),
        (
            {"app.py": "from flask import Flask\nimport nowhere\napp = Flask(__name__)"},
            "No module named 'nowhere'",
        ),
    ],
)
def test_what_cannot_be_tried_is_refused_and_nothing_left(
    command: Command, tmp_path: Path, files: dict[str, str], found: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert found in refused(command, "try", tmp_path, "--out", tmp_path.parent / "tried")
    assert not (tmp_path.parent / "tried").exists()


def test_folders_that_hold_something_or_are_none_are_refused(command: Command, tmp_path: Path) -> None:
    assert "there is no such folder" in refused(command, "try", tmp_path / "none")
    assert "is within the project" in refused(command, "try", tmp_path, "--out", tmp_path / "tried")
    assert "give 120 seconds or more" in refused(command, "try", tmp_path, "--budget", "90s")
    project = tmp_path / "project"
    project.mkdir()
    (tmp_path / "tried" / "run").mkdir(parents=True)
    (tmp_path / "tried" / "run" / "results.json").touch()
    assert "holds a run already" in refused(command, "try", project, "--out", tmp_path / "tried")
