"""Has a board follow a load test, in the process that leads it or runs it alone."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

import gevent

from portcompare.loadgen.webui.reports import TYPE, decode_report

if TYPE_CHECKING:
    from collections.abc import Callable

    from locust.env import Environment

    from portcompare.loadgen.webui.board import Board

_LOG: Final = logging.getLogger(__name__)
_TICK_S: Final = 1.0


def follow(board: Board, environment: Environment, on_start: Callable[[], None]) -> None:
    """Put onto a board what is counted, and when users come and go."""

    def take(msg: Any, **_: object) -> None:  # noqa: ANN401 - Locust's message
        board.add(msg.node_id, decode_report(msg.data))

    environment.runner.register_message(TYPE, take)
    environment.events.test_start.add_listener(lambda **_: on_start())
    environment.events.spawning_complete.add_listener(lambda user_count, **_: board.note_users(user_count))
    environment.events.reset_stats.add_listener(lambda **_: board.reset())
    environment.events.test_stop.add_listener(lambda **_: board.end())
    gevent.spawn(_tick_forever, board, environment)


def _tick_forever(board: Board, environment: Environment) -> None:
    while True:
        gevent.sleep(_TICK_S)
        try:
            board.tick(environment.runner.state)
        except Exception:  # noqa: BLE001 - logged; the next second may be another matter
            _LOG.exception("the figures of this second could not be computed")
