from __future__ import annotations

import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest

from portcompare.errors import ServerError
from portcompare.records.rounds import BASELINE, CONTROL
from portcompare.serve import StartedServer, assign_cpus, deployments, ports, serve_deployments
from tests.serve.support import ALL, APPS, all_gone, ask, started, tree_of, wait_until, write_plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portcompare.plan import Plan

TWO = {"gunicorn": "", "uvicorn asgi": ""}


@contextmanager
def serve(plan: Plan, folder: Path, *names: str) -> Iterator[dict[str, StartedServer]]:
    arms = {name: name for name in names or plan.deployments}
    with serve_deployments(plan, arms, folder=folder, cpus=assign_cpus(plan)) as running:
        yield started(running)


class Stranger(http.server.HTTPServer):
    """Somebody else's server, which would pass for one of ours."""

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # granian can bind beside it
        super().server_bind()


class Welcome(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its signature
        pass


@pytest.fixture
def stranger_port() -> Iterator[int]:
    with Stranger(("127.0.0.1", 0), Welcome) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def first_choice(stranger_port: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """Have the stranger's port chosen as free, once."""
    chosen: list[int] = []

    def find_free_ports(host: str, count: int, *, besides: object = ()) -> list[int]:
        del besides
        if not chosen:
            chosen.append(stranger_port)
            return chosen
        return ports.find_free_ports(host, count)

    monkeypatch.setattr(deployments, "find_free_ports", find_free_ports)
    return stranger_port


@pytest.mark.parametrize("name", ALL)
def test_each_server_serves_the_app_on_the_cpus_it_was_given(
    servers: dict[str, StartedServer], name: str
) -> None:
    seen = ask(servers[name], "/process")
    assert seen["cpus"] == [min(os.sched_getaffinity(0))]
    for process in psutil.Process(servers[name].process.pid).children(recursive=True):
        assert {min(os.sched_getaffinity(thread.id)) for thread in process.threads()} == set(seen["cpus"])
        assert {max(os.sched_getaffinity(thread.id)) for thread in process.threads()} == set(seen["cpus"])
    assert seen["environment"]["PYTHONUNBUFFERED"] == "1"
    assert seen["pid"] in tree_of(servers[name])
    servers[name].check_alive()


def test_nothing_is_left_of_any_server(tmp_path: Path) -> None:
    knobs = {name: "" if name == "waitress" else "workers = 2" for name in ALL}
    with serve(write_plan(tmp_path, knobs), tmp_path) as running:
        trees = {name: tree_of(server) for name, server in running.items()}
        keepers = [server.process.pid for server in running.values()]
    assert all(trees.values())
    assert all_gone([*keepers, *(pid for tree in trees.values() for pid in tree)])


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_servers_are_stopped_however_the_context_ends(tmp_path: Path, error: type[BaseException]) -> None:
    pids: list[int] = []

    def serve_and_fail() -> None:
        with serve(write_plan(tmp_path, TWO), tmp_path) as running:
            pids.extend(pid for server in running.values() for pid in tree_of(server))
            raise error

    with pytest.raises(error):
        serve_and_fail()
    assert len(pids) == 3  # gunicorn's two, and uvicorn
    assert all_gone(pids)


def test_nothing_is_left_when_portcompare_is_killed(tmp_path: Path) -> None:
    names = ("gunicorn", "gunicorn-sync", "granian", "hypercorn asgi", "uvicorn asgi")
    plan = write_plan(tmp_path, dict.fromkeys(names, "workers = 2"))
    with subprocess.Popen(
        [sys.executable, APPS / "serve_until_killed.py", plan.path, tmp_path],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as portcompare:
        assert portcompare.stdout is not None
        pids = json.loads(portcompare.stdout.readline())
        assert len(pids) >= 4 * len(names)  # a keeper, a main process and two workers each
        portcompare.kill()
    wait_until(lambda: all_gone(pids))


def test_nothing_is_left_when_a_keeper_is_killed(tmp_path: Path) -> None:
    names = ("gunicorn", "gunicorn-sync", "granian", "hypercorn asgi", "uvicorn asgi")
    with serve(write_plan(tmp_path, dict.fromkeys(names, "workers = 2")), tmp_path) as running:
        pids = [pid for server in running.values() for pid in tree_of(server)]
        for server in running.values():
            os.kill(server.process.pid, signal.SIGKILL)
        wait_until(lambda: all_gone(pids), timeout_s=10)
        with pytest.raises(ServerError, match="ended with status -9"):
            running["gunicorn"].check_alive()


def test_each_arm_logs_to_a_file_of_its_own_that_blocks_append_to(tmp_path: Path) -> None:
    plan = write_plan(tmp_path, TWO)
    for _ in range(2):
        with serve(plan, tmp_path, "gunicorn"):
            pass
    assert (tmp_path / "gunicorn.log").read_text().count("Starting gunicorn") == 2


def test_a_server_that_dies_at_its_start_shows_why(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("raise RuntimeError('no database here')")
    plan = write_plan(tmp_path, {"waitress": "", "uvicorn asgi": ""}, directory=tmp_path, target="broken:app")
    with pytest.raises(ServerError) as raised, serve(plan, tmp_path):
        pass
    text = str(raised.value)
    assert text.startswith("waitress: ended with status 1")
    assert "-m waitress --host 127.0.0.1" in text
    assert "no database here" in text
    assert str(tmp_path / "waitress.log") in text


def test_a_server_that_dies_while_it_is_measured_is_noticed(tmp_path: Path) -> None:
    with serve(write_plan(tmp_path, TWO), tmp_path, "uvicorn asgi") as running:
        server = running["uvicorn asgi"]
        os.kill(tree_of(server)[0], signal.SIGKILL)
        wait_until(lambda: server.process.poll() is not None)
        with pytest.raises(ServerError, match="ended with status 137"):
            server.check_alive()


def test_a_server_that_never_becomes_ready_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployments, "READY_LIMIT_S", 1.0)
    plan = write_plan(tmp_path, TWO, ready_path="/nowhere")
    with (
        pytest.raises(ServerError, match="GET /nowhere was not ready in 1 s: it answered 503"),
        serve(plan, tmp_path),
    ):
        pass


@pytest.mark.parametrize("name", ["gunicorn", "granian", "hypercorn", "uvicorn asgi"])
def test_a_port_that_somebody_took_meanwhile_is_left_to_them(
    tmp_path: Path, first_choice: int, name: str
) -> None:
    plan = write_plan(tmp_path, {name: "", "waitress": ""})
    with serve(plan, tmp_path, name) as running:
        assert running[name].port != first_choice
        assert ask(running[name], "/process")["pid"] in tree_of(running[name])


def test_a_fixed_port_that_somebody_has_is_an_error(tmp_path: Path, stranger_port: int) -> None:
    plan = write_plan(tmp_path, {"gunicorn": f"port = {stranger_port}", "uvicorn asgi": ""})
    with (
        pytest.raises(ServerError, match=f"somebody else listens on port {stranger_port}"),
        serve(plan, tmp_path),
    ):
        pass


def test_the_control_leaves_the_fixed_port_to_the_baseline(tmp_path: Path) -> None:
    (port,) = ports.find_free_ports("127.0.0.1", 1)
    plan = write_plan(tmp_path, {"gunicorn": f"port = {port}", "uvicorn asgi": ""})
    arms = {BASELINE: "gunicorn", CONTROL: "gunicorn"}
    with serve_deployments(plan, arms, folder=tmp_path, cpus=assign_cpus(plan)) as running:
        assert running[BASELINE].url == f"http://127.0.0.1:{port}"
        assert running[CONTROL].port != port
        assert str(running[CONTROL].failure("is slow")).startswith("control (gunicorn): is slow\n")


def test_free_ports_are_different_and_none_that_is_spoken_for() -> None:
    found = ports.find_free_ports("127.0.0.1", 50)
    assert len(set(found)) == 50
    assert not set(ports.find_free_ports("127.0.0.1", 50, besides=found)) & set(found)


def test_servers_listen_where_the_plan_says(tmp_path: Path) -> None:
    plan = write_plan(tmp_path, {"gunicorn": "", "uvicorn asgi": ""}).model_copy(
        update={"host": IPv4Address("127.0.0.2")}
    )
    with serve_deployments(plan, {BASELINE: "gunicorn"}, folder=tmp_path, cpus=assign_cpus(plan)) as running:
        server = running[BASELINE]
        assert server.url == f"http://127.0.0.2:{server.port}"
        assert httpx.get(f"{server.url}/healthz", trust_env=False).status_code < 500
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port))
