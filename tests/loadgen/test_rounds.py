from __future__ import annotations

import base64
import threading
import time
from typing import TYPE_CHECKING

import pytest
from hdrh.histogram import HdrHistogram

from portcompare.http.requests import http_request
from portcompare.records.requests import Expectation
from tests.e2e.processes import wait_until
from tests.loadgen.scripted import OK, answer_of, answering, serve

if TYPE_CHECKING:
    from portcompare.wire.protocol import WindowOpens
    from tests.loadgen.generator import Generator
    from tests.loadgen.scripted import Peer

DELAY_S = 0.02
BODY_OK = base64.b64encode(b"ok").decode()


def test_a_fixed_delay_has_the_rate_and_the_latencies_it_must_have(generator: Generator) -> None:
    users = 4
    with serve(answering(OK, delay_s=DELAY_S)) as server:
        done = generator.run(server.url, users=users, window_s=1.0)
    assert server.connections == users
    assert done.load.failure is None
    assert done.load.error_kinds == {}
    rate_rps = done.load.requests / done.load.window_s
    assert 0.4 * users / DELAY_S < rate_rps <= 1.01 * users / DELAY_S
    assert done.load.latency_s is not None
    assert 0.99 * DELAY_S <= done.load.latency_s.p50 < 3 * DELAY_S
    assert (
        done.load.latency_s.p50
        <= done.load.latency_s.p95
        <= done.load.latency_s.p99
        <= done.load.latency_s.p999
    )
    assert done.load.latency_s.p999 <= done.load.latency_s.max * 1.001
    # Each user is either waiting for an answer or about to send: Little's law.
    assert rate_rps * done.load.latency_s.p50 < 1.2 * users


def test_the_histogram_holds_each_request_of_the_window(generator: Generator) -> None:
    with serve(answering(OK, delay_s=DELAY_S)) as server:
        done = generator.run(server.url, users=2, window_s=0.5)
    histogram = HdrHistogram.decode(done.histogram)
    assert histogram.get_total_count() == done.load.requests
    assert done.load.requests > 0
    assert done.load.latency_s is not None
    assert histogram.get_value_at_percentile(50) / 1e6 == done.load.latency_s.p50
    assert histogram.get_max_value() / 1e6 == done.load.latency_s.max


def test_a_round_without_a_success_says_so_and_has_an_empty_histogram(generator: Generator) -> None:
    with serve(answering(answer_of("500 Oops", b""))) as server:
        done = generator.run(server.url)
    assert done.load.requests == 0
    assert set(done.load.error_kinds) == {"status 500"}
    assert (
        done.load.error_kinds["status 500"] > 10
    )  # whole answers, however wrong, are not followed by a pause
    assert (done.load.latency_s, done.load.received_bytes_per_request, done.load.handler_s) == (
        None,
        None,
        None,
    )
    assert HdrHistogram.decode(done.histogram).get_total_count() == 0


def test_the_window_is_announced_before_it_opens_in_the_clock_of_the_machine(generator: Generator) -> None:
    before_s, before_epoch_s = time.monotonic(), time.time()
    with serve(answering(OK)) as server:
        done = generator.run(server.url, window_s=0.4)
    assert before_s < generator.window.start_s < generator.window.end_s < time.monotonic()
    assert generator.window.end_s - generator.window.start_s == pytest.approx(0.4)
    assert before_epoch_s < done.load.started_at_s < time.time()
    assert done.load.window_s == pytest.approx(0.4, abs=0.1)
    assert 0.03 <= done.load.warmup_s < 5
    assert 0 < done.load.generator_cpu_ratio < 1.2


def test_what_happens_during_the_warm_up_does_not_count(generator: Generator) -> None:
    def play(peer: Peer) -> None:
        peer.take_request()
        peer.sock.sendall(answer_of("503 Not yet", b""))
        while peer.take_request():
            peer.wait(0.01)
            peer.sock.sendall(OK)

    generator.prepare(scenario=http_request("/"))
    with serve(play) as server:
        done = generator.run_round(server.url, warmup_s=0.3, window_s=0.3)
    assert done.load.error_kinds == {}
    assert 0 < done.load.requests <= 31
    assert len(server.requests) > done.load.requests + 5
    assert done.load.warmup_s >= 0.3


def test_users_start_one_after_the_other(generator: Generator) -> None:
    starts_s: list[float] = []

    def play(peer: Peer) -> None:
        starts_s.append(time.monotonic())
        answering(OK, delay_s=0.01)(peer)

    generator.prepare(scenario=http_request("/"))
    with serve(play) as server:
        done = generator.run_round(server.url, users=4, delay_s=0.4)
    assert len(starts_s) == 4
    assert 0.15 < starts_s[-1] - starts_s[0] < 1.5
    assert done.load.warmup_s >= 0.4


def test_users_without_an_answer_void_the_round_and_are_counted(generator: Generator) -> None:
    def play(peer: Peer) -> None:
        if peer.number < 2:
            peer.take_request()
            peer.wait()
        else:
            answering(OK, delay_s=0.005)(peer)

    generator.prepare(scenario=http_request("/"))
    with serve(play) as server:
        done = generator.run_round(server.url, users=3, warmup_max_s=1.0, window_s=0.2)
        assert done.load.failure == "2 of 3 users had no answer within 1 s"
        assert done.load.warmup_s >= 1.0
        assert done.load.requests > 0
        again = generator.run_round(server.url, users=3, warmup_max_s=10, window_s=0.2)
    assert (
        again.load.failure is None
    )  # connections 3 to 5: the generator goes on, and the counts are the round's own


