"""When to stop: by the width of the intervals, never by what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portcompare.model import Comparison, Metric

STOPPING_METRICS: frozenset[Metric] = frozenset({"throughput", "p50"})


def find_undecided(comparisons: Iterable[Comparison], precision: float) -> frozenset[tuple[str, float]]:
    """The levels that are not yet known well enough.

    Args:
        comparisons: The comparisons so far.
        precision: The relative half-width at which an interval is narrow enough.

    Returns:
        Scenario and level, wherever throughput or median of any arm is still wider.
    """
    return frozenset(
        (one.scenario, one.level)
        for one in comparisons
        if one.metric in STOPPING_METRICS
        and (one.ratio is None or one.high is None or one.high > one.ratio * (1 + precision))
    )
