"""The open model, on scripted servers: what is sent when, and from when its latency counts."""

from __future__ import annotations

import itertools
import socket
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from portcompare.http.requests import http_request
from portcompare.loadgen.arrivals import due_times
from portcompare.wire.protocol import RateLoad
from tests.loadgen.scripted import OK, answering, serve
from tests.loadgen.stalling import StallOnce, latencies_after_stall, percentile

if TYPE_CHECKING:
    from portcompare.wire.protocol import WindowOpens
    from tests.loadgen.generator import Generator
    from tests.loadgen.scripted import Peer

RATE = RateLoad(rate_rps=200.0, arrivals="even", connections=256, seed="1")
REQUEST = http_request("/")


class Watch:
    """A server's script that notes when requests arrive, whichever connection they come on."""

    def __init__(self, delay_s: float = 0.0) -> None:
        self.delay_s = delay_s
        self.arrived_s: list[float] = []
        self.answered_s: list[float] = []

    def __call__(self, peer: Peer) -> None:
        while peer.take_request():
            self.arrived_s.append(time.perf_counter())
            if self.delay_s:
                peer.wait(self.delay_s)
            self.answered_s.append(time.perf_counter())
            peer.sock.sendall(OK)


def within(window: WindowOpens, answered_s: list[float]) -> list[float]:
    return [at_s for at_s in answered_s if window.start_s < at_s <= window.end_s]


@pytest.fixture(autouse=True)
def _prepared(generator: Generator) -> None:
    generator.prepare(scenario=REQUEST)


def test_what_is_offered_is_sent_and_answered(generator: Generator) -> None:
    watch = Watch()
    with serve(watch) as server:
        done = generator.run_round(server.url, rate=RATE, window_s=1.5)
    assert done.load.failure is None
    assert done.load.error_kinds == {}
    assert done.load.offered_rps == pytest.approx(200.0, rel=0.01)
    # What a busy machine left over from the warm-up is answered in the window too, by the server's own count.
    answered = len(within(generator.window, watch.answered_s))
    assert done.load.requests == pytest.approx(answered, abs=5)
    assert done.load.rate_rps == pytest.approx(answered / 1.5, rel=0.02)
    assert done.load.requests > 240
    assert done.load.dropped == 0


def test_the_lag_is_reported(generator: Generator) -> None:
    with serve(answering(OK, delay_s=0.3)) as server:
        done = generator.run_round(server.url, rate=RATE, delay_s=0.3, window_s=0.5)
    assert done.load.lag_p99_s is not None
    assert done.load.lag_max_s is not None
    assert 0 < done.load.lag_p99_s <= done.load.lag_max_s
    assert done.load.lag_p99_s < 0.3  # what the server takes is no part of it
    assert done.load.latency_s is not None
    assert done.load.latency_s.max > done.load.lag_max_s * 0.999  # and it is a part of what counts


def test_the_closed_model_has_no_schedule_to_keep(generator: Generator) -> None:
    with serve(answering(OK, delay_s=0.005)) as server:
        done = generator.run_round(server.url, users=2)
    assert (done.load.offered_rps, done.load.dropped, done.load.lag_p99_s, done.load.lag_max_s) == (
        None,
        0,
        None,
        None,
    )


@pytest.mark.parametrize("rate", [RATE, replace(RATE, arrivals="poisson")], ids=["even", "poisson"])
def test_requests_arrive_when_they_are_due(generator: Generator, rate: RateLoad) -> None:
    watch = Watch()
    with serve(watch) as server:
        generator.run_round(server.url, rate=rate, window_s=0.8)
    arrived_s = np.array(watch.arrived_s)
    due_s = np.array(list(itertools.islice(due_times(rate), len(arrived_s))))
    assert len(arrived_s) > 120
    late_s = (arrived_s - due_s) - np.median(arrived_s - due_s)
    # Other instants would be some 0.04 s away by the middle; a busy machine keeps some waiting, and not most.
    assert np.median(np.abs(late_s)) < 0.01


def test_no_more_connections_are_made_than_are_needed(generator: Generator) -> None:
    with serve(answering(OK, delay_s=0.05)) as server:
        done = generator.run_round(server.url, rate=RATE, window_s=0.8)
    # Little's law: 200/s for 0.05 s each is 10 at a time, and some more when the machine is busy.
    assert 10 <= server.connections < 80
    assert done.load.reconnects == 0


