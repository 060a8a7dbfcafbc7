"""From counts to figures: what users count, what one process measured, and all processes added up."""

from __future__ import annotations

import math
import os
from collections import ChainMap, Counter, defaultdict
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

import numpy as np
from hdrh.histogram import HdrHistogram

from portcompare.loadgen.tallies import NOT_SENT, Pace, Tally, add_up, joined
from portcompare.loadgen.window import choose_edge, smooth_rate
from portcompare.records.rounds import Latency, LoadReport, Slice
from portcompare.wire.protocol import WRONG_BODY, RoundDone

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

LOWEST_US: Final = 1
HIGHEST_US: Final = 3_600_000_000
SIGNIFICANT_FIGURES: Final = 3


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


def merge_histograms(encoded: Iterable[str]) -> HdrHistogram:
    """Add histograms up, count by count."""
    merged = new_histogram()
    for one in encoded:
        merged.add(HdrHistogram.decode(one))
    return merged


def percentiles_of(histogram: HdrHistogram, percents: Sequence[float]) -> tuple[float, ...]:
    """Percentiles in seconds, as the histogram's own, but without a step in Python for each bucket."""
    sums = np.cumsum(np.ctypeslib.as_array(histogram.counts))
    wanted = [histogram.get_target_count_at_percentile(percent) for percent in percents]
    places = np.searchsorted(sums, wanted)
    values_us = [histogram.get_value_from_index(int(place)) for place in places]
    return tuple(histogram.get_highest_equivalent_value(value_us) / 1e6 for value_us in values_us)


