"""What one process's part of a round comes to: from the counts before and in its window."""

from __future__ import annotations

import math
import os
from array import array
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from hdrh.histogram import HdrHistogram

from portcompare.loadgen.window import choose_edge, smooth_rate
from portcompare.wire.protocol import WRONG_BODY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray


LOWEST_US = 1
HIGHEST_US = 3_600_000_000
SIGNIFICANT_FIGURES = 3

NOT_SENT = "not sent in time"
"""The kind of failure of a request of the open model that found no free connection."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """What happened since the tally was begun."""

    latencies_s: array[float] = field(default_factory=lambda: array("d"))  # One for each successful request
    # When each of them ended, in seconds of `time.perf_counter()`
    ended_s: array[float] = field(default_factory=lambda: array("d"))
    received_bytes: int = 0  # Of the successful requests, headers included, where users read them themselves
    failures_s: defaultdict[str, array[float]] = field(
        default_factory=lambda: defaultdict(lambda: array("d"))
    )  # How long each failed request took, by kind of failure
    # When each of them ended, of whatever kind, in seconds of `time.perf_counter()`
    failed_s: array[float] = field(default_factory=lambda: array("d"))
    # The server's own word (`Server-Timing: app`) on sampled answers
    handler_s: list[float] = field(default_factory=list)
    # Connections made because the server had ended the one before, announced or not; those made after a
    # failure do not count
    reconnects: int = 0


@dataclass(slots=True, kw_only=True)
class Pace:
    """How well the schedule was kept since the pace was begun."""

    # When each request was due, in seconds of `time.perf_counter()`
    due_s: array[float] = field(default_factory=lambda: array("d"))
    # How long after that it was dealt with: sent, or left to wait for a free connection
    lags_s: array[float] = field(default_factory=lambda: array("d"))
    # Requests given up, because they had waited for a connection for as long as the time limit
    dropped: int = 0


class Recorder:
    """Where the users of a process put what they saw, by the key Locust's statistics have: (name, method)."""

    __slots__ = ("_tallies", "label")

    def __init__(self) -> None:
        self.label = ""  # Added to the names of what is counted until the next cut
        self._tallies: defaultdict[tuple[str, str], Tally] = defaultdict(Tally)

    def tally(self, key: tuple[str, str]) -> Tally:
        """The running tally of a request; to be asked for again after every wait."""
        return self._tallies[key]

    def ended_s(self) -> NDArray[np.float64]:
        """When the requests of the running tallies ended, failed ones too, in seconds of `perf_counter()`."""
        parts = [part for tally in self._tallies.values() for part in (tally.ended_s, tally.failed_s)]
        return np.concatenate([np.empty(0), *parts])

    def cut(self) -> dict[tuple[str, str], Tally]:
        """Begin new tallies."""
        tallies, self._tallies = self._tallies, defaultdict(Tally)
        return {(name + self.label, method): tally for (name, method), tally in tallies.items()}


def new_histogram() -> HdrHistogram:
    """An empty histogram in microseconds, from 1 us to one hour, to three significant figures."""
    return HdrHistogram(LOWEST_US, HIGHEST_US, SIGNIFICANT_FIGURES)


def make_histogram(latencies_s: NDArray[np.float64]) -> HdrHistogram:
    """The histogram of latencies, at a resolution of 1 us or three significant figures."""
    histogram = new_histogram()
    latencies_us = np.clip(np.rint(latencies_s * 1e6), LOWEST_US, HIGHEST_US).astype(np.int64)
    for value_us, count in zip(*np.unique(latencies_us, return_counts=True), strict=True):
        histogram.record_value(int(value_us), int(count))
    return histogram


def percentiles_of(histogram: HdrHistogram, percents: Sequence[float]) -> tuple[float, ...]:
    """Percentiles, as the histogram itself tells them, but without a step in Python for each bucket."""
    sums = np.cumsum(np.ctypeslib.as_array(histogram.counts))
    wanted = [histogram.get_target_count_at_percentile(percent) for percent in percents]
    places = np.searchsorted(sums, wanted)
    values_us = [histogram.get_value_from_index(int(place)) for place in places]
    return tuple(histogram.get_highest_equivalent_value(value_us) / 1e6 for value_us in values_us)


