import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from portcompare.cli import init
from portcompare.discover.apps import Found, Tried
from portcompare.discover.draft import NO_PATH, ONE_SIDED
from portcompare.plan import load_plan
from portcompare.serve.extras import command_for_packages
from portcompare.serve.servers import vocabulary
from tests.cli.conftest import refused
from tests.conftest import Command
from tests.discover.projects import FLASK, QUART, write_project
from tests.discover.samples import ALONE, FULL, INDEX, PAIR, make_app, make_found, make_route

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
    install = command_for_packages(sys.executable, ["gunicorn", "gevent"])
    ends = f"first: {install}\nnext: cd {project} && portcompare run\n"
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
        "only the Flask app has it: GET /items",
        "only the port has it: GET /new",
        f"not compared until you enable it in the plan: POST /items. {ONE_SIDED}",
        f"not compared until you enable it in the plan: GET /example. {NO_PATH}",
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
    assert "portcompare init --update" in err


def test_what_is_new_is_added_to_a_plan_and_shown(command: Command, found: Look) -> None:
    project = found(ALONE)
    assert "there is no plan to update" in refused(command, "init", "--update")
    command("init")
    plan = project / "loadtests" / "plan.toml"
    first = plan.read_text()
    assert command("init", "--update")[:2] == (0, "nothing to add: loadtests/plan.toml\n")
    assert plan.read_text() == first
    found(FULL)
    code, out, _ = command("init", "--update")
    assert code == 0
    assert out.startswith(
        "added: [apps.quart]\nadded: [deployments.quart-uvicorn]\nadded: candidate quart-uvicorn\n"
    )
    assert "added: GET /new\n" in out
    assert "added: PUT /items/1 (as a comment)\n" in out
    assert out.endswith("changed: loadtests/plan.toml\n")
    assert load_plan(plan, vocabulary()).candidates == ["flask-gunicorn-gevent", "quart-uvicorn"]
    changed = plan.read_text()
    reported = json.loads(command("init", "--update", "--json")[1])
    assert (reported["added"], reported["written"], reported["left"]) == ([], [], [str(plan)])
    assert plan.read_text() == changed
    assert {path.name for path in plan.parent.iterdir()} == {"plan.toml", "locustfile.py"}


def test_variables_that_an_app_lacks_and_what_it_shares_are_noted(command: Command, found: Look) -> None:
    lacking = {"SHOP_URL": "http://127.0.0.1:9"}
    socket = make_route("/ws", is_websocket=True)
    failing = make_app("flask", INDEX, socket, make_route("/docs"))
    failing = replace(failing, environment=lacking, place_of_problem="app.py, line 2: X")
    tried = {("", "/"): Tried(status=500, error="OperationalError: no such table: post")}
    found(replace(make_found(failing), tried=tried, databases=(Path("/a.db"),)))
    _, _, err = command("init")
    assert (
        "app:app needs SHOP_URL (app.py, line 2: X): the plan has placeholders, set them in [apps.flask]"
        in err
    )
    assert "GET /: status 500 when `init` tried it: OperationalError: no such table: post" in err
    assert "WebSocket routes are not compared: /ws" in err
    assert "pages of documentation are left out: /docs" in err
    assert "all deployments may write to one SQLite file, the plan shows how each gets its own: /a.db" in err
    found(make_found(replace(failing, problem="KeyError: 'X'")))
    _, _, err = command("init", "--update")
    assert "could not be imported: KeyError: 'X'. Set SHOP_URL, and complete [apps.flask] in the plan" in err
