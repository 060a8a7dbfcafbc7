import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from portcompare.cli import up
from portcompare.cli.options import read_plan
from portcompare.plan import Plan
from portcompare.records.rounds import Usage
from portcompare.serve.deployments import Use, assign_ports
from tests.conftest import Command

ADDRESS = "[fd00::1]:8000"


def test_addresses_are_shown_as_they_are_with_those_of_upstreams(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    use = Use(usage=Usage(cpu_s=1.0, rss_bytes=2**20), cores=0.5)
    live_servers = SimpleNamespace(
        servers={ADDRESS: SimpleNamespace(url=f"http://{ADDRESS}", process=object())},
        upstreams={"waiting": SimpleNamespace(url="http://127.0.0.1:8001", process=object())},
        restart_dead=list,
        read_use=Mock(side_effect=[{ADDRESS: use}, KeyboardInterrupt]),
    )
    for name in ("read_plan", "assign_cpus"):
        monkeypatch.setattr(up, name, lambda _: None)
    monkeypatch.setattr(up, "preflight", lambda _: SimpleNamespace(problems=[]))
    monkeypatch.setattr(up, "_with_ports", lambda *_: None)
    monkeypatch.setattr(up, "serve_upstreams", lambda *_, **__: nullcontext())
    monkeypatch.setattr(up, "keep_serving", lambda *_: nullcontext(live_servers))
    monkeypatch.setattr(up, "LOOK_EVERY_S", 0.0)
    exit_code, said, _ = command("up")
    assert exit_code == 130
    assert [line.split() for line in said.splitlines()][1:] == [
        [ADDRESS, f"http://{ADDRESS}"],
        ["waiting", "http://127.0.0.1:8001", "upstream"],
        [ADDRESS, "0.50", "CPUs", "1.00", "MiB"],
    ]


PLAN = """
baseline = "old"
candidates = ["new", "newer", {{ url = "http://127.0.0.1:9" }}]
[apps.app]
target = "app:app"
interface = "asgi"
[deployments.old]
app = "app"
server = "uvicorn"
[deployments.new]
app = "app"
server = "hypercorn"
{}
[deployments.newer]
app = "app"
server = "granian"
[scenarios.s]
request = {{ path = "/" }}
load = {{ users = [1] }}
"""


def plan_of(tmp_path: Path, port: str = "") -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN.format(port))
    return path


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, int | None]]:
    """The ports with which `up` would serve; it ends instead."""
    seen: list[Mapping[str, int | None]] = []

    def preflight(plan: Plan) -> None:
        seen.append({name: one.port for name, one in plan.deployments.items() if one.url is None})
        raise KeyboardInterrupt

    monkeypatch.setattr(up, "preflight", preflight)
    return seen


@contextmanager
def listening(*ports: int) -> Iterator[None]:
    with ExitStack() as stack:
        for port in ports:
            taken = stack.enter_context(socket.socket())
            taken.bind(("127.0.0.1", port))
            taken.listen()
        yield


def free_row(number: int) -> int:
    """The first of some free ports in a row."""
    for first in range(21_000, 30_000, number):
        with ExitStack() as stack:
            try:
                stack.enter_context(listening(*range(first, first + number)))
            except OSError:
                continue
            return first
    raise AssertionError


def test_ports_start_at_the_one_that_is_named_or_at_the_usual_one_unless_they_are_taken(
    command: Command, tmp_path: Path, served: list[Mapping[str, int | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, plan = free_row(3), plan_of(tmp_path)
    command("up", plan, "--port", str(first))
    assert served.pop() == {"old": first, "new": first + 1, "newer": first + 2}
    with listening(first + 1):
        code, _, said = command("up", plan, "--port", str(first))
    assert (code, served) == (2, [])
    assert f"port {first + 1}, of new, cannot be used" in said
    monkeypatch.setattr(up, "FIRST_PORT", first)
    with listening(first):
        _, _, said = command("up", plan)
    assert served == [{"old": None, "new": None, "newer": None}]
    assert f"port {first} is in use" in said


@pytest.mark.parametrize("own", [8102, 9999])
def test_a_port_of_the_plan_is_kept_and_no_other_deployment_gets_it(tmp_path: Path, own: int) -> None:
    ports = assign_ports(read_plan(plan_of(tmp_path, f"port = {own}")))
    assert ports == {"old": 8101, "new": own, "newer": 8103 if own == 8102 else 8102}
