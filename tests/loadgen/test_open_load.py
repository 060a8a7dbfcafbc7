"""The open model, on scripted servers: what is sent when, and from when its latency counts."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from portcompare.loadgen.open_model import due_times
from portcompare.records.rounds import LoadReport
from portcompare.wire.protocol import RateLoad, WindowOpens
from tests.loadgen.generator import GET, Generator
from tests.loadgen.scripted import Peer, Watch, serve
from tests.loadgen.stalling import StallOnce, latencies_after_stall, percentile

RATE = RateLoad(rate_rps=200.0, arrivals="even", connections=256, seed="1")


def counts_as(done: LoadReport, window: WindowOpens, sent_s: list[float]) -> bool:
    """Whether the requests are those that the server counts: each is received after it was sent.

    The generator was so much later at most as its event loop stood still.
    """
    late_s = done.stall_max_s + 0.025
    start_s, end_s = window.start_s, window.end_s
    surely = sum(start_s < at_s <= end_s - late_s for at_s in sent_s)
    perhaps = sum(start_s - late_s < at_s <= end_s for at_s in sent_s)
    return surely <= done.requests <= perhaps


@pytest.fixture(autouse=True)
def _prepared(generator: Generator) -> None:
    generator.prepare(scenario=GET)


@pytest.mark.parametrize("load", [RATE, replace(RATE, arrivals="poisson")], ids=["even", "poisson"])
def test_requests_are_sent_when_they_are_due_over_no_more_connections_than_needed(
    generator: Generator, load: RateLoad
) -> None:
    watch = Watch(delay_s=0.02)
    with serve(watch) as server:
        done = generator.run_round(server.url, load=load, delay_s=0.02, window_s=0.8)
    assert (done.failure, done.error_kinds, done.dropped, done.reconnects) == (None, {}, 0, 0)
    due_s = np.array(list(itertools.takewhile(lambda at_s: at_s < 30, due_times(load))))
    late_s = np.array(watch.arrived_s) - due_s[: len(watch.arrived_s)]
    began_s = np.min(late_s)  # the request that waited least, however busy the machine is
    inside = (due_s + began_s > generator.window.start_s) & (due_s + began_s <= generator.window.end_s)
    assert done.lag_max_s is not None
    # What is due and not yet sent when the window ends is not offered in it.
    late = load.rate_rps * done.lag_max_s / 0.8
    assert done.offered_rps == pytest.approx(np.sum(inside) / 0.8, abs=5 + late)
    # Other instants would be some 0.04 s away by the middle. On a busy machine the generator reports its lag.
    assert done.lag_p99_s is not None
    assert np.median(np.abs(late_s - np.median(late_s))) < max(0.01, done.lag_p99_s)
    assert counts_as(done, generator.window, watch.sent_s)
    assert done.latency_s is not None
    assert 0 < done.lag_p99_s <= done.lag_max_s <= done.latency_s.max * 1.001
    # Little's law: 200/s for 0.02 s each is 4 at a time, and more when the machine is busy.
    assert 4 <= server.connections < 100


@pytest.mark.parametrize("connections", [256, 1])
def test_a_stall_is_not_omitted(generator: Generator, connections: int) -> None:
    stall_s, window_s = 0.3, 0.9
    stall = StallOnce(stall_s)

    def stall_in(window: WindowOpens) -> None:
        stall.due_s = window.start_s + 0.1

    with serve(stall) as server:
        load = replace(RATE, connections=connections)
        done = generator.run_round(server.url, load=load, window_s=window_s, on_window=stall_in)
    assert stall.began_s is not None
    assert generator.window.start_s < stall.began_s < generator.window.end_s - stall_s
    by_hand_s = latencies_after_stall(RATE.rate_rps, stall_s, int(RATE.rate_rps * window_s))
    assert done.latency_s is not None
    # A busy machine takes longer over what has piled up; it never makes any of it shorter.
    assert done.latency_s.max > 0.97 * by_hand_s[-1]
    assert done.latency_s.p99 > 0.97 * percentile(by_hand_s, 99)
    assert done.latency_s.p95 > 0.95 * percentile(by_hand_s, 95)
    assert counts_as(done, generator.window, stall.sent_s)  # none is omitted
    assert done.lag_p99_s is not None
    assert done.lag_p99_s < done.latency_s.p95  # to wait for the server is not the generator's lag


def test_a_request_that_finds_no_connection_in_time_is_given_up_even_if_none_ever_becomes_free(
    generator: Generator,
) -> None:
    def play(peer: Peer) -> None:
        if peer.take_request():
            peer.wait()

    with serve(play) as server:
        load = replace(RATE, rate_rps=100.0, connections=1)
        done = generator.run_round(server.url, load=load, window_s=0.6, timeout_s=0.2)
    assert done.requests == 0
    assert done.dropped > 10
    assert done.error_kinds["not sent in time"] == done.dropped
