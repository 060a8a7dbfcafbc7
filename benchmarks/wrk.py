"""wrk: what it measured, and what it prints of that."""

import json
import math
import resource
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.common import HERE
from benchmarks.serving import CLIENT_CPU, pinned

SCRIPT = HERE / "clients" / "wrk.lua"
SAME_HEADERS = ("-H", "User-Agent: portcompare", "-H", "Accept: */*")
"""With them it sends the same request as `portcompare load`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Latencies in whole microseconds, and how many there are of each."""

    counts: dict[int, int]

    def percentile_s(self, percent: float) -> float:
        """The least latency that so many percent do not exceed, in seconds: HdrHistogram's definition."""
        rank = max(math.ceil(sum(self.counts.values()) * percent / 100), 1)
        for latency_us in sorted(self.counts):
            rank -= self.counts[latency_us]
            if rank <= 0:
                return latency_us / 1e6
        raise ValueError("no latencies")

    @property
    def max_s(self) -> float:
        """The greatest, in seconds."""
        return max(self.counts) / 1e6

    def slower_than(self, latency_s: float) -> int:
        """How many are greater."""
        return sum(number for latency_us, number in self.counts.items() if latency_us > latency_s * 1e6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrk:
    """What one run of wrk came to.

    Attributes:
        requests: Responses.
        duration_s: From its first connection to its end.
        errors: Socket errors, time-outs and responses of 400 and above.
        cpu_s: CPU time of its process, start and end included: some milliseconds.
        printed: The latencies as it prints them.
        seen: The latencies that its connections saw.
    """

    requests: int
    duration_s: float
    errors: int
    cpu_s: float
    printed: Histogram
    seen: Histogram


def run_wrk_raw(url: str, connections: int, seconds: float, delay_s: float = 0.0) -> Wrk:
    """Load an address with one thread.

    Args:
        url: The address.
        connections: How many.
        seconds: How long, in whole seconds; the time for connecting counts.
        delay_s: How long a connection waits before each request; whole milliseconds.
    """
    load = [f"-c{connections}", "-t1", f"-d{seconds:.0f}s", *SAME_HEADERS, "-s", str(SCRIPT), url]
    pace = ["--", f"{delay_s * 1e3:.0f}"] if delay_s else []
    before_s = _children_cpu_s()
    done = subprocess.run(
        pinned(CLIENT_CPU, ["wrk", *load, *pace]), check=True, capture_output=True, text=True
    )
    cpu_s = _children_cpu_s() - before_s
    return read(json.loads(done.stdout.splitlines()[-1]), connections, cpu_s)


def read(found: dict[str, Any], connections: int, cpu_s: float) -> Wrk:
    """Make sense of the line that the script prints."""
    counts = {int(latency_us): int(number) for latency_us, number in found["latencies"]}
    requests, duration_us = int(found["requests"]), int(found["duration_us"])
    per_connection = requests // connections
    seen = take_back(counts, duration_us // per_connection) if per_connection else counts
    return Wrk(
        requests=requests,
        duration_s=duration_us / 1e6,
        errors=int(found["errors"]),
        cpu_s=cpu_s,
        printed=Histogram(counts=counts),
        seen=Histogram(counts=seen),
    )


def take_back(counts: Mapping[int, int], interval_us: int) -> dict[int, int]:
    """Take back what wrk added to the latencies that it had measured.

    Before it prints, wrk makes up the requests that a connection would have sent while it waited: for each
    latency of at least twice the mean interval between a connection's requests it adds others, each shorter
    by the interval, as long as they are longer than it. From the longest latency down this can be undone
    exactly.

    Args:
        counts: How many of each latency there are, in microseconds, as wrk gives them.
        interval_us: The mean interval, as wrk works it out: duration divided by requests of a connection.

    Returns:
        How many of each it measured.

    References:
        `stats_correct` in wrk's `src/stats.c`, and its caller in `src/wrk.c` (4.1.0).
    """
    seen = dict(counts)
    for latency_us in sorted(counts, reverse=True):
        number = seen[latency_us]
        if latency_us < 2 * interval_us or not number:
            continue
        for added_us in range(latency_us - interval_us, interval_us, -interval_us):
            seen[added_us] -= number
    return {latency_us: number for latency_us, number in seen.items() if number}


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
