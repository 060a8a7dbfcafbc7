"""When to stop: by the width of the intervals, never by what they say."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from portcompare.units import count, duration, share

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from portcompare.model import Comparison, Metric

STOPPING_METRICS: frozenset[Metric] = frozenset({"throughput", "p50"})


def find_undecided(comparisons: Iterable[Comparison], precision: float) -> dict[tuple[str, float], float]:
    """The levels that are not yet known well enough.

    Args:
        comparisons: The comparisons so far.
        precision: The relative half-width at which an interval is narrow enough.

    Returns:
        By scenario and level, wherever throughput or median of any arm is still wider: the relative
        half-width of the widest; infinite where there is no interval.
    """
    widest: dict[tuple[str, float], float] = {}
    for one in comparisons:
        if one.metric in STOPPING_METRICS:
            width = inf if one.ratio is None or one.high is None else one.high / one.ratio - 1
            level = (one.scenario, one.level)
            widest[level] = max(width, widest.get(level, 0.0))
    return {level: width for level, width in widest.items() if width > precision}


def find_stop_reason(
    undecided: Collection[object],
    blocks: int,
    *,
    max_blocks: int,
    precision: float,
    budget_s: float,
    is_up: bool,
) -> str:
    """Why no more was measured.

    Args:
        undecided: What was not known well enough.
        blocks: How many blocks were begun.
        max_blocks: The most that the plan allows.
        precision: The relative half-width at which an interval is narrow enough.
        budget_s: How long the run might take.
        is_up: Whether its time ended in the middle of a block.

    Returns:
        A clause.
    """
    if is_up:
        return f"the budget of {duration(budget_s)} ended in block {blocks}"
    if not undecided:
        return f"every interval had become as narrow as {share(precision)} of its ratio"
    if blocks >= max_blocks:
        return f"{count(blocks, 'block')} were measured, the most that the plan allows"
    return f"no further block fitted into the budget of {duration(budget_s)}"
