"""How much load one load-generator process can make, measured against a server that does next to nothing."""

import math
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from portcompare.errors import ServerError
from portcompare.http.requests import http_request
from portcompare.measure.generator import LoadGenerator
from portcompare.measure.rounds import load_target
from portcompare.plan import OpenLoad
from portcompare.records.rounds import Latency
from portcompare.serve import start_supervised
from portcompare.wire.protocol import RateLoad, RoundDone, UserLoad

WhyUntrusted = Callable[[RoundDone], str | None]

USERS = 32  # of the closed load: enough to keep a load generator busy all the time
CLOSED_WINDOWS = 5
CLOSED_WINDOW_S = 0.5
OPEN_WINDOW_S = 1.0

LOWEST_SHARE = 0.1  # the open rate is searched from this part of the closed ceiling to the whole
OPEN_STEPS = 6  # halvings of that range, a factor of ten: to within 4%, 10 ** (1 / 2 ** 6)

_CONNECTIONS: int = OpenLoad.model_fields["connections"].default
_WARMUP_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """What one load-generator process achieved against the null server."""

    latency_s: Latency | None  # at one user: what generator, kernel and null server add; None if all failed
    users: int  # of the closed load
    closed_rps: float  # its median rate
    closed_low_rps: float  # its slowest window's
    closed_high_rps: float  # its fastest window's
    closed_cpu_ratio: float  # the generator's CPU seconds per second, the median
    error_kinds: dict[str, int]  # failed requests of one user and of the closed load, by kind
    trusted_rps: float | None  # the highest open rate that can be trusted; None if none can
    trusted_cpu_ratio: float | None  # the generator's CPU seconds per second at that rate
    trusted_lag_p99_s: float | None  # how late requests were sent at that rate, 99th percentile
    untrusted_reason: str | None  # of the lowest rate that cannot be trusted; None if all can


@contextmanager
def start_null_server(log_path: Path, cpus: tuple[int, ...]) -> Iterator[str]:
    """Run the null server; yields its URL, or raises ServerError with its last log lines."""
    command, directory = [sys.executable, "-m", "portcompare.doctor.null_server"], log_path.parent
    process = start_supervised(
        command, directory=directory, environment=os.environ, cpus=cpus, log_path=log_path, pipes=True
    )
    try:
        port = process.stdout.readline().strip()
        if not port:
            raise ServerError(f"the null server did not start\n{process.show_log()}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.stop()


def measure_ceiling(
    generator: LoadGenerator, url: str, why_untrusted: WhyUntrusted, on_step: Callable[[str], None]
) -> Ceiling:
    """Measure how much load a load generator can make."""
    measure = partial(load_target, generator, url, request=http_request("/"), warmup_s=_WARMUP_S)

    def offer(rate_rps: float) -> RoundDone:
        on_step(f"load generator: {rate_rps:,.0f} requests/s, open model")
        load = RateLoad(rate_rps=rate_rps, arrivals="poisson", connections=_CONNECTIONS, seed="nothing")
        return measure(load, OPEN_WINDOW_S)

    on_step("load generator: one user")
    alone = measure(UserLoad(users=1), OPEN_WINDOW_S)
    closed = []
    for number in range(1, CLOSED_WINDOWS + 1):
        on_step(f"load generator: {USERS} users, window {number} of {CLOSED_WINDOWS}")
        closed.append(measure(UserLoad(users=USERS), CLOSED_WINDOW_S))
    rates_rps = [done.load.rate_rps for done in closed]
    closed_rps = median(rates_rps)
    trusted, reason = find_highest(closed_rps, offer, why_untrusted) if closed_rps > 0 else (None, None)
    return Ceiling(
        latency_s=alone.load.latency_s,
        users=USERS,
        closed_rps=closed_rps,
        closed_low_rps=min(rates_rps),
        closed_high_rps=max(rates_rps),
        closed_cpu_ratio=median(done.load.generator_cpu_ratio for done in closed),
        error_kinds=dict(sum((Counter(done.load.error_kinds) for done in (alone, *closed)), Counter())),
        trusted_rps=trusted and trusted[0],
        trusted_cpu_ratio=trusted and trusted[1].load.generator_cpu_ratio,
        trusted_lag_p99_s=trusted and trusted[1].load.lag_p99_s,
        untrusted_reason=reason,
    )


def find_highest(
    most_rps: float, offer: Callable[[float], RoundDone], why_untrusted: WhyUntrusted
) -> tuple[tuple[float, RoundDone] | None, str | None]:
    """Find the highest rate that can be trusted, by halving the range of its logarithm.

    A rate that failed is offered once more: one disturbed second must not decide. Returns the rate and its
    measurement, None if none can be trusted; and the reason of the lowest rate that cannot, None if all can.
    """
    low_rps, high_rps = LOWEST_SHARE * most_rps, most_rps
    trusted, untrusted_reason = None, None
    for _ in range(OPEN_STEPS):
        rate_rps = math.sqrt(low_rps * high_rps)
        for _attempt in range(2):
            done = offer(rate_rps)
            reason = why_untrusted(done)
            if reason is None:
                low_rps, trusted = rate_rps, (rate_rps, done)
                break
        else:
            high_rps, untrusted_reason = rate_rps, reason
    return trusted, untrusted_reason
