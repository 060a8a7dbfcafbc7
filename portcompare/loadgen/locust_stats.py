"""Feeding Locust's own statistics in batches, for its UI and its console; ours never come from there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from locust.stats import bucket_response_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from locust.stats import RequestStats, StatsEntry

    from portcompare.loadgen.recorder import Tally


def feed_locust(stats: RequestStats, tallies: Mapping[tuple[str, str], Tally]) -> None:
    """Add what was counted to Locust's statistics, as if each request had fired its event.

    Args:
        stats: Locust's statistics.
        tallies: What was counted, by (name, method), as Locust keys it.
    """
    for (name, method), tally in tallies.items():
        times_ms = np.concatenate(
            [np.frombuffer(part) for part in (tally.latencies_s, *tally.failures_s.values())]
        )
        times_ms *= 1e3
        if not len(times_ms):
            continue
        for entry in (stats.entries[(name, method)], stats.total):
            _add(entry, times_ms, tally.received_bytes)
        for kind, failures_s in tally.failures_s.items():
            for _ in failures_s:
                stats.log_error(method, name, kind)


def _add(entry: StatsEntry, times_ms: np.ndarray, received_bytes: int) -> None:
    # The last one goes Locust's own way, which also keeps the cache behind its "current" percentiles.
    entry.log(float(times_ms[-1]), received_bytes)
    rest = times_ms[:-1]
    if not len(rest):
        return
    entry.num_requests += len(rest)
    entry.num_reqs_per_sec[int(time.time())] += len(rest)
    entry.total_response_time += float(rest.sum())
    entry.min_response_time = min(entry.min_response_time, float(rest.min()))
    entry.max_response_time = max(entry.max_response_time, float(rest.max()))
    # Locust's buckets meet at whole and half milliseconds: what lies between two of these shares a bucket.
    half_ms = np.floor(rest * 2)
    half_ms[half_ms != rest * 2] += 0.5
    for half, count in zip(*np.unique(half_ms, return_counts=True), strict=True):
        entry.response_times[bucket_response_time(float(half) / 2)] += int(count)
