"""What changes while it is measured: the response rate inside a round, and memory that grows with use."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from portcompare.records.metrics import MetricName
from portcompare.records.rounds import Round
from portcompare.stats.intervals import LEAST_BLOCKS, quantile, t_tail, trimmed_mean
from portcompare.units import LevelText, rate

FALSE_ALARMS = 0.05  # At most this part of the runs in which no rate changes is reported to have a change

LEAST_SLICES = 2
"""A change has at least this many slices on either side: a single slice that differs is a stall."""

_PERMUTATIONS = 999
_SEED = 1  # the same rounds must always give the same warnings

_MOST_NAMED = 5

_ALIKE = (
    "change inside rounds: the rate changed alike in the rounds of a level, so their warm-up ended too early "
    "or the server does not keep its rate:"
)
_SINGLE = "change inside rounds: something else may have run for a part of"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Series:
    """The slices of a round, or what the rounds of an arm at a level have in common."""

    what: str  # The arm and the level, in words
    block: int | None  # Number of the block; None for what the rounds have in common
    rates_rps: tuple[float, ...]  # Successful requests per second in each slice
    noise: float  # Usual deviation of a slice, as part of their mean

    def around(self, place: int) -> tuple[float, float]:
        """The rates before and after a place."""
        return fmean(self.rates_rps[:place]), fmean(self.rates_rps[place:])


def find_changes(series: Sequence[Sequence[float]], noises: Sequence[float]) -> dict[int, int]:
    """Find those of many series of counts that change their level.

    The statistic of a series is the largest difference between its means before and after a place, divided by
    the standard error. Permutations of the series show how large it becomes without a change, so the counts
    may vary more or less than those of random arrivals. Ten counts have too few orders for one to be rare
    among a hundred rounds. The noises are therefore given and not taken from each series: then no permutation
    of a series without a change reaches the statistic of a clear change.

    Among a hundred series of ten, a change in the middle by three times the noise is found in half of the
    cases or more, and a change by five times nearly always.
    Returns the place of the first count after the change, by the place of the series. The chance that any is
    false is at most 5%.
    Sources: James, James and Siegmund, "Tests for a change-point", Biometrika 74 (1), 1987, for the
    statistic; Westfall and Young, "Resampling-based multiple testing", 1993, for the step-down.
    """
    rng = np.random.default_rng(_SEED)
    seen: dict[int, float] = {}
    permuted: dict[int, NDArray[np.float64]] = {}
    for place, (counts, noise) in enumerate(zip(series, noises, strict=True)):
        if len(counts) >= 2 * LEAST_SLICES and any(counts):
            deviations = (np.asarray(counts, dtype=float) / np.mean(counts) - 1) / noise
            seen[place] = float(_steps(deviations).max())
            orders = rng.permuted(np.tile(deviations, (_PERMUTATIONS, 1)), axis=1)
            permuted[place] = _steps(orders).max(axis=1)
    changed = _reject(seen, permuted)
    return {place: locate_change(series[place]) for place in sorted(changed)}


def locate_change(counts: Sequence[float]) -> int:
    """Find the first count after a change, if the series of four counts or more has one."""
    return LEAST_SLICES + int(np.argmax(_steps(np.asarray(counts, dtype=float) - np.mean(counts))))


def describe_changes(
    rounds: Sequence[Round], margins: Mapping[MetricName, float], level_text: LevelText
) -> tuple[str, ...]:
    """Describe the changes of the rate inside rounds that are both significant and larger than the margin.

    Each round is tested. So are the medians of each slice over an arm's rounds at a level: they show a change
    that most rounds have in common, even if it is too small to be significant in one round.
    """
    series = list(_all_series(rounds, level_text))
    found = find_changes([one.rates_rps for one in series], [one.noise for one in series])
    changes = [(series[place], *series[place].around(at)) for place, at in found.items()]
    described = [
        (one, f"{one.what} from {rate(before_rps)} to {rate(after_rps)}")
        for one, before_rps, after_rps in changes
        if max(before_rps, after_rps) > (1 + margins["throughput"]) * min(before_rps, after_rps)
    ]
    alike = [text for one, text in described if one.block is None]
    single = [f"{text} in block {one.block + 1}" for one, text in described if one.block is not None]
    more = f"; and {len(single) - _MOST_NAMED} more" if len(single) > _MOST_NAMED else ""
    tested = sum(one.block is not None for one in series)
    sentences = []
    if alike:
        sentences.append(f"{_ALIKE} {'; '.join(alike)}")
    if single:
        sentences.append(
            f"{_SINGLE} {len(single)} of {tested} rounds: {'; '.join(single[:_MOST_NAMED])}{more}"
        )
    return tuple(sentences)


def _all_series(rounds: Sequence[Round], level_text: LevelText) -> Iterator[_Series]:
    groups: dict[tuple[str, float, str, int], list[Round]] = {}
    for one in rounds:
        slices = len(one.load.slices)
        if (
            one.discarded is None
            and slices >= 2 * LEAST_SLICES
            and any(part.requests for part in one.load.slices)
        ):
            groups.setdefault((one.scenario, one.level, one.arm, slices), []).append(one)
    for (scenario, level, arm, slices), group in groups.items():
        what = f"{arm} ({scenario}, {level_text(scenario, level)})"
        counts = np.array([[part.requests for part in one.load.slices] for one in group], dtype=float)
        means = counts.mean(axis=1, keepdims=True)
        # An even series has no deviation, but the counts cannot resolve less than one response.
        noise = max(float(np.median(counts.std(axis=1, ddof=1) / means[:, 0])), 1 / float(np.median(means)))
        a_second = slices / group[0].load.window_s
        for one, own_rps in zip(group, (counts * a_second).tolist(), strict=True):
            yield _Series(what=what, block=one.block, rates_rps=tuple(own_rps), noise=noise)
        if len(group) > 1:
            common = np.median(counts / means, axis=0) * np.median(means) * a_second
            noise /= len(group) ** 0.5
            yield _Series(what=what, block=None, rates_rps=tuple(common.tolist()), noise=noise)


def _steps(deviations: NDArray[np.float64]) -> NDArray[np.float64]:
    """The differences between the means before and after each place, by their standard errors."""
    size = deviations.shape[-1]
    before = np.arange(LEAST_SLICES, size - LEAST_SLICES + 1)
    sums = np.cumsum(deviations, axis=-1)[..., before - 1]
    steps: NDArray[np.float64] = np.abs(sums) / np.sqrt(before * (size - before) / size)
    return steps


def _reject(seen: Mapping[int, float], permuted: Mapping[int, NDArray[np.float64]]) -> set[int]:
    """The series whose statistic is too large for chance, by a step-down from the largest."""
    rising = sorted(seen, key=seen.__getitem__)
    largest = np.zeros(_PERMUTATIONS)
    chances = {}
    for place in rising:
        largest = np.maximum(largest, permuted[place])
        reached = int(np.sum(largest >= seen[place] * (1 - 1e-9)))  # sums in another order round otherwise
        chances[place] = (1 + reached) / (1 + _PERMUTATIONS)
    rejected: set[int] = set()
    for place in reversed(rising):
        if chances[place] > FALSE_ALARMS:
            break
        rejected.add(place)
    return rejected


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
