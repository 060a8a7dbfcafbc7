"""The interval of a ratio between two runs, whose rounds share no block."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from typing import TYPE_CHECKING

import numpy as np

from portcompare.intervals import RatioInterval, quantile, trimmed_mean

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpairedRatio:
    """A ratio with its 95% interval, and the degrees of freedom of that."""

    interval: RatioInterval
    degrees_of_freedom: float


def unpaired_ratio(old: Sequence[float], new: Sequence[float]) -> UnpairedRatio:
    """The ratio new / old with its interval, from the logarithms of each run's own values.

    It is the sibling of `paired_ratio`: as much is cut off either run's values, and with fewer than eight
    blocks in both it is Welch's interval. The two runs may have unequal numbers of blocks and unequal spread.
    What befell one run as a whole it cannot know of.

    Args:
        old: One positive value a block of the old run.
        new: One positive value a block of the new run.

    Returns:
        The ratio of the geometric means, the outermost values cut off, with its t interval.

    Raises:
        ValueError: Fewer than two blocks in a run.

    References:
        Yuen, "The two-sample trimmed t for unequal population variances", Biometrika 61 (1), 1974. Welch,
        "The generalization of 'Student's' problem when several different population variances are involved",
        Biometrika 34 (1-2), 1947, for the degrees of freedom and for what it is without a cut.
    """
    then, now = (trimmed_mean(np.log(np.asarray(values, dtype=float))) for values in (old, new))
    parts = [(one.error**2, one.degrees_of_freedom) for one in (then, now)]
    variance = sum(part for part, _ in parts)
    degrees = float(sum(degrees for _, degrees in parts))
    if variance > 0:  # each as a part of the whole first: the squares of small variances would be none
        degrees = 1 / sum((part / variance) ** 2 / degrees for part, degrees in parts)
    middle, half = now.middle - then.middle, quantile(degrees) * variance**0.5
    interval = RatioInterval(ratio=exp(middle), low=exp(middle - half), high=exp(middle + half))
    return UnpairedRatio(interval=interval, degrees_of_freedom=degrees)
