"""Many comparisons, few false ones: which differences hold, however many were looked for."""

from collections.abc import Sequence
from typing import TypeVar

from portcompare.stats.intervals import CONFIDENCE

Item = TypeVar("Item")


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
