"""What is counted while the load runs: in tallies, at the cost of a few list operations an answer."""

from __future__ import annotations

from array import array
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from hdrh.histogram import HdrHistogram

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LOWEST_US = 1
HIGHEST_US = 3_600_000_000
SIGNIFICANT_FIGURES = 3

NOT_SENT = "not sent in time"
"""The kind of failure of a request of the open model that found no free connection."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """What happened since the tally was begun.

    Attributes:
        latencies_s: One for each successful request.
        ended_s: When each of them ended, in seconds of `time.perf_counter()`.
        received_bytes: Of the successful requests, headers included, where users read them themselves.
        failures_s: How long each failed request took, by kind of failure.
        failed_s: When each of them ended, of whatever kind, in seconds of `time.perf_counter()`.
        handler_s: The server's own word (`Server-Timing: app`) on sampled answers.
        reconnects: Connections made because the server had ended the one before, announced or not; those made
            after a failure do not count.
    """

    latencies_s: array[float] = field(default_factory=lambda: array("d"))
    ended_s: array[float] = field(default_factory=lambda: array("d"))
    received_bytes: int = 0
    failures_s: defaultdict[str, array[float]] = field(
        default_factory=lambda: defaultdict(lambda: array("d"))
    )
    failed_s: array[float] = field(default_factory=lambda: array("d"))
    handler_s: list[float] = field(default_factory=list)
    reconnects: int = 0


@dataclass(slots=True, kw_only=True)
class Pace:
    """How well the schedule was kept since the pace was begun.

    Attributes:
        due_s: When each request was due, in seconds of `time.perf_counter()`.
        lags_s: How long after that it was dealt with: sent, or left to wait for a free connection.
        dropped: Requests given up, because they had waited for a connection for as long as the time limit.
    """

    due_s: array[float] = field(default_factory=lambda: array("d"))
    lags_s: array[float] = field(default_factory=lambda: array("d"))
    dropped: int = 0


class Recorder:
    """Where the users of a process put what they saw, by the key Locust's statistics have: (name, method).

    Attributes:
        label: Added to the names of what is counted until the next cut.
    """

    __slots__ = ("_tallies", "label")

    def __init__(self) -> None:
        self.label = ""
        self._tallies: defaultdict[tuple[str, str], Tally] = defaultdict(Tally)

    def tally(self, key: tuple[str, str]) -> Tally:
        """The running tally of a request; to be asked for again after every wait.

        Args:
            key: Name and method.

        Returns:
            The tally to add to.
        """
        return self._tallies[key]

    def ended_s(self) -> NDArray[np.float64]:
        """When the requests of the running tallies ended, failed ones too, in seconds of `perf_counter()`."""
        parts = [part for tally in self._tallies.values() for part in (tally.ended_s, tally.failed_s)]
        return np.concatenate([np.empty(0), *parts])

    def cut(self) -> dict[tuple[str, str], Tally]:
        """Begin new tallies.

        Returns:
            Those that ran until now.
        """
        tallies, self._tallies = self._tallies, defaultdict(Tally)
        return {(name + self.label, method): tally for (name, method), tally in tallies.items()}


def new_histogram() -> HdrHistogram:
    """An empty histogram in microseconds, from 1 us to one hour, to three significant figures."""
    return HdrHistogram(LOWEST_US, HIGHEST_US, SIGNIFICANT_FIGURES)


def make_histogram(latencies_s: NDArray[np.float64]) -> HdrHistogram:
    """The histogram of latencies, at a resolution of 1 us or three significant figures.

    Args:
        latencies_s: In seconds; may be empty.

    Returns:
        As `new_histogram` makes it.
    """
    histogram = new_histogram()
    latencies_us = np.clip(np.rint(latencies_s * 1e6), LOWEST_US, HIGHEST_US).astype(np.int64)
    for value_us, count in zip(*np.unique(latencies_us, return_counts=True), strict=True):
        histogram.record_value(int(value_us), int(count))
    return histogram


def percentiles_of(histogram: HdrHistogram, percents: Sequence[float]) -> tuple[float, ...]:
    """Percentiles, as the histogram itself tells them, but without a step in Python for each bucket.

    Args:
        histogram: As `new_histogram` makes it; not empty.
        percents: Which, above 0.

    Returns:
        Seconds, one for each.
    """
    sums = np.cumsum(np.ctypeslib.as_array(histogram.counts))
    wanted = [histogram.get_target_count_at_percentile(percent) for percent in percents]
    places = np.searchsorted(sums, wanted)
    values_us = [histogram.get_value_from_index(int(place)) for place in places]
    return tuple(histogram.get_highest_equivalent_value(value_us) / 1e6 for value_us in values_us)
