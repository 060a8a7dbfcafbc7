"""What is counted while the load runs: in tallies, at the cost of a few list operations an answer."""

from __future__ import annotations

from array import array
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from hdrh.histogram import HdrHistogram

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOWEST_US = 1
HIGHEST_US = 3_600_000_000
SIGNIFICANT_FIGURES = 3


@dataclass(slots=True, kw_only=True)
class Tally:
    """What happened since the tally was begun.

    Attributes:
        latencies_s: One for each successful request.
        ended_s: When each of them ended, in seconds of `time.perf_counter()`.
        received_bytes: Of the successful requests, headers included.
        failures_s: How long each failed request took, by kind of failure.
        handler_s: The server's own word (`Server-Timing: app`) on sampled answers.
        reconnects: Connections made again, because the server had ended one between two requests.
    """

    latencies_s: array[float] = field(default_factory=lambda: array("d"))
    ended_s: array[float] = field(default_factory=lambda: array("d"))
    received_bytes: int = 0
    failures_s: defaultdict[str, array[float]] = field(
        default_factory=lambda: defaultdict(lambda: array("d"))
    )
    handler_s: list[float] = field(default_factory=list)
    reconnects: int = 0


class Recorder:
    """Where the users of a process put what they saw, by the key Locust's statistics have: (name, method)."""

    __slots__ = ("_tallies",)

    def __init__(self) -> None:
        self._tallies: defaultdict[tuple[str, str], Tally] = defaultdict(Tally)

    def tally(self, key: tuple[str, str]) -> Tally:
        """The running tally of a request; to be asked for again after every wait.

        Args:
            key: Name and method.

        Returns:
            The tally to add to.
        """
        return self._tallies[key]

    def cut(self) -> dict[tuple[str, str], Tally]:
        """Begin new tallies.

        Returns:
            Those that ran until now.
        """
        tallies, self._tallies = self._tallies, defaultdict(Tally)
        return tallies


def make_histogram(latencies_s: NDArray[np.float64]) -> HdrHistogram:
    """The histogram of latencies, at a resolution of 1 us or three significant figures.

    Args:
        latencies_s: In seconds; may be empty.

    Returns:
        A histogram in microseconds from 1 us to one hour.
    """
    histogram = HdrHistogram(LOWEST_US, HIGHEST_US, SIGNIFICANT_FIGURES)
    latencies_us = np.clip(np.rint(latencies_s * 1e6), LOWEST_US, HIGHEST_US).astype(np.int64)
    for value_us, count in zip(*np.unique(latencies_us, return_counts=True), strict=True):
        histogram.record_value(int(value_us), int(count))
    return histogram
