"""One round, whoever carries it out: warm-up, a window that all open at once, and one account of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import gevent

from portcompare.loadgen.merge import merge_parts
from portcompare.wire.protocol import WindowOpens

if TYPE_CHECKING:
    from collections.abc import Callable

    from portcompare.loadgen.leader import Crew
    from portcompare.wire.protocol import RoundDone, RunRound

_NOTICE_S: Final = 0.005
"""The window's start is announced this long before, so that everybody can be at their place."""


def run_round(
    order: RunRound,
    crew: Crew,
    announce: Callable[[WindowOpens], None],
    await_close: Callable[[], object] | None = None,
) -> RoundDone:
    """Load one server at one level.

    `await_close`: waits until a window that is held is to be closed; None for one that is not.
    """
    began_s = time.perf_counter()
    try:
        warm = crew.warm_up(order)
        start_s = time.perf_counter() + _NOTICE_S
        started_at_s = time.time() + _NOTICE_S
        announce(WindowOpens(start_s=start_s, end_s=start_s + order.window_s))
        closing = gevent.spawn(_close, order, crew, start_s, await_close) if await_close else None
        parts, lost = crew.measure(start_s - time.perf_counter())
        # Not by its truth: a greenlet that has ended is false.
        window_s = order.window_s if closing is None else closing.get()
    finally:
        crew.end_round()
    return merge_parts(
        parts,
        started_at_s=started_at_s,
        window_s=window_s,
        warmup_s=start_s - began_s,
        steady=warm.steady,
        failure=warm.void or lost,
    )


def _close(order: RunRound, crew: Crew, start_s: float, await_close: Callable[[], object]) -> float:
    """Close a window when that is wanted; its length, which is the same for the whole crew."""
    await_close()
    window_s = min(time.perf_counter() + _NOTICE_S - start_s, order.window_s)
    crew.close_window(window_s)
    return window_s
