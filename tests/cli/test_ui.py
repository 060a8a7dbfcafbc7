from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from portcompare.cli import ui
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
            monkeypatch.setattr(ui, name, value)
        monkeypatch.setenv(ui.PASSWORD, "correct horse")

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
        ui.ui(Path("plan.toml"), host="fd00::1", port=8089, expect_workers=1, listen="[fd00::1]")
    printed = capsys.readouterr()
    assert "web UI: http://[fd00::1]:8089\n" in printed.out
    assert "second screen: http://[fd00::1]:8089/side-by-side\n" in printed.out
    assert "waiting for load workers at [fd00::1]:5557; joined: none yet\n" in printed.err


def test_one_run_is_under_way_at_a_time_and_can_be_cancelled(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.requests = [MEASURE, MEASURE, UiRequest(cancels=True), UiRequest(cancels=True), MEASURE]
    with pytest.raises(KeyboardInterrupt):
        ui.ui(Path("plan.toml"))
    assert [(run.is_cancelled, run.is_stopped) for run in stage.runs] == [(True, False), (False, True)]
    assert capsys.readouterr().err.endswith("what was measured is kept: this completes it\n")


def test_only_loopback_is_reached_from_this_machine_alone() -> None:
    assert all(map(is_loopback, ["localhost", "127.0.0.1", "127.1.2.3", "::1", "[::1]"]))
    others = ["0.0.0.0", "::", "[fd00::1]", "10.0.0.1", "localhost.example", "[]", ""]  # noqa: S104
    assert not any(map(is_loopback, others))
