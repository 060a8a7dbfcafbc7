import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from portcompare.cli import init
from portcompare.discover.apps import Found
from portcompare.plan import load_plan
from portcompare.serve.servers import vocabulary
from tests.cli.conftest import refused
from tests.conftest import Command
from tests.discover.projects import FLASK, QUART, write_project
from tests.discover.samples import ALONE, FULL, PAIR, make_app

Look = Callable[[Found], Path]


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Look:
    """Has the command find this; returns the project's folder, which is also the working directory."""

    def find(what: Found) -> Path:
        apps = [what.baseline, *([what.candidate] if what.candidate else [])]
        moved = [
            replace(
                app,
                python=Path(sys.executable),
                definition=replace(app.definition, file=tmp_path / app.definition.file.name),
                place=replace(app.place, directory=tmp_path),
            )
            for app in apps
        ]
        placed = replace(what, project=tmp_path, baseline=moved[0], candidate=dict(enumerate(moved)).get(1))
        monkeypatch.setattr(init, "look_at_project", lambda _: placed)
        monkeypatch.setenv("COLUMNS", "300")
        return tmp_path

    return find


def test_a_project_becomes_a_plan_that_can_be_run(command: Command, tmp_path: Path) -> None:
    items = "\n\n@app.post('/items/<int:n>')\ndef items(n):\n    return {}\n"
    project = write_project(tmp_path, {"app.py": FLASK + items, "port.py": QUART + items})
    code, out, err = command("init")
    assert (code, err.strip()) == (0, "")
    plan = load_plan(project / "loadtests" / "plan.toml", vocabulary())
    assert {name: app.target for name, app in plan.apps.items()} == {"flask": "app:app", "quart": "port:app"}
    assert "class Index(LeanUser)" in (project / "loadtests" / "locustfile.py").read_text()
    words = " ".join(out.split())
    assert "baseline app:app (app.py:4, 2 routes) on gunicorn" in words
    assert "candidate port:app (port.py:4, 2 routes) on uvicorn" in words
    assert "left out POST /items/1" in words
    assert "written: loadtests/plan.toml\nwritten: loadtests/locustfile.py\n" in out
    assert out.endswith("next: portcompare run\n")


def test_missing_servers_are_to_be_installed_first_and_the_folder_to_be_changed_to(
    command: Command, found: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = found(replace(ALONE, baseline=replace(ALONE.baseline, installed=frozenset())))
    monkeypatch.setattr(Path, "cwd", classmethod(lambda _: project / "below"))
    ends = f"first: {sys.executable} -m pip install gunicorn gevent\nnext: cd {project} && portcompare run\n"
    assert command("init", project)[1].endswith(ends)


def test_json_is_all_there_is_on_stdout(command: Command, found: Look) -> None:
    project = found(FULL)
    code, out, _ = command("init", "--json")
    written: dict[str, Any] = json.loads(out)
    assert code == 0
    assert written["baseline"]["target"] == "app:app"
    route = {"rule": "/items/<int:n>", "methods": ["GET", "HEAD", "OPTIONS", "PUT"], "path": "/items/1"}
    assert route in written["candidate"]["routes"]
    assert written["written"] == [
        str(project / "loadtests" / name) for name in ("plan.toml", "locustfile.py")
    ]
    assert written["left"] == []
    assert written["notes"] == [
        "the port lacks GET /items, POST /items, GET /<even:n>: not compared until you enable it in the plan",
        "the Flask app lacks GET /new: not compared until you enable it in the plan",
    ]


def test_an_app_that_cannot_be_imported_is_noted_and_its_table_written(command: Command, found: Look) -> None:
    project = found(replace(PAIR, candidate=make_app("quart", problem="No module named 'db'")))
    _, out, err = command("init")
    assert "app:app could not be imported: No module named 'db'. Complete [apps.quart] in the plan" in err
    assert "routes unknown" in out
    plan = load_plan(project / "loadtests" / "plan.toml", vocabulary())
    assert plan.apps["quart"].target == "app:app"
    assert list(plan.scenarios) == ["index"]


OTHER = "locustfile_portcompare.py"


@pytest.mark.parametrize(
    ("existing", "written"),
    [("locustfile.py", f"plan.toml\nwritten: loadtests/{OTHER}"), ("plan.toml", "locustfile.py")],
)
def test_a_file_that_exists_is_kept_and_the_others_written(
    command: Command, found: Look, existing: str, written: str
) -> None:
    project = write_project(found(ALONE), {f"loadtests/{existing}": "mine"})
    _, out, _ = command("init")
    assert (project / "loadtests" / existing).read_text() == "mine"
    assert f"written: loadtests/{written}\nkept as it is: loadtests/{existing}\n" in out


def test_a_folder_that_is_missing_or_unwritable_or_has_both_files_is_refused(
    command: Command, found: Look, tmp_path: Path
) -> None:
    assert "nowhere: there is no such folder" in refused(command, "init", "nowhere")
    project = write_project(found(ALONE), {"loadtests": "a file"})
    assert f"{project}/loadtests/plan.toml: cannot be written" in refused(command, "init")
    (project / "loadtests").unlink()
    write_project(tmp_path, {"loadtests/plan.toml": "mine", "loadtests/locustfile.py": "mine"})
    err = refused(command, "init")
    for name in ("plan.toml", "locustfile.py"):
        assert f"{tmp_path}/loadtests/{name}: exists already" in err