_FEWEST_SLICES: Final = 10
_LONGEST_SLICE_S: Final = 1.0
# Read when imported: in a round there may be no file left to read it with.
MACHINE: Final = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a process counted since the counts before: up to the window, in it, or after it."""

    tallies: tuple[Tally, ...]
    pace: Pace | None  # None in the closed model
    stall_s: float  # The greatest delay of the event loop
    cpu_s: float  # CPU time of the process since its start; of a turn, what it used
    taken_at_s: float  # When these were taken

    @property
    def tally(self) -> Tally:
        """All tallies in one."""
        return add_up(self.tallies)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The part of a round that counts."""

    start_s: float
    end_s: float
    wave_s: float  # The delay that every response contains by design: the time between waves

    def holds(self, instants_s: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which instants lie inside."""
        inside: NDArray[np.bool_] = (instants_s > self.start_s) & (instants_s <= self.end_s)
        return inside

    def touches(self, ended_s: NDArray[np.float64], latencies_s: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which requests were sent or ended inside."""
        touching: NDArray[np.bool_] = self.holds(ended_s) | self.holds(ended_s - latencies_s)
        return touching

    def longest_wait(self, ended_s: NDArray[np.float64], since_s: NDArray[np.float64]) -> float:
        """The longest wait from an instant until another, without what lies before the window, in seconds.

        A request that was sent after the window does not count.
        """
        waits_s = ended_s - np.maximum(since_s, self.start_s)
        return float(waits_s[since_s <= self.end_s].max(initial=0.0))

    def slices(self) -> NDArray[np.float64]:
        """The edges of the window's slices: ten, or seconds if these are shorter."""
        length_s = self.end_s - self.start_s
        number = max(_FEWEST_SLICES, math.ceil(length_s / _LONGEST_SLICE_S))
        return np.linspace(self.start_s, self.end_s, number + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlicePart:
    """What one process measured in a slice of the window."""

    histogram: str  # Of latencies, encoded as in PartResult
    errors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartResult:
    """What one process measured in the window of a round, in a form that can be added up."""

    requests: int  # Successful requests that ended in the window
    rate_rps: float  # Their rate, with smoothed window edges
    # Failed requests that were sent or ended in the window, by kind; and wrong bodies seen only before it
    error_kinds: dict[str, int]
    censored: int  # Requests sent in the window that had no response when the wait for them ended
    wait_max_s: float  # The longest wait for a response or a failure, from the window's start on
    # Of the successful requests: with headers, or what a user class that is no `LeanUser` reports
    received_bytes: float
    reconnects: int  # Connections made because the server had closed the one before
    closed_unannounced: int  # How often it had closed one that its last response had kept
    # The latencies of the successful requests sent in the window, and of the censored ones how long they
    # waited, as a base64 encoded HdrHistogram, in microseconds
    histogram: str
    slices: tuple[SlicePart, ...]  # The window in slices
    handler_s: tuple[float, ...]  # The sampled `Server-Timing: app`
    lags: str | None  # Histogram of how late due requests were dispatched; None in the closed model
    dropped: int  # Requests given up because no connection became free within the time limit
    stall_max_s: float  # The greatest delay of a heartbeat of the event loop
    cpu_ratio: float  # CPU seconds per second
    machine: str = MACHINE  # Identifies the machine: the kernel's id of this boot
    # The CPUs that the process may use
    cpus: tuple[int, ...] = field(default_factory=lambda: tuple(sorted(os.sched_getaffinity(0))))
    failure: str | None = None  # Why a user ended by itself; None if none did
    wrong_examples: dict[str, str] = field(default_factory=dict)  # As a `LoadReport` has them


def summarize_part(
    window: Window, before: Counts, during: Counts, after: Counts, waiting_s: Sequence[float] = ()
) -> PartResult:
    """The figures of one process: those that ended in the window make the rate, those sent in it the latency.

    `waiting_s`: since when those requests count that were under way at the window's end and still are.
    """
    whole, inner = add_up([*before.tallies, *during.tallies, *after.tallies]), during.tally
    all_ended_s, all_latencies_s = np.asarray(whole.ended_s), np.asarray(whole.latencies_s)
    inside = window.holds(all_ended_s)
    latencies_s = all_latencies_s[inside]
    edge_s = choose_edge(
        float(np.median(latencies_s)) if len(latencies_s) else 0.0,
        window.wave_s,
        first_s=all_ended_s.min(initial=window.start_s),
        start_s=window.start_s,
        end_s=window.end_s,
    )
    failed_s = joined(whole.failed_s.values())
    failures_s = joined(whole.failures_s[kind] for kind in whole.failed_s)
    since_s = np.asarray(waiting_s, dtype=float)
    censored_s = after.taken_at_s - since_s[window.holds(since_s)]
    paces = [counts.pace for counts in (before, during, after) if counts.pace]
    is_due_inside = window.holds(joined(pace.due_s for pace in paces))
    lags_s = joined(pace.lags_s for pace in paces)[is_due_inside]
    return PartResult(
        requests=len(latencies_s),
        rate_rps=smooth_rate(all_ended_s, window.start_s, window.end_s, edge_s) if len(latencies_s) else 0.0,
        error_kinds=_count_failures(window, whole, sum(pace.dropped for pace in paces[1:])),
        censored=len(censored_s),
        wait_max_s=window.longest_wait(
            np.concatenate([all_ended_s, failed_s, np.full(len(since_s), after.taken_at_s)]),
            np.concatenate([all_ended_s - all_latencies_s, failed_s - failures_s, since_s]),
        ),
        received_bytes=inner.received_bytes / len(inner.ended_s) * len(latencies_s) if inner.ended_s else 0.0,
        reconnects=inner.reconnects,
        closed_unannounced=inner.closed_unannounced,
        histogram=encode_latencies(
            np.concatenate([all_latencies_s[window.holds(all_ended_s - all_latencies_s)], censored_s])
        ),
        slices=_slice(window, all_ended_s[inside], latencies_s, failed_s),
        handler_s=tuple(inner.handler_s),
        lags=encode_latencies(lags_s) if paces else None,
        dropped=sum(pace.dropped for pace in paces[1:]),
        stall_max_s=max(during.stall_s, after.stall_s),
        cpu_ratio=(during.cpu_s - before.cpu_s) / (during.taken_at_s - before.taken_at_s),
        wrong_examples=whole.wrong_examples,
    )


def encode_latencies(seconds: NDArray[np.float64]) -> str:
    """The histogram of latencies, as results hold it."""
    return str(make_histogram(seconds).encode().decode())


def _slice(
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
    return tuple(
        SlicePart(histogram=encode_latencies(latencies_s[place == number]), errors=int(failures))
        for number, failures in enumerate(errors)
    )


def _count_failures(window: Window, tally: Tally, dropped: int) -> dict[str, int]:
    """The failures in the window, and the wrong bodies that came only before it.

    A server may still be starting during the warm-up, but its bodies must be right; and the first response of
    a connection, which is always checked, mostly comes there.
    """
    early: Counter[str] = Counter()
    counts: Counter[str] = Counter({NOT_SENT: dropped})
    for kind, times_s in tally.failed_s.items():
        ended_s = np.asarray(times_s)
        counts[kind] = int(window.touches(ended_s, np.asarray(tally.failures_s[kind])).sum())
        if kind.startswith(WRONG_BODY):
            early[kind] = int((ended_s <= window.start_s).sum())
    return dict(+early) | dict(+counts)


def count_wrong_bodies(tally: Tally) -> Counter[str]:
    """How many responses had another body than the approved one, by kind of failure."""
    failed_s = tally.failed_s.items()
    return Counter({kind: len(times_s) for kind, times_s in failed_s if kind.startswith(WRONG_BODY)})


def merge_parts(
    parts: Mapping[str, PartResult],
    *,
    started_at_s: float,
    window_s: float,
    warmup_s: float,
    steady: bool,
    failure: str | None,
    lost: tuple[str, ...] = (),
    scheduled_s: float | None = None,
) -> RoundDone:
    """Add up the results of all processes.

    No instant of one process is compared with one of another, so their clocks need not agree.

    `started_at_s`: start of the window, in seconds since the epoch.
    `lost`: names of processes without a result.
    `scheduled_s`: for how long requests fell due; None for the window.
    """
    results = list(parts.values())
    if lost:
        failure = f"the load worker {', '.join(lost)} was lost during the round"
    histogram = merge_histograms(part.histogram for part in results)
    requests = sum(part.requests for part in results)
    handler_s = list(chain.from_iterable(part.handler_s for part in results))
    offered = [part.lags for part in results if part.lags is not None]
    lags = merge_histograms(offered)
    due = lags.get_total_count()
    received_bytes = sum(part.received_bytes for part in results)
    load = LoadReport(
        started_at_s=started_at_s,
        window_s=window_s,
        warmup_s=warmup_s,
        steady=steady,
        requests=requests,
        rate_rps=sum(part.rate_rps for part in results),
        error_kinds=dict(sum((Counter(part.error_kinds) for part in results), Counter[str]())),
        # A client that does not know how much it received reports 0.
        received_bytes_per_request=received_bytes / requests if requests and received_bytes else None,
        censored=sum(part.censored for part in results),
        wait_max_s=max((part.wait_max_s for part in results), default=None),
        reconnects=sum(part.reconnects for part in results),
        closed_unannounced=sum(part.closed_unannounced for part in results),
        latency_s=_latency(histogram),
        handler_s=median(handler_s) if handler_s else None,
        offered_rps=due / (scheduled_s or window_s) if offered else None,
        dropped=sum(part.dropped for part in results),
        lag_p99_s=percentiles_of(lags, [99])[0] if due else None,
        lag_max_s=lags.get_max_value() / 1e6 if due else None,
        stall_max_s=max((part.stall_max_s for part in results), default=0.0),
        generator_cpu_ratio=find_busiest(results),
        generator_cpu_ratios={name: part.cpu_ratio for name, part in parts.items()},
        slices=tuple(_merge_slice(same) for same in zip(*(part.slices for part in results), strict=True)),
        lost_workers=lost,
        failure=failure or next((part.failure for part in results if part.failure), None),
        wrong_examples=dict(ChainMap(*(part.wrong_examples for part in results))),
    )
    return RoundDone(load=load, histogram=histogram.encode().decode())


def find_busiest(parts: Iterable[PartResult]) -> float:
    """How near to its limit the load generator was.

    Returns CPU seconds per second of the busiest process; or of all processes of one machine, divided by the
    CPUs they share, if that is more; 0 without processes.
    """
    machines: defaultdict[str, list[PartResult]] = defaultdict(list)
    for part in parts:
        machines[part.machine].append(part)
    ratios = [0.0]
    for together in machines.values():
        cpus = {cpu for part in together for cpu in part.cpus}
        ratios += [part.cpu_ratio for part in together]
        ratios.append(sum(part.cpu_ratio for part in together) / len(cpus))
    return max(ratios)


def _merge_slice(parts: Sequence[SlicePart]) -> Slice:
    histogram = merge_histograms(part.histogram for part in parts)
    requests = histogram.get_total_count()
    p50_s, p99_s = percentiles_of(histogram, [50, 99]) if requests else (None, None)
    return Slice(requests=requests, errors=sum(part.errors for part in parts), p50_s=p50_s, p99_s=p99_s)


def _latency(histogram: HdrHistogram) -> Latency | None:
    if not histogram.get_total_count():
        return None
    p50, p95, p99, p999 = percentiles_of(histogram, [50, 95, 99, 99.9])
    return Latency(p50=p50, p95=p95, p99=p99, p999=p999, max=histogram.get_max_value() / 1e6)
