import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from portcompare.cli import up
from portcompare.cli.options import read_plan
from portcompare.plan import Plan
from portcompare.records.rounds import Usage
from portcompare.serve.deployments import Use, assign_ports
from portcompare.wire.protocol import (
    LiveSettings,
    OpenUi,
    RunRequest,
    RunState,
    ShowState,
    UiPlan,
    UiRequest,
    is_loopback,
)
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


MEASURE = UiRequest(
    measure=RunRequest(settings=LiveSettings(scenarios=("fast",), arms=("flask", "quart")), budget_s=60.0)
)


class Run:
    """A run that has ended when it is looked at for the third time."""

    def __init__(self) -> None:
        self.looks = 0
        self.is_cancelled = self.is_stopped = False

    @property
    def state(self) -> RunState:
        self.looks += 1
        state: Any = "running" if self.looks < 3 else "done"
        return RunState(command="portcompare run", state=state, progress="", folder="run")

    def cancel(self) -> None:
        self.is_cancelled = True

    def stop(self) -> str:
        self.is_stopped = True
        return "this completes it"


class Stage:
    """All that the command uses and that is not there: plan, servers, load generator and runs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.requests: list[UiRequest] = []
        self.runs: list[Run] = []
        instead: dict[str, object] = {
            "read_plan": lambda _: None,
            "open_session": self._open_session,
            "keep_serving": lambda *_: nullcontext(SimpleNamespace(read_use=dict)),
            "list_addresses": lambda _: "",
            "report_restarts": lambda _: None,
            "_describe": lambda *_: UiPlan(name="plan", arms=()),
            "BackgroundRun": self._begin_run,
            "LOOK_EVERY_S": 0.0,
        }
        for name, value in instead.items():
            monkeypatch.setattr(up, name, value)
        monkeypatch.setenv(up.PASSWORD, "correct horse")

    @contextmanager
    def _open_session(
        self, _plan: object, _folder: Path, *, say: Callable[[str], None], **_: object
    ) -> Iterator[SimpleNamespace]:
        say("waiting for load workers at [fd00::1]:5557; joined: none yet")
        generator = SimpleNamespace(open_ui=self._open_ui, show=self._show)
        cpus = SimpleNamespace(all_cpus=())
        yield SimpleNamespace(plan=None, to_capture=(), upstreams={}, cpus=cpus, generator=generator)

    def _open_ui(self, order: OpenUi) -> str:
        return f"http://[{order.host}]:{order.port}"

    def _show(self, _: ShowState) -> UiRequest:
        if not self.requests:
            raise KeyboardInterrupt
        return self.requests.pop(0)

    def _begin_run(self, *_: object, **__: object) -> Run:
        self.runs.append(Run())
        return self.runs[-1]


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(monkeypatch)


@pytest.mark.usefixtures("stage")
def test_addresses_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt):
        up.ui(Path("plan.toml"), host="fd00::1", port=8089, expect_workers=1, listen="[fd00::1]")
    printed = capsys.readouterr()
    assert "web UI: http://[fd00::1]:8089\n" in printed.out
    assert "second screen: http://[fd00::1]:8089/side-by-side\n" in printed.out
    assert "waiting for load workers at [fd00::1]:5557; joined: none yet\n" in printed.err


def test_one_run_is_under_way_at_a_time_and_can_be_cancelled(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.requests = [MEASURE, MEASURE, UiRequest(cancels=True), UiRequest(cancels=True), MEASURE]
    with pytest.raises(KeyboardInterrupt):
        up.ui(Path("plan.toml"))
    assert [(run.is_cancelled, run.is_stopped) for run in stage.runs] == [(True, False), (False, True)]
    assert capsys.readouterr().err.endswith("what was measured is kept: this completes it\n")


def test_only_loopback_is_reached_from_this_machine_alone() -> None:
    assert all(map(is_loopback, ["localhost", "127.0.0.1", "127.1.2.3", "::1", "[::1]"]))
    others = ["0.0.0.0", "::", "[fd00::1]", "10.0.0.1", "localhost.example", "[]", ""]  # noqa: S104
    assert not any(map(is_loopback, others))
