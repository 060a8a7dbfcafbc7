"""What is served by a command, in another interpreter, or by somebody else."""

from __future__ import annotations

import os
from dataclasses import replace
from importlib.metadata import version
from platform import python_version
from typing import TYPE_CHECKING

import pytest

from portcompare.errors import ServerError
from portcompare.records.rounds import BASELINE, CONTROL
from portcompare.serve import (
    ForeignServer,
    StartedServer,
    assign_cpus,
    deployments,
    describe_manifest,
    serve_deployments,
)
from portcompare.serve.manifest import find_differences
from portcompare.serve.ports import find_free_ports
from tests.serve.interpreters import make_interpreter
from tests.serve.support import APPS, all_gone, ask, tree_of, write_deployments

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from portcompare.plan import Plan
    from portcompare.serve import RunningServer

PROBE = (
    f"directory = '{APPS}'\nready_path = '/healthz'\nenvironment = {{ MODE = 'of {{arm}}', LEVEL = 'app' }}"
)
COMMAND = (
    "app = 'one'\ncommand = 'python -m waitress --listen {host}:{port} probe:wsgi'\n"
    "environment = { LEVEL = 'deployment', BRACES = '{port} {}' }"
)


def serve(plan: Plan, folder: Path, **arms: str) -> AbstractContextManager[dict[str, RunningServer]]:
    return serve_deployments(plan, arms, folder=folder, cpus=assign_cpus(plan))


@pytest.fixture(scope="module")
def by_command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, RunningServer]]:
    """A command serves two arms."""
    folder = tmp_path_factory.mktemp("command")
    plan = write_deployments(folder, COMMAND, COMMAND, app=PROBE)
    with serve(plan, folder, baseline="first", control="first") as running:
        yield running


def test_a_command_serves_each_arm_in_its_own_environment(by_command: dict[str, RunningServer]) -> None:
    for arm in (BASELINE, CONTROL):
        told = ask(by_command[arm], "/process")["environment"]
        assert (told["MODE"], told["LEVEL"], told["BRACES"]) == (f"of {arm}", "deployment", "{port} {}")
    assert by_command[BASELINE].port != by_command[CONTROL].port


def test_what_a_command_serves_is_pinned_and_measured_like_any_other(
    by_command: dict[str, RunningServer],
) -> None:
    server = by_command[BASELINE]
    assert isinstance(server, StartedServer)
    assert ask(server, "/process")["cpus"] == [min(os.sched_getaffinity(0))]
    before_s = server.usage().cpu_s
    ask(server, "/burn?seconds=0.1")
    assert server.usage().cpu_s - before_s >= 0.1


def test_nothing_is_left_of_a_command_and_what_it_started(tmp_path: Path) -> None:
    started = "app = 'one'\ncommand = 'sh -c \"python -m http.server {port} --bind {host} & wait\"'"
    plan = write_deployments(tmp_path, started, started)
    with serve(plan, tmp_path, baseline="first") as running:
        server = running[BASELINE]
        assert isinstance(server, StartedServer)
        pids = tree_of(server)
    assert len(pids) == 2
    assert all_gone(pids)


def test_a_command_that_fails_shows_itself_and_its_log(tmp_path: Path) -> None:
    plan = write_deployments(tmp_path, "command = 'sh -c \"echo no licence for {port}; exit 3\"'", COMMAND)
    with pytest.raises(ServerError) as raised, serve(plan, tmp_path, baseline="first"):
        pass
    assert str(raised.value).startswith("baseline (first): ended with status 3\n    command: sh -c echo no ")
    assert "        no licence for " in str(raised.value)


def test_a_command_that_has_others_serve_is_refused(
    tmp_path: Path, servers: dict[str, RunningServer]
) -> None:
    port = servers["gunicorn"].port
    lines = f"app = 'one'\ncommand = 'sh -c \"exec sleep 600\" {{port}}'\nport = {port}"
    plan = write_deployments(tmp_path, lines, COMMAND, app="ready_path = '/healthz'")
    with (
        pytest.raises(ServerError, match="no process that the command started listens"),
        serve(plan, tmp_path, baseline="first"),
    ):
        pass


def test_without_a_ready_path_a_server_is_ready_once_it_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployments, "READY_LIMIT_S", 1.0)
    for status, is_ready in (("404 Not Found", True), ("503 Service Unavailable", False)):
        (tmp_path / "plain.py").write_text(
            f"def app(environ, start):\n    start({status!r}, [])\n    return [b'x']\n"
        )
        lines = "app = 'one'\nserver = 'waitress'"
        plan = write_deployments(tmp_path, lines, lines, app="target = 'plain:app'\ninterface = 'wsgi'")
        if is_ready:
            with serve(plan, tmp_path, baseline="first") as running:
                assert running[BASELINE].ready_target == "/"
        else:
            with (
                pytest.raises(ServerError, match="GET / was not ready in 1 s: it answered 503"),
                serve(plan, tmp_path, baseline="first"),
            ):
                pass


