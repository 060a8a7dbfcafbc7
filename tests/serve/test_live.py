"""Servers that are kept running: `up` and the web UI."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from portcompare.errors import ServerError
from portcompare.records.rounds import Usage
from portcompare.serve import deployments
from portcompare.serve.cpus import assign_cpus
from portcompare.serve.deployments import LiveServers, Use, serve_deployments
from portcompare.serve.ports import find_free_ports
from portcompare.serve.running import RunningServer
from tests.serve.support import fetch, is_gone, server_at, tree_of, write_deployments

APP = "block_setup = ['echo {arm} >>notes']\ntarget = 'service:app'\ninterface = 'wsgi'"
SERVICE = "def app(environ, start):\n    start('200 OK', [])\n    return [b'{}']\n"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[LiveServers]:
    (tmp_path / "service.py").write_text(SERVICE)
    plan = write_deployments(tmp_path, "app = 'one'\nserver = 'waitress'", app=APP)
    cpus = assign_cpus(plan)
    with serve_deployments(plan, {"first": "first"}, folder=tmp_path, cpus=cpus) as servers:
        yield LiveServers(plan=plan, servers=servers, upstreams={}, folder=tmp_path, cpus=cpus)


def test_a_server_that_dies_is_started_again_at_its_address_after_its_commands(
    running: LiveServers, tmp_path: Path
) -> None:
    assert running.restart_dead() == []
    before, used = running.servers["first"], running.read_use()["first"]
    assert before.process is not None
    (pid,) = tree_of(before)
    os.kill(pid, signal.SIGKILL)
    before.process.wait(60)
    (message,) = running.restart_dead()
    after = running.servers["first"]
    assert message.startswith("first ended with status 137 and was started again\n    last lines of ")
    assert is_gone(pid)
    assert after.url == before.url
    assert fetch(after, "/") == {}
    assert (tmp_path / "notes").read_text() == "first\nfirst\n"
    now = running.read_use()["first"]
    assert (used.usage.restarts, now.usage.restarts) == (0, 1)
    assert now.usage.cpu_s > used.usage.cpu_s


def test_a_server_that_cannot_be_started_again_is_an_error_and_leaves_nothing(
    running: LiveServers, tmp_path: Path
) -> None:
    (tmp_path / "service.py").write_text("raise RuntimeError('broken meanwhile')")
    first = running.servers["first"]
    assert first.process is not None
    os.kill(tree_of(first)[0], signal.SIGKILL)
    first.process.wait(60)
    with pytest.raises(ServerError, match="broken meanwhile"):
        running.restart_dead()


def live_servers(
    folder: Path, servers: dict[str, RunningServer], upstreams: dict[str, RunningServer] | None = None
) -> LiveServers:
    plan = write_deployments(folder, "url = 'http://127.0.0.1:9'")
    cpus = assign_cpus(plan)
    return LiveServers(plan=plan, servers=servers, upstreams=upstreams or {}, folder=folder, cpus=cpus)


@pytest.mark.parametrize("kind", ["server", "upstream"])
def test_what_portcompare_did_not_start_or_an_upstream_that_is_gone_is_an_error(
    tmp_path: Path, servers: dict[str, RunningServer], kind: str
) -> None:
    (port,) = find_free_ports("127.0.0.1", 1)
    gone, there = {"a": server_at(port)}, {"a": server_at(servers["waitress"].port)}
    running = live_servers(tmp_path, *((gone, there) if kind == "server" else (there, gone)))
    assert running.read_use() == {}
    with pytest.raises(ServerError, match="accepts no connection any more"):
        running.restart_dead()


def test_cores_are_the_cpu_seconds_per_second_between_two_readings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usages = iter([Usage(cpu_s=1.0, rss_bytes=7), Usage(cpu_s=2.0, rss_bytes=8)])
    instants_s = iter([11.0, 15.0])
    monkeypatch.setattr(RunningServer, "usage", lambda _: next(usages))
    monkeypatch.setattr(deployments, "time", SimpleNamespace(monotonic=lambda: next(instants_s)))
    running = live_servers(tmp_path, {"a": server_at(9)})
    assert running.read_use()["a"].cores == 0
    assert running.read_use()["a"] == Use(usage=Usage(cpu_s=2.0, rss_bytes=8), cores=0.25)
