"""Many comparisons, few false ones: which differences hold, however many were looked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from portcompare.records.metrics import HEADLINE_METRICS
from portcompare.records.rounds import CONTROL
from portcompare.stats.intervals import CONFIDENCE, chance_beyond, degrees_of_freedom

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from portcompare.records.estimates import Comparison
    from portcompare.records.metrics import MetricName

Item = TypeVar("Item")


def headline_family(comparisons: Iterable[Comparison]) -> tuple[Comparison, ...]:
    """The comparisons that the headline speaks of."""
    return tuple(
        one
        for one in comparisons
        if one.metric in HEADLINE_METRICS and one.candidate != CONTROL and one.ratio.point is not None
    )


def find_holding(family: Sequence[Comparison], margins: Mapping[MetricName, float]) -> tuple[Comparison, ...]:
    """The differences that hold together: the chance that any of them is false is at most 5%."""
    return reject(
        family,
        [
            chance_beyond(one.ratio, degrees_of_freedom(one.ratio.blocks), margins[one.metric])
            for one in family
        ],
    )


def reject(tested: Sequence[Item], chances: Sequence[float]) -> tuple[Item, ...]:
    """Choose what is surely so, of all that was tested."""
    return tuple(one for one, chance in zip(tested, holm(chances), strict=True) if chance < 1 - CONFIDENCE)


def holm(chances: Sequence[float]) -> tuple[float, ...]:
    """Adjust p-values for their number, by Holm's step-down method."""
    adjusted = [0.0] * len(chances)
    highest = 0.0
    for done, place in enumerate(sorted(range(len(chances)), key=chances.__getitem__)):
        highest = max(highest, min(1.0, (len(chances) - done) * chances[place]))
        adjusted[place] = highest
    return tuple(adjusted)