@pytest.mark.parametrize("connections", [256, 1])
def test_a_stall_is_not_omitted(generator: Generator, connections: int) -> None:
    stall_s, window_s = 1.0, 3.0
    stall = StallOnce(at_request=300, stall_s=stall_s)
    with serve(stall) as server:
        rate = replace(RATE, connections=connections)
        done = generator.run_round(server.url, rate=rate, window_s=window_s)
    assert stall.began_s is not None
    assert generator.window.start_s < stall.began_s < generator.window.end_s - stall_s
    by_hand_s = latencies_after_stall(RATE.rate_rps, stall_s, int(RATE.rate_rps * window_s))
    assert done.load.latency_s is not None
    # A busy machine takes longer over what has piled up; it never makes any of it shorter.
    assert 0.97 < done.load.latency_s.max / by_hand_s[-1] < 1.3
    assert 0.97 < done.load.latency_s.p99 / percentile(by_hand_s, 99) < 1.3
    assert 0.95 < done.load.latency_s.p95 / percentile(by_hand_s, 95) < 1.3
    answered = len(within(generator.window, stall.answered_s))
    assert done.load.requests == pytest.approx(answered, abs=5)  # by the server's own count: none is omitted


def test_a_request_that_waits_for_a_connection_counts_from_when_it_was_due(generator: Generator) -> None:
    watch = Watch(delay_s=0.02)
    rate = replace(RATE, rate_rps=100.0, connections=1)
    with serve(watch) as server:
        done = generator.run_round(server.url, rate=rate, window_s=1.0)
    assert server.connections == generator.tries
    # The first is sent when it is due; the n-th was due n gaps later, and waited for all before it.
    expected_s = [
        answered_s - (watch.arrived_s[0] + number / rate.rate_rps)
        for number, answered_s in enumerate(watch.answered_s)
        if answered_s in within(generator.window, watch.answered_s)
    ]
    assert expected_s[-1] > 0.4  # 1.0 s of requests at twice the server's rate
    assert done.load.latency_s is not None
    assert done.load.latency_s.max == pytest.approx(expected_s[-1], abs=0.1)
    assert done.load.latency_s.p50 == pytest.approx(expected_s[len(expected_s) // 2], abs=0.1)
    assert done.load.offered_rps == pytest.approx(100.0, rel=0.02)
    assert done.load.rate_rps < 60
    assert done.load.dropped == 0
    assert done.load.lag_p99_s is not None
    assert done.load.lag_p99_s < done.load.latency_s.p50  # to wait for the server is not the generator's lag


def test_a_request_that_finds_no_connection_in_time_is_given_up(generator: Generator) -> None:
    rate = replace(RATE, rate_rps=100.0, connections=2)
    with serve(answering(OK, delay_s=0.1)) as server:
        done = generator.run_round(server.url, rate=rate, window_s=1.0, timeout_s=0.3)
    assert done.load.dropped > 20
    assert done.load.error_kinds == {"not sent in time": done.load.dropped}
    assert done.load.requests + done.load.dropped == pytest.approx(100, abs=30)
    assert done.load.latency_s is not None
    assert done.load.latency_s.max < 0.3 + 0.1 + 0.3  # the last ones would have waited for 0.8 s


def test_requests_are_given_up_even_if_no_connection_ever_becomes_free(generator: Generator) -> None:
    def play(peer: Peer) -> None:
        if peer.take_request():
            peer.wait()

    with serve(play) as server:
        rate = replace(RATE, rate_rps=100.0, connections=1)
        done = generator.run_round(server.url, rate=rate, window_s=0.6, timeout_s=0.2)
    assert done.load.requests == 0
    assert done.load.dropped > 10
    assert done.load.error_kinds["not sent in time"] == done.load.dropped


def test_a_server_that_refuses_is_asked_no_more_often_than_offered(generator: Generator) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    done = generator.run_round(f"http://127.0.0.1:{port}", rate=RATE, window_s=0.5)
    assert done.load.requests == 0
    assert set(done.load.error_kinds) == {"connection refused"}
    assert (
        40 < done.load.error_kinds["connection refused"] < 200
    )  # 100 are due in the window, and some may be late


def test_a_wrong_answer_is_no_success_in_the_open_model_either(generator: Generator) -> None:
    with serve(answering(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")) as server:
        done = generator.run_round(server.url, rate=RATE, window_s=0.5)
    assert done.load.requests == 0
    assert 40 < done.load.error_kinds["status 500"] < 200  # 100 are due in the window, and some may be late


def test_the_warm_up_lasts_as_long_as_the_delay(generator: Generator) -> None:
    watch = Watch(delay_s=0.3)
    with serve(watch) as server:
        done = generator.run_round(server.url, rate=replace(RATE, rate_rps=50.0), delay_s=0.3, window_s=0.5)
    assert 0.3 <= done.load.warmup_s < 5
    assert done.load.failure is None
    assert done.load.requests > 10
    assert done.load.requests == pytest.approx(len(within(generator.window, watch.answered_s)), abs=5)
