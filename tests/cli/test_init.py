from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from portcompare.cli import init as command
from portcompare.discover import Draft, Found, draft_plan
from portcompare.errors import InputError
from portcompare.plan import load_plan
from portcompare.serve import vocabulary
from tests.discover.projects import FLASK, QUART, write_project

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Call = Callable[..., "Said"]

ITEMS = "\n\n@app.post('/items/<int:n>')\ndef items(n):\n    return {}\n"


@dataclass(frozen=True, kw_only=True)
class Said:
    """What the command has printed."""

    out: str
    err: str


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Run the command in this process, on a terminal that breaks no line."""
    monkeypatch.setattr(command, "out", Console(highlight=False, width=300))

    def call_init(project: Path, *, as_json: bool = False) -> Said:
        command.init(project, as_json=as_json)
        captured = capsys.readouterr()
        return Said(out=captured.out, err=captured.err)

    return call_init


def test_a_pair_becomes_a_plan_that_can_be_run(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = write_project(tmp_path, {"app.py": FLASK + ITEMS, "port.py": QUART + ITEMS})
    monkeypatch.chdir(project)
    said = call(project)
    plan = load_plan(project / "loadtests" / "plan.toml", vocabulary())
    assert {name: app.target for name, app in plan.apps.items()} == {"flask": "app:app", "quart": "port:app"}
    assert "class Index(LeanUser)" in (project / "loadtests" / "locustfile.py").read_text()
    lines = [line.split(maxsplit=1) for line in said.out.splitlines()]
    assert ["baseline", "app:app (app.py:4, 2 routes) on gunicorn"] in [[a, b.strip()] for a, b in lines]
    assert ["candidate", "port:app (port.py:4, 2 routes) on uvicorn"] in [[a, b.strip()] for a, b in lines]
    assert "POST /items/1" in said.out
    assert "written: loadtests/plan.toml\nwritten: loadtests/locustfile.py\n" in said.out
    assert said.out.endswith("next: portcompare run\n")
    assert said.err.strip() == ""


def test_the_next_command_is_for_the_folder_of_the_project(call: Call, tmp_path: Path) -> None:
    project = write_project(tmp_path / "my project", {"app.py": FLASK})
    assert call(project).out.endswith(f"next: cd '{project}' && portcompare run\n")


def test_what_is_to_be_installed_comes_first(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_servers(found: Found) -> Draft:
        return draft_plan(replace(found, baseline=replace(found.baseline, installed=frozenset())))

    monkeypatch.setattr(command, "draft_plan", without_servers)
    said = call(write_project(tmp_path, {"app.py": FLASK})).out
    assert f"first: {sys.executable} -m pip install gunicorn gevent\nnext: " in said


def test_json_is_all_there_is_on_stdout(call: Call, tmp_path: Path) -> None:
    project = write_project(tmp_path, {"app.py": FLASK, "port.py": QUART + ITEMS})
    told: dict[str, Any] = json.loads(call(project, as_json=True).out)
    assert told["schema_version"] == 1
    assert told["baseline"]["target"] == "app:app"
    assert {"rule": "/items/<int:n>", "methods": ["OPTIONS", "POST"], "path": "/items/1"} in told[
        "candidate"
    ]["routes"]
    assert told["written"] == [str(project / "loadtests" / name) for name in ("plan.toml", "locustfile.py")]
    assert told["left"] == []
    assert told["notes"] == [
        "the Flask app lacks POST /items/1: not compared before you switch it on in the plan"
    ]


def test_what_went_wrong_is_told_and_the_rest_is_written(call: Call, tmp_path: Path) -> None:
    project = write_project(tmp_path, {"app.py": FLASK, "port.py": QUART + "import nowhere_to_be_found"})
    said = call(project)
    assert (
        "port:app could not be imported: ModuleNotFoundError: No module named 'nowhere_to_be_found'"
        in said.err
    )
    assert "Complete [apps.quart] in the plan" in said.err
    plan = load_plan(project / "loadtests" / "plan.toml", vocabulary())
    assert plan.apps["quart"].target == "port:app"
    assert list(plan.scenarios) == ["index"]


def test_a_locustfile_that_is_there_is_left_and_another_written(call: Call, tmp_path: Path) -> None:
    project = write_project(tmp_path, {"app.py": FLASK, "loadtests/locustfile.py": "mine"})
    said = call(project)
    loadtests = project / "loadtests"
    assert (loadtests / "locustfile.py").read_text() == "mine"
    plan = load_plan(loadtests / "plan.toml", vocabulary())
    assert "class Index(LeanUser)" in plan.resolve(plan.locustfile).read_text()
    assert "left as it is: loadtests/locustfile.py" in said.out


def test_a_plan_that_is_there_is_left(call: Call, tmp_path: Path) -> None:
    project = write_project(tmp_path, {"app.py": FLASK, "loadtests/plan.toml": "mine"})
    said = call(project)
    assert (project / "loadtests" / "plan.toml").read_text() == "mine"
    assert "written: loadtests/locustfile.py\nleft as it is: loadtests/plan.toml" in said.out


def test_where_nothing_can_be_written_nothing_is_looked_at(call: Call, tmp_path: Path) -> None:
    files = {"app.py": "", "loadtests/plan.toml": "mine", "loadtests/locustfile.py": "mine"}
    with pytest.raises(InputError) as raised:
        call(write_project(tmp_path, files))
    assert raised.value.exit_code == 2
    assert [problem.where for problem in raised.value.problems] == [
        str(tmp_path / "loadtests" / name) for name in ("plan.toml", "locustfile.py")
    ]


def test_a_folder_that_cannot_be_written_to_is_named(call: Call, tmp_path: Path) -> None:
    project = write_project(tmp_path, {"app.py": FLASK, "loadtests": "a file"})
    with pytest.raises(InputError) as raised:
        call(project)
    (problem,) = raised.value.problems
    assert problem.where == str(project / "loadtests" / "plan.toml")
    assert "cannot be written" in problem.found


def test_a_folder_that_is_not_there_is_named(call: Call, tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        call(tmp_path / "nowhere")
    assert raised.value.problems[0].where == str(tmp_path / "nowhere")
