"""The correction for multiple comparisons: which differences hold together."""

from collections.abc import Sequence
from typing import TypeVar

from portcompare.stats.intervals import CONFIDENCE

Item = TypeVar("Item")


def reject(tested: Sequence[Item], chances: Sequence[float]) -> tuple[Item, ...]:
    """Choose the tests that remain significant (5%) when their p-values are adjusted for their number."""
    return tuple(one for one, chance in zip(tested, holm(chances), strict=True) if chance < 1 - CONFIDENCE)


def holm(chances: Sequence[float]) -> tuple[float, ...]:
    """Adjust p-values for their number, by Holm's step-down method.

    Source: Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6 (2), 1979.
    """
    adjusted = [0.0] * len(chances)
    highest = 0.0
    for done, place in enumerate(sorted(range(len(chances)), key=chances.__getitem__)):
        highest = max(highest, min(1.0, (len(chances) - done) * chances[place]))
        adjusted[place] = highest
    return tuple(adjusted)
