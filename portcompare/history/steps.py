"""Where trends change their level: sure, and large enough to matter."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import exp, log
from statistics import NormalDist, fmean, median
from typing import TYPE_CHECKING

from portcompare.analyse import find_changes
from portcompare.history.records import Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portcompare.history.records import Trend

_LEAST_NOISE = 1e-3
"""Deviations of less than a thousandth are no noise that could be told from rounding."""

_QUARTILE = NormalDist().inv_cdf(0.75) * 2**0.5
"""Half of the differences of two values of unit deviation are smaller."""


def find_steps(trends: Sequence[tuple[Trend, float | None]]) -> tuple[Trend, ...]:
    """Find the trends that change their level.

    Args:
        trends: Trends, each with the equivalence margin of its metric, None where it is not known.

    Returns:
        The trends; those with a step that is sure (the chance that any of them is false is at most 5%) and
        larger than the margin have it.
    """
    values = [[point.value for point in trend.points] for trend, _ in trends]
    logs = [[log(value) for value in each] for each in values]
    found = find_changes(values, [_noise(each) for each in logs])
    return tuple(
        _with_step(trend, logs[place], found[place], margin or 0.0) if place in found else trend
        for place, (trend, margin) in enumerate(trends)
    )


def _noise(logs: Sequence[float]) -> float:
    """How far a run usually strays, judged from one run to the next, so that a step does not count."""
    steps = [abs(later - earlier) for earlier, later in pairwise(logs)]
    return max(median(steps) / _QUARTILE, _LEAST_NOISE) if steps else _LEAST_NOISE


def _with_step(trend: Trend, logs: Sequence[float], at: int, margin: float) -> Trend:
    before, after = exp(fmean(logs[:at])), exp(fmean(logs[at:]))
    if abs(log(after / before)) <= log(1 + margin):
        return trend
    return replace(trend, step=Step(folder=trend.points[at].folder, before=before, after=after))
