"""When to stop: by the width of the intervals, never by what they say."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from portcompare.analyse.multiplicity import HEADLINE_METRICS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portcompare.model import Comparison

EARLY_SHARE = 1 / 2
"""The part of the precision that intervals must reach for a level to be done before the fewest blocks.

A narrow interval of few blocks may be so by chance, and then it covers too little. One as narrow as this is
next to never so by chance where noise is as large as the precision; where it is much smaller, it does not
matter to a verdict.
"""


def early_precision(precision: float) -> float:
    """How narrow the intervals of a level must be for it to be done before the fewest blocks.

    Args:
        precision: The relative half-width at which an interval is narrow enough after these.

    Returns:
        The relative half-width, `EARLY_SHARE` of that.
    """
    return precision * EARLY_SHARE


def find_undecided(
    comparisons: Iterable[Comparison], precision: float, *, is_early: bool
) -> dict[tuple[str, float], float]:
    """The levels that are not yet known well enough.

    Args:
        comparisons: The comparisons so far.
        precision: The relative half-width at which an interval is narrow enough.
        is_early: Whether fewer blocks were measured than a level should have at least: then it must be the
            `early_precision`.

    Returns:
        By scenario and level, wherever throughput or median of any arm is still wider: the relative
        half-width of the widest; infinite where there is no interval.
    """
    widest: dict[tuple[str, float], float] = {}
    for one in comparisons:
        if one.metric in HEADLINE_METRICS:
            width = inf if one.ratio is None or one.high is None else one.high / one.ratio - 1
            level = (one.scenario, one.level)
            widest[level] = max(width, widest.get(level, 0.0))
    narrow = early_precision(precision) if is_early else precision
    return {level: width for level, width in widest.items() if width > narrow}
