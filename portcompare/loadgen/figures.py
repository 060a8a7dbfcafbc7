"""What a round comes to: from the counts before and in its window to the reply to the harness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from portcompare.loadgen.recorder import NOT_SENT, Pace, Tally, make_histogram
from portcompare.loadgen.window import choose_edge, smooth_rate
from portcompare.model import Latency
from portcompare.protocol import RoundDone

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hdrh.histogram import HdrHistogram
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What was counted since the counts before.

    Attributes:
        tallies: The users'.
        pace: The schedule's; None in the closed model.
        stall_s: The greatest delay of the event loop.
        cpu_s: CPU time of the process since its start.
        taken_at_s: When these were taken, in seconds of `time.perf_counter()`.
    """

    tallies: tuple[Tally, ...]
    pace: Pace | None
    stall_s: float
    cpu_s: float
    taken_at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The part of a round that counts.

    Attributes:
        warm_from_s: When the load began, in seconds of `time.perf_counter()`.
        start_s: When the window opened.
        end_s: When it closed.
        opened_at_s: When it opened, in seconds since the epoch.
        delay_s: Waiting that every answer contains by design.
    """

    warm_from_s: float
    start_s: float
    end_s: float
    opened_at_s: float
    delay_s: float

    def holds(self, instants_s: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which instants lie inside.

        Args:
            instants_s: In seconds of `time.perf_counter()`.

        Returns:
            True or False for each.
        """
        inside: NDArray[np.bool_] = (instants_s > self.start_s) & (instants_s <= self.end_s)
        return inside


def sum_up(window: Window, before: Counts, during: Counts, void: str | None) -> RoundDone:
    """Work out the figures of a round.

    Args:
        window: The window.
        before: What was counted until it opened.
        during: What was counted until it closed.
        void: Why the round does not count; None if it does.

    Returns:
        The reply.
    """
    length_s = window.end_s - window.start_s
    tallies = (*before.tallies, *during.tallies)
    ended_s = _joined(tally.ended_s for tally in tallies)
    latencies_s = _joined(tally.latencies_s for tally in tallies)[window.holds(ended_s)]
    histogram = make_histogram(latencies_s)
    latency_s = _percentiles(histogram)
    usual_s = window.delay_s or (latency_s.p50 if latency_s else 0.0)
    edge_s = choose_edge(usual_s, ended_s.min(initial=window.start_s), window.start_s, window.end_s)
    requests = sum(len(tally.ended_s) for tally in during.tallies)
    received_bytes = sum(tally.received_bytes for tally in during.tallies)
    handler_s = _joined(tally.handler_s for tally in during.tallies)
    lags_s = _lags(window, before, during)
    return RoundDone(
        started_at_s=window.opened_at_s,
        window_s=length_s,
        warmup_s=window.start_s - window.warm_from_s,
        requests=len(latencies_s),
        rate_rps=smooth_rate(ended_s, window.start_s, window.end_s, edge_s) if len(latencies_s) else 0.0,
        error_kinds=_count_failures(during),
        received_bytes_per_request=received_bytes / requests if requests else None,
        reconnects=sum(tally.reconnects for tally in during.tallies),
        latency_s=latency_s,
        histogram=histogram.encode().decode(),
        handler_s=float(np.median(handler_s)) if len(handler_s) else None,
        offered_rps=len(lags_s) / length_s if during.pace else None,
        dropped=during.pace.dropped if during.pace else 0,
        lag_p99_s=float(np.quantile(lags_s, 0.99)) if len(lags_s) else None,
        lag_max_s=float(lags_s.max()) if len(lags_s) else None,
        stall_max_s=during.stall_s,
        generator_cpu_ratio=(during.cpu_s - before.cpu_s) / (during.taken_at_s - before.taken_at_s),
        void=void,
    )


def _joined(parts: Iterable[Sequence[float]]) -> NDArray[np.float64]:
    return np.concatenate([np.empty(0), *(np.asarray(part, dtype=float) for part in parts)])


def _lags(window: Window, before: Counts, during: Counts) -> NDArray[np.float64]:
    """How late each request was that fell due inside the window."""
    paces = [counts.pace for counts in (before, during) if counts.pace]
    due_s = _joined(pace.due_s for pace in paces)
    return _joined(pace.lags_s for pace in paces)[window.holds(due_s)]


def _count_failures(during: Counts) -> dict[str, int]:
    counts: dict[str, int] = {}
    for tally in during.tallies:
        for kind, failures_s in tally.failures_s.items():
            counts[kind] = counts.get(kind, 0) + len(failures_s)
    if during.pace and during.pace.dropped:
        counts[NOT_SENT] = during.pace.dropped
    return counts


def _percentiles(histogram: HdrHistogram) -> Latency | None:
    if not histogram.get_total_count():
        return None
    at = histogram.get_percentile_to_value_dict([50, 95, 99, 99.9])
    return Latency(
        p50=at[50] / 1e6,
        p95=at[95] / 1e6,
        p99=at[99] / 1e6,
        p999=at[99.9] / 1e6,
        max=histogram.get_max_value() / 1e6,
    )