_FEWEST_SLICES: Final = 10
_LONGEST_SLICE_S: Final = 1.0
# Read once and now: in a round there may be no file left to read it with.
_MACHINE: Final = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What was counted since the counts before."""

    tallies: tuple[Tally, ...]  # The users'
    pace: Pace | None  # The schedule's; None in the closed model
    stall_s: float  # The greatest delay of the event loop
    cpu_s: float  # CPU time of the process since its start
    taken_at_s: float  # When these were taken, in seconds of `time.perf_counter()`


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The part of a round that counts."""

    start_s: float  # When the window opened, in seconds of `time.perf_counter()`
    end_s: float  # When it closed
    wave_s: float  # Waiting that every answer contains by design: the time between waves

    def holds(self, instants_s: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which instants lie inside."""
        inside: NDArray[np.bool_] = (instants_s > self.start_s) & (instants_s <= self.end_s)
        return inside

    def slices(self) -> NDArray[np.float64]:
        """The edges of the window's slices: ten, or seconds if these are shorter."""
        length_s = self.end_s - self.start_s
        number = max(_FEWEST_SLICES, math.ceil(length_s / _LONGEST_SLICE_S))
        return np.linspace(self.start_s, self.end_s, number + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Warm:
    """How the warm-up ended."""

    void: str | None  # Why the round cannot count; None if it can
    steady: bool  # Whether the rate was steady; False if the window had to open without


@dataclass(frozen=True, slots=True, kw_only=True)
class SlicePart:
    """What one process saw in a slice of the window: a histogram of latencies, and the number of failures."""

    histogram: str
    errors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartDone:
    """What one process did and saw in the window of a round, in the form in which it can be added up."""

    requests: int  # Successful requests that ended inside it
    rate_rps: float  # Their rate, its window's edges smoothed
    # Failed requests that ended inside it, by kind; and wrong bodies that came only before it
    error_kinds: dict[str, int]
    # Of the successful requests, headers included; what a user class says that is no `LeanUser`: of the body,
    # as a rule
    received_bytes: float
    reconnects: int  # Connections made because the server had ended the one before
    histogram: str  # The latencies as a base64 encoded HdrHistogram, in microseconds
    slices: tuple[SlicePart, ...]  # The same for the slices of the window
    handler_s: tuple[float, ...]  # The sampled `Server-Timing: app`
    # Histogram, in the same form, of how late the requests that were due were dealt with; None in the closed
    # model
    lags: str | None
    dropped: int  # Requests given up because no connection had become free within the time limit
    stall_max_s: float  # The longest that the event loop was late for a heartbeat
    cpu_ratio: float  # CPU seconds per second
    machine: str  # What tells its machine from others: the kernel's id of this boot
    cpus: tuple[int, ...]  # The CPUs that the process may use


def sum_up(window: Window, before: Counts, during: Counts) -> PartDone:
    """Work out the figures of a process's part."""
    tallies = (*before.tallies, *during.tallies)
    all_ended_s = _joined(tally.ended_s for tally in tallies)
    inside = window.holds(all_ended_s)
    ended_s = all_ended_s[inside]
    latencies_s = _joined(tally.latencies_s for tally in tallies)[inside]
    edge_s = choose_edge(
        float(np.median(latencies_s)) if len(latencies_s) else 0.0,
        window.wave_s,
        first_s=all_ended_s.min(initial=window.start_s),
        start_s=window.start_s,
        end_s=window.end_s,
    )
    cut = sum(len(tally.ended_s) for tally in during.tallies)
    received_bytes = sum(tally.received_bytes for tally in during.tallies)
    return PartDone(
        requests=len(latencies_s),
        rate_rps=smooth_rate(all_ended_s, window.start_s, window.end_s, edge_s) if len(latencies_s) else 0.0,
        error_kinds=_count_failures(before, during),
        received_bytes=received_bytes / cut * len(latencies_s) if cut else 0.0,
        reconnects=sum(tally.reconnects for tally in during.tallies),
        histogram=_histogram(latencies_s),
        slices=_slices(window, ended_s, latencies_s, _joined(tally.failed_s for tally in during.tallies)),
        handler_s=tuple(value for tally in during.tallies for value in tally.handler_s),
        lags=_lags(window, before, during),
        dropped=during.pace.dropped if during.pace else 0,
        stall_max_s=during.stall_s,
        cpu_ratio=(during.cpu_s - before.cpu_s) / (during.taken_at_s - before.taken_at_s),
        machine=_MACHINE,
        cpus=tuple(sorted(os.sched_getaffinity(0))),
    )


def _joined(parts: Iterable[Sequence[float]]) -> NDArray[np.float64]:
    return np.concatenate([np.empty(0), *(np.asarray(part, dtype=float) for part in parts)])


def _histogram(seconds: NDArray[np.float64]) -> str:
    return str(make_histogram(seconds).encode().decode())


def _slices(
    window: Window,
    ended_s: NDArray[np.float64],
    latencies_s: NDArray[np.float64],
    failed_s: NDArray[np.float64],
) -> tuple[SlicePart, ...]:
    edges_s = window.slices()
    # side: what ends on an edge belongs to the slice before, as in the whole window.
    place = np.searchsorted(edges_s, ended_s, side="left") - 1
    failed = np.searchsorted(edges_s, failed_s[window.holds(failed_s)], side="left") - 1
    errors = np.bincount(failed, minlength=len(edges_s) - 1)
    order = np.argsort(place, kind="stable")
    ends = np.searchsorted(place[order], np.arange(1, len(edges_s) - 1))
    return tuple(
        SlicePart(histogram=_histogram(inside_s), errors=int(failures))
        for inside_s, failures in zip(np.split(latencies_s[order], ends), errors, strict=True)
    )


def _lags(window: Window, before: Counts, during: Counts) -> str | None:
    """How late each request was that fell due inside the window."""
    if during.pace is None:
        return None
    paces = [counts.pace for counts in (before, during) if counts.pace]
    due_s = _joined(pace.due_s for pace in paces)
    return _histogram(_joined(pace.lags_s for pace in paces)[window.holds(due_s)])


def _count_failures(before: Counts, during: Counts) -> dict[str, int]:
    """The failures inside the window, and the wrong bodies that came only before it.

    A server may still be starting during the warm-up, but what it says then must be right; and the first
    answer of a connection, which is always checked, mostly comes there.
    """
    early = _add_up(before.tallies)
    counts = {kind: number for kind, number in early.items() if kind.startswith(WRONG_BODY)}
    counts |= _add_up(during.tallies)
    if during.pace and during.pace.dropped:
        counts[NOT_SENT] = during.pace.dropped
    return counts


def _add_up(tallies: Iterable[Tally]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for tally in tallies:
        for kind, failures_s in tally.failures_s.items():
            counts[kind] = counts.get(kind, 0) + len(failures_s)
    return counts
