"""Growth with use: what a server holds more of with each request, from several starts of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from portcompare.stats.intervals import LEAST_BLOCKS, quantile, t_tail, trimmed_mean

LEAST_READINGS = 8  # Of a course: a line through each half needs a few

LEAST_BYTES = 262_144
"""Less growth says nothing: malloc takes memory and gives it back in steps of half of it (mallopt(3),
M_TOP_PAD and M_TRIM_THRESHOLD)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What a server held while it responded to so many requests."""

    block: int  # In which start of the server
    requests: int
    readings_bytes: Sequence[int]  # At even distances


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """Bytes per request with a 95% interval."""

    slope_bytes: float
    low_bytes: float
    high_bytes: float
    blocks: int
    chance: float  # How often chance alone would make it as steep, up or down: the p-value


def find_growth(courses: Iterable[Course]) -> Growth | None:
    """The growth in the later half of the courses, by least squares, as the mean over the starts of a server.

    Returns None with fewer than two starts, or where it does not matter: it is small, or levels off as caches
    do when they are full: the later half grows less than half as much as the earlier one.
    Source: Matthews, Altman, Campbell and Royston, "Analysis of serial measurements in medical research", BMJ
    300, 1990: one slope of each subject, as its readings are not independent, and the mean of those.
    """
    halves: dict[int, list[tuple[float, float, float]]] = {}
    for course in courses:
        readings, middle = np.asarray(course.readings_bytes, dtype=float), len(course.readings_bytes) // 2
        if len(readings) >= LEAST_READINGS and course.requests:
            earlier, later = _rise(readings[: middle + 1]), _rise(readings[middle:])
            requests = course.requests * (1 - middle / (len(readings) - 1))  # In the later half
            halves.setdefault(course.block, []).append((earlier, later, requests))
    if len(halves) < LEAST_BLOCKS:
        return None
    earlier, later, requests = np.array([np.sum(of_block, axis=0) for of_block in halves.values()]).T
    if later.mean() < max(LEAST_BYTES, earlier.mean() / 2):
        return None
    found = trimmed_mean(later / requests)
    half = quantile(found.degrees_of_freedom) * found.error
    errors = found.middle / found.error if found.error else np.inf
    return Growth(
        slope_bytes=found.middle,
        low_bytes=found.middle - half,
        high_bytes=found.middle + half,
        blocks=len(halves),
        chance=2 * t_tail(abs(errors), found.degrees_of_freedom),
    )


def _rise(readings: NDArray[np.float64]) -> float:
    """By how much the line through readings rises from the first to the last."""
    places = np.linspace(-0.5, 0.5, len(readings))
    return float(places @ readings / (places @ places))
