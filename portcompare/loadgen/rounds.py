"""One round, whoever carries it out: warm-up, a window that all open at once, and one account of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from portcompare.loadgen.merge import merge_parts
from portcompare.protocol import WindowOpens

if TYPE_CHECKING:
    from collections.abc import Callable

    from portcompare.loadgen.crew import Crew
    from portcompare.protocol import RoundDone, RunRound

_NOTICE_S: Final = 0.005
"""The window's start is announced this long before, so that everybody can be at their place."""


def run_round(order: RunRound, crew: Crew, announce: Callable[[WindowOpens], None]) -> RoundDone:
    """Load one server at one level.

    Args:
        order: Which server, how, how long.
        crew: Who does it.
        announce: Called with the window's instants when the load is steady.

    Returns:
        What happened inside the window.
    """
    began_s = time.perf_counter()
    try:
        warm = crew.warm_up(order)
        start_s = time.perf_counter() + _NOTICE_S
        started_at_s = time.time() + _NOTICE_S
        announce(WindowOpens(start_s=start_s, end_s=start_s + order.window_s))
        parts, lost = crew.measure(start_s - time.perf_counter())
    finally:
        crew.end_round()
    return merge_parts(
        parts,
        started_at_s=started_at_s,
        window_s=order.window_s,
        warmup_s=start_s - began_s,
        steady=warm.steady,
        void=warm.void or lost,
    )