def test_the_window_waits_for_the_slowest_users_first_answer(generator: Generator) -> None:
    slow_answered = threading.Event()

    def play(peer: Peer) -> None:
        if peer.number == 0:
            peer.take_request()
            peer.wait(0.4)
            slow_answered.set()
            peer.sock.sendall(OK)
        answering(OK, delay_s=0.005)(peer)

    generator.prepare(scenario=http_request("/"))
    with serve(play) as server:
        done = generator.run_round(server.url, users=2, window_s=0.2)
    assert slow_answered.is_set()
    assert done.load.warmup_s >= 0.4
    assert done.load.failure is None
    assert done.load.latency_s is not None
    assert done.load.latency_s.max < 0.4


@pytest.mark.parametrize(
    ("answer", "expect", "kind"),
    [
        (answer_of("404 Not Found", b"ok"), None, "status 404"),
        (answer_of("500 Oops", b"ok"), Expectation(status=200, body_base64=BODY_OK), "status 500"),
        (answer_of("201 Created", b"ok"), Expectation(status=200, body_base64=None), "status 201"),
        (
            answer_of("200 OK", b"ko"),
            Expectation(status=200, body_base64=BODY_OK),
            "wrong body (the request)",
        ),
        (answer_of("200 OK", b""), Expectation(status=200, body_base64=BODY_OK), "wrong body (the request)"),
    ],
    ids=["404", "500", "another success", "another body", "no body"],
)
def test_a_wrong_answer_has_its_kind_and_is_no_success(
    generator: Generator, answer: bytes, expect: Expectation | None, kind: str
) -> None:
    with serve(answering(answer, OK)) as server:
        done = generator.run(server.url, expect=expect)
    assert set(done.load.error_kinds) == {kind}
    assert done.load.requests > 0
    assert abs(done.load.requests - done.load.error_kinds[kind]) <= 2  # every other answer is right
    assert done.load.received_bytes_per_request == pytest.approx(len(OK), rel=0.3)
    assert server.connections == generator.tries


@pytest.mark.parametrize(
    ("answer", "expect"),
    [
        (answer_of("302 Found", b"", "Location: /"), None),
        (answer_of("200 OK", b"anything"), Expectation(status=200, body_base64=None)),
        (answer_of("200 OK", b"\x00\xff"), Expectation(status=200, body_base64="AP8=")),
        (answer_of("404 Not Found", b"gone"), Expectation(status=404, body_base64="Z29uZQ==")),
        (answer_of("200 OK", b""), Expectation(status=200, body_base64="")),
    ],
    ids=["redirect", "body not checked", "bytes", "expected 404", "expected to be empty"],
)
def test_an_answer_that_is_as_expected_is_a_success(
    generator: Generator, answer: bytes, expect: Expectation | None
) -> None:
    with serve(answering(answer)) as server:
        done = generator.run(server.url, expect=expect)
    assert done.load.error_kinds == {}
    assert done.load.requests > 0


def test_expectations_of_other_requests_do_not_matter(generator: Generator) -> None:
    generator.prepare(scenario=http_request("/"))
    with serve(answering(OK)) as server:
        done = generator.run_round(server.url, expectations={1: Expectation(status=404, body_base64=None)})
    assert done.load.error_kinds == {}
    assert done.load.requests > 0


@pytest.mark.parametrize(
    ("headers", "handler_s"),
    [
        (["Server-Timing: app;dur=3.5"], 0.0035),
        (["SERVER-TIMING: db;dur=53.2, app;dur=4"], 0.004),
        (["Server-Timing: my-app;dur=1"], None),
        (["Server-Timing: app;dur=.."], None),
        (["Server-Timing: app"], None),
        (["X-Other: app;dur=3.5"], None),
    ],
)
def test_the_servers_own_word_is_read_on_slow_answers(
    generator: Generator, headers: list[str], handler_s: float | None
) -> None:
    with serve(answering(answer_of("200 OK", b"ok", *headers), delay_s=0.012)) as server:
        done = generator.run(server.url, window_s=0.2)
    assert done.load.error_kinds == {}
    assert done.load.requests > 0
    assert done.load.handler_s == handler_s


def test_the_servers_own_word_is_sampled_on_fast_answers(generator: Generator) -> None:
    with serve(answering(answer_of("200 OK", b"ok", "Server-Timing: app;dur=0.25"))) as server:
        done = generator.run(server.url, window_s=0.8)
    assert done.load.requests > 64
    assert done.load.handler_s == 0.00025


def wait_open(window: WindowOpens, length_s: float) -> None:
    """Wait until a window has been open for so long."""
    wait_until(lambda: time.perf_counter() > window.start_s + length_s, 30)


def test_a_window_that_is_held_closes_when_it_is_told_to(generator: Generator) -> None:
    held_s = 0.5
    with serve(answering(OK, delay_s=DELAY_S)) as server:
        generator.prepare(scenario=http_request("/"))
        done = generator.run_round(
            server.url, users=2, window_s=90, is_held=True, on_window=lambda window: wait_open(window, held_s)
        )
        after = generator.run_round(server.url, window_s=0.2)
    assert held_s <= done.load.window_s < 60
    assert 0 < done.load.requests <= 2 * done.load.window_s / DELAY_S + 2
    assert sum(part.requests for part in done.load.slices) == done.load.requests
    assert after.load.window_s == 0.2
    assert after.load.requests > 0


def test_a_window_is_held_no_longer_than_was_ordered(generator: Generator) -> None:
    with serve(answering(OK, delay_s=DELAY_S)) as server:
        generator.prepare(scenario=http_request("/"))
        done = generator.run_round(
            server.url, window_s=0.2, is_held=True, on_window=lambda window: wait_open(window, 0.4)
        )
    assert done.load.window_s == 0.2
