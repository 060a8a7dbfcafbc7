import socket
import subprocess
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import Mock

import pytest

from portcompare.measure.generator import LoadGenerator
from portcompare.run import session
from tests.cli.conftest import refused
from tests.conftest import Command
from tests.discover.projects import write_project

PLAN = """
baseline = "old"
candidates = ["new"]

[apps]
old = { target = "probe:wsgi", interface = "wsgi", directory = "." }
new = { target = "probe:asgi", interface = "asgi", directory = "." }

[deployments]
old = { app = "old", server = "waitress" }
new = { app = "new", server = "uvicorn" }

[scenarios]
front = { request = { path = "/" }, load = { users = [1] } }
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
def _shared_generator(monkeypatch: pytest.MonkeyPatch, generator: LoadGenerator) -> None:
    monkeypatch.setattr(session, "start_generator", lambda *_: nullcontext(generator))


@pytest.mark.parametrize("name", ["run", "check", "up"])
def test_a_missing_plan_is_named(command: Command, name: str) -> None:
    assert "nowhere.toml: there is no such file" in refused(command, name, "nowhere.toml")
    assert "loadtests/plan.toml" in command(name)[2]  # by default


def test_plan_and_folder_are_rejected_together(command: Command, plan: Path, tmp_path: Path) -> None:
    plan.write_text(PLAN.replace('server = "uvicorn"', 'server = "uvicron"'))
    (tmp_path / "file").touch()
    err = refused(command, "run", plan, "--out", tmp_path / "file" / "run")
    assert f"{plan}: deployments.new.server: there is no server 'uvicron'" in err
    assert f"--out {tmp_path}/file/run: cannot be written" in err


@pytest.mark.parametrize("name", ["run", "check", "up"])
@pytest.mark.parametrize(("old", "new"), [('server = "uvicorn"', 'server = "uvicron"'), ("users", "usres")])
def test_a_typo_in_a_plan_starts_no_process(
    command: Command, plan: Path, monkeypatch: pytest.MonkeyPatch, *, name: str, old: str, new: str
) -> None:
    def start(*_: object, **__: object) -> None:
        raise AssertionError("a process is started")

    monkeypatch.setattr(subprocess.Popen, "__init__", start)
    plan.write_text(PLAN.replace(old, new))
    assert "did you mean" in refused(command, name, plan)


@pytest.mark.usefixtures("_shared_generator")
def test_apps_ports_and_scenarios_are_rejected_together(command: Command, plan: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        bad = PLAN.replace("probe:asgi", "nowhere:app").replace('"waitress"', f'"waitress", port = {port}')
        plan.write_text(bad.replace('request = { path = "/" }', 'user = "Nobody"'))
        (tmp_path / "locustfile.py").write_text("")
        err = refused(command, "run", plan, "--out", tmp_path / "run")
    assert f"{plan}: apps.new.target" in err
    assert "No module named 'nowhere'" in err
    assert f"{plan}: deployments.old.port" in err
    assert f"{plan}: scenarios.front.user: there is no user class 'Nobody'" in err
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("_shared_generator")
def test_a_locustfile_or_an_app_that_is_missing_is_named(
    command: Command, plan: Path, tmp_path: Path
) -> None:
    plan.write_text(PLAN.replace('request = { path = "/" }', 'user = "Somebody"'))
    assert f"{plan}: locustfile: there is no {tmp_path}/locustfile.py" in refused(command, "check", plan)
    plan.write_text(PLAN.replace("probe:wsgi", "probe:nothing"))
    assert f"{plan}: apps.old.target" in refused(command, "up", plan)
    apps = PLAN[PLAN.index("[apps]") : PLAN.index("[deployments]")]
    (tmp_path / "apps.toml").write_text(apps.replace("probe:wsgi", "nowhere:app"))
    plan.write_text('include = ["apps.toml"]\n' + PLAN.replace(apps, ""))
    assert f"{tmp_path}/apps.toml: apps.old.target" in refused(command, "check", plan)


@pytest.mark.usefixtures("_shared_generator")
def test_what_the_folder_of_a_run_contains_is_kept(command: Command, plan: Path, tmp_path: Path) -> None:
    write_project(tmp_path, {"old/results.json": "precious", "new/notes.txt": "mine"})
    options = ("--resume", tmp_path / "old")
    assert "results.json: line 1, column 1: is not JSON" in refused(command, "run", *options)
    assert "both are given" in refused(command, "run", *options, "--out", tmp_path / "new")
    assert (tmp_path / "old" / "results.json").read_text() == "precious"
    plan.write_text(PLAN.replace("probe:wsgi", "probe:nothing"))
    assert command("run", plan, "--out", tmp_path / "new")[0] == 2
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["notes.txt"]


def test_a_report_of_nothing_and_an_unknown_option_are_refused(command: Command, tmp_path: Path) -> None:
    assert f"{tmp_path}/results.json" in refused(command, "report", tmp_path)
    assert "--speed" in refused(command, "run", "--speed")


@pytest.mark.usefixtures("_shared_generator")
def test_a_server_that_does_not_start_makes_the_check_not_valid(
    command: Command, plan: Path, tmp_path: Path
) -> None:
    (tmp_path / "probe.py").write_text(
        PROBE + "\nimport sys\nif 'uvicorn' in sys.modules: sys.exit('no luck')\n"
    )
    code, _, err = command("check", plan)
    assert code == 3
    assert "no luck" in err


def test_a_report_that_cannot_be_written_is_a_problem_of_the_input(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portcompare.cli.results.read_run", lambda path: path)
    (tmp_path / "report.html").mkdir()

    def write_reports(results: object, folder: Path) -> None:
        (folder / "report.html").write_text(str(results))

    monkeypatch.setattr("portcompare.cli.results.write_reports", write_reports)
    assert f"{tmp_path}: cannot be written" in refused(command, "report", tmp_path)
    monkeypatch.setattr("portcompare.cli.results.read_run", lambda _: 1 / 0)
    code, _, err = command("report", tmp_path)
    assert code == 3  # an unexpected error is not a verdict
    assert "ZeroDivisionError" in err
    interrupted = RuntimeError("Error calling __set_name__")  # as Python has it while a class is made
    interrupted.__cause__ = KeyboardInterrupt()
    monkeypatch.setattr("portcompare.cli.results.read_run", Mock(side_effect=interrupted))
    assert command("report", tmp_path)[::2] == (130, "")


def test_a_file_that_cannot_be_written_is_reported_before_any_request(
    command: Command, plan: Path, tmp_path: Path
) -> None:
    assert f"--junit: {tmp_path} is a folder" in refused(command, "check", plan, "--junit", tmp_path)
    assert f"--junit: nothing can be written in {tmp_path}/nowhere" in refused(
        command, "check", plan, "--junit", tmp_path / "nowhere" / "junit.xml"
    )
