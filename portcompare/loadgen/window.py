"""When the rate of responses is steady, and what it is inside a window cut out of the steady state."""

from math import sqrt
from time import perf_counter
from typing import Final

import gevent
import numpy as np
from numpy.typing import NDArray


def smooth_rate(ended_s: NDArray[np.float64], start_s: float, end_s: float, edge_s: float) -> float:
    """The rate of responses, per second, in a window whose edges are slopes instead of steps.

    Users that wait alike get their responses in waves, and a step that cuts a wave counts a wave more or less
    by chance: with eight threads and a delay of 0.2 s that is a third of a second's responses. So each
    response counts with a weight that rises from 0 to 1 before the window's start and falls back before its
    end; the weights of a steady process add up to its rate times the window's length, and waves as far apart
    as the slope is long are counted exactly wherever the window falls.

    Source: the weights are the convolution of two boxes, of the window's length and the slope's; the latter's
    spectrum is zero at the waves' frequency and its multiples: Harris, "On the use of windows for harmonic
    analysis with the discrete Fourier transform", Proceedings of the IEEE 66 (1), 1978.
    """
    if edge_s <= 0:
        weights = ((ended_s > start_s) & (ended_s <= end_s)).astype(float)
    else:
        weights = np.clip(np.minimum(ended_s - (start_s - edge_s), end_s - ended_s) / edge_s, 0.0, 1.0)
    return float(weights.sum()) / (end_s - start_s)


def choose_edge(response_s: float, delay_s: float, *, first_s: float, start_s: float, end_s: float) -> float:
    """The length of a window's slopes.

    In the closed model each user gets one response in a response time, so that whatever pattern all responses
    make, it repeats after that time: slopes of this length count it exactly. Where they have no room, and the
    responses contain a delay, they come in waves that far apart.
    """
    room_s = max(min(start_s - first_s, (end_s - start_s) / 2), 0.0)
    return response_s if response_s <= room_s else min(delay_s or response_s, room_s)


LEAST_BATCHES: Final = 5  # With fewer batches, a start is not distinguishable from what follows it
LEAST_WAVES: Final = 2
"""Where responses come in waves, the load starts with the first of them, and differs between waves or not."""

_BINS_IN_BATCH: Final = 5
_SHORTEST_BIN_S: Final = 0.012

_TREND_T: Final = 2.1
"""A slope of more standard errors is a trend: the 97.5% point of Student's t for the bins of four batches."""

_SHARE_THAT_MATTERS: Final = 0.02  # A smaller change of the rate does not matter, however sure it is


def is_steady(ended_s: NDArray[np.float64], begun_s: float, now_s: float, wave_s: float) -> bool:
    """Whether responses come at a steady rate by now.

    They are counted in bins of a fifth of the time between waves, but no less than 12 ms, back from the
    present instant; five bins make a batch, so that each batch holds one wave. The rate is steady when MSER-5
    keeps at least half of the batches, and those of them that are in the second half or among the last five
    have responses and show no trend from bin to bin. Five batches are needed, or two whole waves.

    Source: White, "An effective truncation heuristic for bias reduction in simulation output", Simulation 69
    (6), 1997, for MSER. Hoad, Robinson and Davies, "Automating warm-up length estimation", Journal of the
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
    """How long a load lasts at least before its rate can be called steady."""
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
    Returns None where it is too early: there are fewer than needed, or more than half would go.

    Source: White, as above. Spratt, "Heuristics for the startup problem", University of Virginia, 1998, for
    batches of five. Von Neumann and others, "The mean square successive difference", Annals of Mathematical
    Statistics 12 (2), 1941, for the noise.
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


_BEAT_EVERY_S: Final = 0.01


class Heartbeat:
    """Measures how late the event loop is for a beat every 10 ms, until it is stopped."""

    __slots__ = ("_due_s", "_greenlet", "_worst_s")

    def __init__(self) -> None:
        self._worst_s = 0.0
        self._due_s = perf_counter() + _BEAT_EVERY_S
        self._greenlet = gevent.spawn(self._beat)

    def cut(self) -> float:
        """The greatest delay since the last call, in seconds; a beat that is late now counts."""
        now_s = perf_counter()
        worst_s = max(self._worst_s, now_s - self._due_s)
        self._worst_s = 0.0
        self._due_s = now_s + _BEAT_EVERY_S
        return worst_s

    def stop(self) -> None:
        """End it."""
        self._greenlet.kill()

    def _beat(self) -> None:
        while True:
            gevent.sleep(max(self._due_s - perf_counter(), 0.0))
            now_s = perf_counter()
            self._worst_s = max(self._worst_s, now_s - self._due_s)
            self._due_s = now_s + _BEAT_EVERY_S
