"""When a warm-up has lasted long enough: the rate of answers has stopped changing."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_BATCHES = 5
"""With fewer there is no telling a start from what follows it."""

LEAST_WAVES = 2
"""Where answers come in waves the load starts with the first of them, and differs between waves or not."""

_BINS_IN_BATCH = 5
_SHORTEST_BIN_S = 0.012

_TREND_T = 2.1
"""A slope of more standard errors is a trend: the 97.5% point of Student's t for the bins of four batches."""

_SHARE_THAT_MATTERS = 0.02
"""A smaller change of the rate does not matter, however sure it is."""


def is_steady(ended_s: NDArray[np.float64], begun_s: float, now_s: float, wave_s: float) -> bool:
    """Whether answers come at a steady rate by now.

    They are counted in bins of a fifth of the time between waves, but no less than 12 ms, back from the
    present instant; five bins make a batch, so that each batch holds one wave. The rate is steady when MSER-5
    keeps at least half of the batches, and those of them that are in the second half or among the last five
    have answers and show no trend from bin to bin. Five batches are needed, or two whole waves.

    Args:
        ended_s: When requests ended, in any order.
        begun_s: When the load began, by the same clock.
        now_s: The present instant, by the same clock.
        wave_s: The time between waves of answers: the scenario's delay; 0 for none.

    Returns:
        True if the rate is steady; False as long as that cannot be told, and if there are no answers.

    References:
        White, "An effective truncation heuristic for bias reduction in simulation output", Simulation 69 (6),
        1997, for MSER. Hoad, Robinson and Davies, "Automating warm-up length estimation", Journal of the
        Operational Research Society 61 (9), 2010, for the half.
    """
    bin_s = _bin_length(wave_s)
    least = LEAST_BATCHES
    if wave_s:
        least = LEAST_WAVES
        begun_s = max(begun_s, float(ended_s.min(initial=now_s)))
    batches = int((now_s - begun_s) / (bin_s * _BINS_IN_BATCH))
    if batches < least:
        return False
    bins = batches * _BINS_IN_BATCH
    ages = np.floor((now_s - ended_s) / bin_s)
    recent = ages[(ages >= 0) & (ages < bins)].astype(np.intp)
    counts = np.bincount(recent, minlength=bins)[::-1]
    truncation = find_truncation(counts.reshape(batches, _BINS_IN_BATCH).mean(axis=1), least)
    if truncation is None:
        return False
    # An end that is level is enough: what MSER keeps may begin with the last of a climb.
    first = max(truncation, min(batches // 2, batches - least))
    kept = counts[first * _BINS_IN_BATCH :]
    return bool(kept.any()) and not _has_trend(kept)


def least_time(wave_s: float) -> float:
    """How long a load lasts at least before its rate can be called steady.

    Args:
        wave_s: The time between waves of answers; 0 for none.

    Returns:
        Seconds.
    """
    batch_s = _BINS_IN_BATCH * _bin_length(wave_s)
    # The first wave comes when the time between waves has passed once.
    return wave_s + LEAST_WAVES * batch_s if wave_s else LEAST_BATCHES * batch_s


def _bin_length(wave_s: float) -> float:
    return max(_SHORTEST_BIN_S, wave_s / _BINS_IN_BATCH)


def find_truncation(batch_means: NDArray[np.float64], least: int = LEAST_BATCHES) -> int | None:
    """How many batches at the start of a series to leave out: MSER, made fit for short series.

    MSER leaves out as many as make the standard error of the mean of the rest least. The last values of a
    short series are often alike by chance, which looks like no error at all; so the noise between neighbours,
    or 2% of the mean, is added to each variance. A start that differs from the rest hardly enters that noise.

    Args:
        batch_means: The mean of each batch, in the order of time.
        least: How many are needed.

    Returns:
        How many; None if there are fewer than needed, or if more than half would go: then it is too early.

    References:
        White, as above. Spratt, "Heuristics for the startup problem", University of Virginia, 1998, for
        batches of five. Von Neumann and others, "The mean square successive difference", Annals of
        Mathematical Statistics 12 (2), 1941, for the noise.
    """
    count = len(batch_means)
    if count < least:
        return None
    noise = max(np.mean(np.diff(batch_means) ** 2) / 2, (_SHARE_THAT_MATTERS * np.mean(batch_means)) ** 2)
    errors = [(float(np.var(batch_means[first:])) + noise) / (count - first) for first in range(count - 1)]
    truncation = int(np.argmin(errors))
    return truncation if truncation <= count / 2 else None


def _has_trend(counts: NDArray[np.intp]) -> bool:
    """Whether a least-squares line through them is steep enough to matter, and surely not level."""
    places = np.arange(len(counts)) - (len(counts) - 1) / 2
    spread = float(places @ places)
    slope = float(places @ counts) / spread
    if abs(slope) * len(counts) <= _SHARE_THAT_MATTERS * counts.mean():
        return False
    rest = counts - counts.mean() - slope * places
    error = sqrt(float(rest @ rest) / (len(counts) - 2) / spread)
    return abs(slope) > _TREND_T * error
