from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import gevent
from gevent.event import Event

from portcompare.loadgen.webui import following
from portcompare.loadgen.webui.board import Board
from portcompare.wire.ui_protocol import UiPlan

if TYPE_CHECKING:
    import pytest


class Failing(Board):
    """A board that fails at its first tick, and at its third has seen enough."""

    def __init__(self) -> None:
        super().__init__(UiPlan(name="plan", arms=()))
        self.ticks = 0
        self.has_gone_on = Event()

    def tick(self, state: str) -> None:
        self.ticks += 1
        if self.ticks == 1:
            raise ValueError("there are no figures")
        if self.ticks > 2:
            self.has_gone_on.set()
            raise gevent.GreenletExit
        super().tick(state)


def test_a_second_that_cannot_be_computed_is_logged_and_the_clock_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(following, "_TICK_S", 0.001)
    hook = SimpleNamespace(add_listener=lambda _: None)
    names = ("test_start", "spawning_complete", "reset_stats", "test_stop")
    environment = SimpleNamespace(
        runner=SimpleNamespace(state="running", register_message=lambda *_: None),
        events=SimpleNamespace(**dict.fromkeys(names, hook)),
    )
    board = Failing()
    following.follow(board, cast("Any", environment), lambda: None)
    assert board.has_gone_on.wait(10)
    (record,) = caplog.records
    assert record.exc_info is not None
    assert "there are no figures" in caplog.text
