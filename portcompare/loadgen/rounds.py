"""One round: users spawned by Locust, warmed up, and a window cut out of their steady state."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING

import gevent
import numpy as np
from locust.env import Environment

from portcompare.loadgen.recorder import make_histogram
from portcompare.loadgen.session import Session, Target, open_session
from portcompare.loadgen.window import choose_edge, smooth_rate
from portcompare.model import Latency
from portcompare.protocol import RoundDone, RunRound, WindowOpens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from hdrh.histogram import HdrHistogram
    from numpy.typing import NDArray

    from portcompare.loadgen.recorder import Tally
    from portcompare.loadgen.user import LeanUser

_NOTICE_S = 0.005
"""The window's start is announced this long before, so that the harness can be at its place."""


def run_round(
    order: RunRound, user_class: type[LeanUser], announce: Callable[[WindowOpens], None]
) -> RoundDone:
    """Load one server at one level.

    Args:
        order: Which server, how, how long.
        user_class: The scenario's user class.
        announce: Called with the window's instants when the users are warm.

    Returns:
        What happened inside the window.
    """
    stagger_s = order.delay_s if order.users > 1 else 0.0
    session = Session(
        targets=(Target(name="", url=order.url),),
        users=order.users,
        stagger_s=stagger_s,
        timeout_s=order.timeout_s,
    )
    session.expect(order.expectations)
    environment = Environment(user_classes=[user_class])
    open_session(environment, session)
    runner = environment.create_local_runner()
    # A collection in mid-round would be a stall that the answers are blamed for.
    gc.collect()
    gc.disable()
    try:
        warm_from_s = time.perf_counter()
        runner.start(order.users, spawn_rate=order.users)
        session.all_answered.wait(order.warmup_max_s)
        gevent.sleep(max(order.warmup_s, order.delay_s))
        cold = order.users - session.answered
        void = (
            f"{cold} of {order.users} users had no answer within {order.warmup_max_s:g} s" if cold else None
        )
        return _cut_window(order, session, announce, warm_from_s=warm_from_s, void=void)
    finally:
        runner.quit()
        gc.enable()


def _cut_window(
    order: RunRound,
    session: Session,
    announce: Callable[[WindowOpens], None],
    *,
    warm_from_s: float,
    void: str | None,
) -> RoundDone:
    recorder = session.recorder
    start_s = time.perf_counter() + _NOTICE_S
    end_s = start_s + order.window_s
    announce(WindowOpens(start_s=start_s, end_s=end_s))
    gevent.sleep(start_s - time.perf_counter())
    before = recorder.cut()
    opened_at_s, cpu_before_s = time.time(), time.process_time()
    gevent.sleep(end_s - time.perf_counter())
    during = recorder.cut()
    cpu_s = time.process_time() - cpu_before_s
    tallies = [*before.values(), *during.values()]
    ended_s = _joined(tally.ended_s for tally in tallies)
    latencies_s = _joined(tally.latencies_s for tally in tallies)[(ended_s > start_s) & (ended_s <= end_s)]
    histogram = make_histogram(latencies_s)
    latency_s = _percentiles(histogram)
    usual_s = order.delay_s or (latency_s.p50 if latency_s else 0.0)
    edge_s = choose_edge(usual_s, ended_s.min(initial=start_s), start_s, end_s)
    requests = sum(len(tally.ended_s) for tally in during.values())
    received_bytes = sum(tally.received_bytes for tally in during.values())
    handler_s = _joined(tally.handler_s for tally in during.values())
    return RoundDone(
        started_at_s=opened_at_s,
        window_s=order.window_s,
        warmup_s=start_s - warm_from_s,
        requests=len(latencies_s),
        rate_rps=smooth_rate(ended_s, start_s, end_s, edge_s) if len(latencies_s) else 0.0,
        error_kinds=_count_failures(during.values()),
        received_bytes_per_request=received_bytes / requests if requests else None,
        reconnects=sum(tally.reconnects for tally in during.values()),
        latency_s=latency_s,
        histogram=histogram.encode().decode(),
        handler_s=float(np.median(handler_s)) if len(handler_s) else None,
        generator_cpu_ratio=cpu_s / order.window_s,
        void=void,
    )


def _joined(parts: Iterable[Sequence[float]]) -> NDArray[np.float64]:
    return np.concatenate([np.empty(0), *(np.asarray(part, dtype=float) for part in parts)])


def _count_failures(tallies: Iterable[Tally]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for tally in tallies:
        for kind, failures_s in tally.failures_s.items():
            counts[kind] = counts.get(kind, 0) + len(failures_s)
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