def test_an_app_is_served_by_its_own_interpreter(tmp_path: Path) -> None:
    python = make_interpreter(tmp_path / "venv")
    (packages,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    (packages / "only_here.py").write_text(
        "import json, sys\n"
        "def app(environ, start):\n"
        "    start('200 OK', [])\n"
        "    return [json.dumps({'prefix': sys.prefix}).encode()]\n"
    )
    own = "target = 'only_here:app'\ninterface = 'wsgi'\npython = 'venv/bin/python'"
    lines = ("app = 'one'\nserver = 'gunicorn'", "app = 'one'\nserver = 'hypercorn'")
    plan = write_deployments(tmp_path, *lines, app=own)
    with serve(plan, tmp_path, first="first", second="second") as running:
        for server in running.values():
            assert ask(server, "/") == {"prefix": str(tmp_path / "venv")}
    first, second = describe_manifest(plan, assign_cpus(plan)).deployments
    assert first.command[0] == second.command[0] == str(python)


@pytest.fixture
def foreign(tmp_path: Path, servers: dict[str, RunningServer]) -> Iterator[RunningServer]:
    url = f"url = '{servers['waitress'].url}'\napp = 'one'"
    plan = write_deployments(tmp_path, url, url, app="ready_path = '/healthz'")
    with serve(plan, tmp_path, baseline="first", control="first") as running:
        assert running[BASELINE].url == running[CONTROL].url
        yield running[BASELINE]


def test_a_server_that_runs_already_is_found_and_left_running(
    foreign: RunningServer, servers: dict[str, StartedServer]
) -> None:
    assert foreign.measure_usage(0.0, 1.0) is None
    assert foreign.url == servers["waitress"].url
    foreign.check_alive()
    assert ask(foreign, "/process")["pid"] in tree_of(servers["waitress"])


def test_a_server_elsewhere_that_has_ended_is_noticed() -> None:
    (port,) = find_free_ports("127.0.0.1", 1)
    server = ForeignServer(
        arm=BASELINE, deployment="there", url=f"http://localhost:{port}", port=port, ready_target="/"
    )
    with pytest.raises(ServerError) as raised:
        server.check_alive()
    assert str(raised.value) == (
        "baseline (there): does not answer any more: Connection refused\n"
        f"    http://localhost:{port} is not started by portcompare: look into its own log"
    )


def test_the_manifest_says_what_is_known_of_each_kind(tmp_path: Path) -> None:
    url = "url = 'http://127.0.0.1:1'"
    command, running = describe_manifest(
        plan := write_deployments(tmp_path, COMMAND, url, app=PROBE), assign_cpus(plan)
    ).deployments
    assert (command.kind, command.server, command.slots) == ("command", "by its own command", None)
    assert command.command[-2:] == ("127.0.0.1:{port}", "probe:wsgi")
    assert command.environment["MODE"] == "of {arm}"
    assert command.python == ""  # the command need not be Python at all
    assert (running.kind, running.server) == ("url", "at http://127.0.0.1:1, already running")
    assert (running.command, running.cpus, running.settings, running.slots) == ((), (), {}, None)


def test_settings_that_are_not_known_are_a_difference(tmp_path: Path) -> None:
    plan = write_deployments(tmp_path, COMMAND, "url = 'http://127.0.0.1:1'", app=PROBE)
    assert describe_manifest(plan, assign_cpus(plan)).differences == (
        "the settings of first are not known: its own command serves it",
        "the settings of second are not known: it was already running",
    )


def test_interpreters_and_packages_that_differ_are_told(tmp_path: Path) -> None:
    make_interpreter(tmp_path / "venv")
    (packages,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    (packages / "flask-0.1.dist-info").mkdir()
    (packages / "flask-0.1.dist-info" / "METADATA").write_text("Name: flask\nVersion: 0.1\n")
    app = "target = 'service:app'\ninterface = 'wsgi'\n"
    plan = write_deployments(
        tmp_path,
        "app = 'one'\nserver = 'waitress'",
        "app = 'two'\nserver = 'waitress'",
        app=f"{app}\n[apps.two]\n{app}python = 'venv/bin/python'",
    )
    found = describe_manifest(plan, assign_cpus(plan))
    assert found.differences == (f"flask version: first {version('flask')}, second 0.1",)
    first, second = found.deployments
    assert first.python == second.python == f"CPython {python_version()}"
    older = replace(second, python="CPython 3.8.1")
    assert f"python: first {first.python}, second CPython 3.8.1" in tuple(find_differences(first, older))
