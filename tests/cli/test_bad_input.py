from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

import pytest

from portcompare.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Call = Callable[..., tuple[int, str]]

PLAN = """
baseline = "old"
candidates = ["new"]

[apps.old]
target = "probe:wsgi"
interface = "wsgi"
directory = "."

[apps.new]
target = "probe:asgi"
interface = "asgi"
directory = "."

[deployments.old]
app = "old"
server = "waitress"

[deployments.new]
app = "new"
server = "uvicorn"

[scenarios.front]
request = { path = "/" }
load = { users = [1] }
"""

PROBE = """
def wsgi(environ, start_response):
    start_response("200 OK", [])
    return [b"old"]


async def asgi(scope, receive, send):
    pass
"""


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    (tmp_path / "probe.py").write_text(PROBE)
    path = tmp_path / "plan.toml"
    path.write_text(PLAN)
    return path


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Call:
    """Run a command in this process; returns its exit code and what it said on stderr."""

    def call_main(*arguments: str | Path) -> tuple[int, str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["portcompare", *map(str, arguments)])
        with pytest.raises(SystemExit) as raised:
            main()
        assert isinstance(raised.value.code, int)
        return raised.value.code, capsys.readouterr().err

    return call_main


@pytest.mark.parametrize("command", ["run", "check", "up"])
def test_a_missing_plan_is_named(call: Call, command: str) -> None:
    code, err = call(command, "nowhere.toml")
    assert code == 2
    assert "nowhere.toml: there is no such file" in err


def test_without_an_argument_the_default_plan_is_looked_for(call: Call) -> None:
    assert "loadtests/plan.toml" in call("run")[1]


def test_plan_and_folder_are_rejected_together(call: Call, plan: Path, tmp_path: Path) -> None:
    plan.write_text(
        PLAN.replace('server = "uvicorn"', 'server = "uvicron"').replace("[apps", "colour = 1\n[apps", 1)
    )
    (tmp_path / "file").touch()
    code, err = call("run", plan, "--out", tmp_path / "file" / "run")
    assert code == 2
    assert f"{plan}: colour: there is no such key" in err
    assert f"{plan}: deployments.new.server: there is no server 'uvicron'" in err
    assert f"--out {tmp_path}/file/run: cannot be written" in err


def test_apps_ports_and_scenarios_are_rejected_together(call: Call, plan: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        bad = PLAN.replace("probe:asgi", "nowhere:app").replace('"waitress"', f'"waitress"\nport = {port}')
        plan.write_text(bad.replace('request = { path = "/" }', 'user = "Nobody"'))
        (tmp_path / "locustfile.py").write_text("")
        code, err = call("run", plan, "--out", tmp_path / "run")
    assert code == 2
    assert f"{plan}: apps.new.target" in err
    assert "No module named 'nowhere'" in err
    assert f"{plan}: deployments.old.port" in err
    assert f"{plan}: scenarios.front.user: there is no user class 'Nobody'" in err
    assert not (tmp_path / "run").exists()


def test_a_missing_locustfile_is_named(call: Call, plan: Path, tmp_path: Path) -> None:
    plan.write_text(PLAN.replace('request = { path = "/" }', 'user = "Somebody"'))
    code, err = call("check", plan)
    assert code == 2
    assert f"{plan}: locustfile: there is no {tmp_path}/locustfile.py" in err


def test_up_rejects_an_app_that_cannot_be_imported(call: Call, plan: Path) -> None:
    plan.write_text(PLAN.replace("probe:wsgi", "probe:nothing"))
    code, err = call("up", plan)
    assert code == 2
    assert f"{plan}: apps.old.target" in err


def test_a_folder_that_holds_a_run_is_not_written_to(call: Call, plan: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "results.json").write_text("precious")
    code, err = call("run", plan, "--out", tmp_path / "run")
    assert code == 2
    assert "holds a run already" in err
    assert (tmp_path / "run" / "results.json").read_text() == "precious"


def test_what_else_is_in_a_folder_is_kept(call: Call, plan: Path, tmp_path: Path) -> None:
    plan.write_text(PLAN.replace("probe:wsgi", "probe:nothing"))
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    assert call("run", plan, "--out", tmp_path / "run")[0] == 2
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["notes.txt"]


def test_a_report_of_nothing_is_refused(call: Call, tmp_path: Path) -> None:
    code, err = call("report", tmp_path)
    assert code == 2
    assert f"{tmp_path}/results.json" in err


def test_an_unknown_option_is_refused(call: Call) -> None:
    code, err = call("run", "--speed")
    assert code == 2
    assert "--speed" in err


def test_a_server_that_never_answers_ready_is_not_valid(call: Call, plan: Path, tmp_path: Path) -> None:
    (tmp_path / "probe.py").write_text(
        PROBE + "\nimport sys\nif 'uvicorn' in sys.modules: sys.exit('no luck')\n"
    )
    code, err = call("check", plan)
    assert code == 3
    assert "no luck" in err


def test_what_a_faulty_plan_names_is_checked_all_the_same(call: Call, plan: Path, tmp_path: Path) -> None:
    bad = PLAN.replace("probe:asgi", "nowhere:app").replace('server = "waitress"', 'server = "waitres"')
    plan.write_text(
        bad + "\n[rounds]\nseconds = 'long'\n\n[scenarios.back]\nuser = 'Nobody'\nload = { users = [1] }\n"
    )
    (tmp_path / "locustfile.py").write_text("")
    code, err = call("run", plan, "--out", tmp_path / "run")
    assert code == 2
    assert f"{plan}: rounds.seconds" in err
    assert f"{plan}: deployments.old.server: there is no server 'waitres'" in err
    assert f"{plan}: apps.new.target" in err
    assert f"{plan}: scenarios.back.user: there is no user class 'Nobody'" in err


def test_a_problem_is_told_with_the_file_it_stands_in(call: Call, plan: Path, tmp_path: Path) -> None:
    apps = PLAN[PLAN.index("[apps.old]") : PLAN.index("[deployments.old]")]
    (tmp_path / "apps.toml").write_text(apps.replace("probe:wsgi", "nowhere:app"))
    plan.write_text(
        PLAN.replace(apps, "").replace("[deployments", 'include = ["apps.toml"]\n[deployments', 1)
    )
    code, err = call("check", plan)
    assert code == 2
    assert f"{tmp_path}/apps.toml: apps.old.target" in err


def test_a_report_that_cannot_be_written_is_the_users_to_mend(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portcompare.cli.report.read_results", lambda path: path)
    (tmp_path / "report.html").mkdir()

    def write_reports(results: object, folder: Path) -> None:
        (folder / "report.html").write_text(str(results))

    monkeypatch.setattr("portcompare.cli.report.write_reports", write_reports)
    code, err = call("report", tmp_path)
    assert code == 2
    assert f"{tmp_path}: the reports cannot be written" in err


def test_a_mistake_of_its_own_is_never_taken_for_a_verdict(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> None:
        raise RuntimeError(path)

    monkeypatch.setattr("portcompare.cli.report.read_results", fail)
    code, err = call("report", "anywhere")
    assert code == 3
    assert "RuntimeError" in err


def test_a_file_that_cannot_be_written_is_told_before_anything_is_asked(
    call: Call, plan: Path, tmp_path: Path
) -> None:
    code, err = call("check", plan, "--junit", tmp_path)
    assert code == 2
    assert f"--junit: {tmp_path} is a folder" in err
    code, err = call("check", plan, "--junit", tmp_path / "nowhere" / "junit.xml")
    assert code == 2
    assert f"--junit: nothing can be written in {tmp_path}/nowhere" in err
