"""The interval of a ratio, from paired rounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import stdtrit

if TYPE_CHECKING:
    from collections.abc import Sequence

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioInterval:
    """A ratio and its 95% interval."""

    ratio: float
    low: float
    high: float


def paired_ratio(baseline: Sequence[float], candidate: Sequence[float]) -> RatioInterval:
    """The ratio candidate / baseline with its interval, from the logarithms of each block's ratio.

    Args:
        baseline: One positive value a block.
        candidate: One positive value a block, of the same blocks in the same order.

    Returns:
        The geometric mean of the ratios and its Student t interval, carried back from the logarithms.

    Raises:
        ValueError: Fewer than two blocks, or of unequal number.

    References:
        Fleming and Wallace, "How not to lie with statistics: the correct way to summarize benchmark results",
        Communications of the ACM 29 (3), 1986, for the geometric mean of ratios. Student, "The probable error
        of a mean", Biometrika 6 (1), 1908, for the interval.
    """
    if len(baseline) != len(candidate):  # numpy would repeat a single value as often as needed
        msg = f"{len(baseline)} blocks of the baseline cannot be paired with {len(candidate)}"
        raise ValueError(msg)
    logs = np.log(np.asarray(candidate, dtype=float)) - np.log(np.asarray(baseline, dtype=float))
    if len(logs) < 2:  # noqa: PLR2004 - a deviation needs two values
        msg = "an interval needs two blocks or more"
        raise ValueError(msg)
    quantile = float(stdtrit(len(logs) - 1, (1 + CONFIDENCE) / 2))
    half = quantile * float(logs.std(ddof=1)) / len(logs) ** 0.5
    middle = float(logs.mean())
    return RatioInterval(
        ratio=float(np.exp(middle)), low=float(np.exp(middle - half)), high=float(np.exp(middle + half))
    )
