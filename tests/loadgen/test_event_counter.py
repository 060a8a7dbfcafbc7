"""Users that do not count themselves are counted by Locust's request event, one by one."""

from __future__ import annotations

import json
from collections import Counter
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram

from portcompare.loadgen.connection import REFUSED, TIMEOUT
from portcompare.loadgen.figures import make_histogram
from portcompare.wire.protocol import Prepare, Prepared, ScenarioSource
from tests.loadgen.locust_users import CLASSES, HTTP, write
from tests.loadgen.scripted import OK, answering, serve

if TYPE_CHECKING:
    from collections.abc import Callable

    from portcompare.wire.protocol import RoundDone
    from tests.loadgen.generator import Generator
    from tests.loadgen.scripted import Peer

EDGE_S = 0.01
"""The locustfile's own listener hears an event a little sooner than the counter."""

TIMED = b"HTTP/1.1 200 OK\r\nServer-Timing: db;dur=3, app;dur=7.5\r\nContent-Length: 4\r\n\r\ngood"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy"

# Notes every event by itself, and writes them down at the end of the load test.
TELLING = """
EVENTS = []

@events.request.add_listener
def note(response_time, exception, **_):
    EVENTS.append((time.perf_counter(), response_time, exception is None))

@events.test_stop.add_listener
def tell(**_):
    Path({path!r}).write_text(json.dumps(EVENTS))
"""


@pytest.fixture
def run(generator: Generator, tmp_path: Path) -> Callable[..., RoundDone]:
    """Load a server with a class named Asking."""

    def run_class(text: str, url: str, **options: float) -> RoundDone:
        prepared = generator.prepare(write(tmp_path / "locustfile.py", text), scenario="Asking")
        assert prepared.problems == {}
        return generator.run_round(url, **options)  # type: ignore[arg-type]

    return run_class


def counts_of(histogram: HdrHistogram) -> Counter[int]:
    steps = histogram.get_recorded_iterator()
    return Counter({one.value_iterated_to: one.count_added_in_this_iter_step for one in steps})


@pytest.mark.parametrize("text", CLASSES.values(), ids=CLASSES)
def test_the_histogram_holds_locust_s_own_events_and_no_others(
    run: Callable[..., RoundDone], generator: Generator, tmp_path: Path, text: str
) -> None:
    told = tmp_path / "events.json"
    numbers = count()

    def play(peer: Peer) -> None:
        while peer.take_request():
            peer.wait(0.003)
            peer.sock.sendall(OK if next(numbers) % 3 else BUSY)

    with serve(play) as server:
        done = run(TELLING.format(path=str(told)) + text, server.url, users=3, window_s=0.5)
    events = json.loads(told.read_text())

    def inside(*, by_s: float, good: bool) -> list[float]:
        start_s, end_s = generator.window.start_s + by_s, generator.window.end_s - by_s
        return [
            time_ms / 1e3 for at_s, time_ms, is_good in events if is_good is good and start_s < at_s < end_s
        ]

    found = counts_of(HdrHistogram.decode(done.histogram))
    surely, perhaps = (
        counts_of(make_histogram(np.array(inside(by_s=by_s, good=True)))) for by_s in (EDGE_S, -EDGE_S)
    )
    assert surely <= found <= perhaps
    assert found.total() == done.load.requests > 10
    failed = sum(one.errors for one in done.load.slices)
    assert len(inside(by_s=EDGE_S, good=False)) <= failed <= len(inside(by_s=-EDGE_S, good=False))
    assert failed > 3
    assert done.load.failure is None
    assert done.load.latency_s is not None
    assert done.load.latency_s.p50 >= 0.003
    # A client that does not say how many bytes it received says 0.
    assert done.load.received_bytes_per_request == (2.0 if "HttpUser" in text else None)


FAILING = """
class Asking(HttpUser):
    @task
    def ask(self):
        self.client.get("/busy")
        with self.client.get("/good", catch_response=True) as answer:
            answer.failure("out of\\nstock")
        with self.client.get("/busy", catch_response=True) as answer:
            answer.success()
        self.client.get("/good")
        events.request.fire(request_type="WS", name="opened", response_time=None, response_length=0)
        raise KeyError("token", object())
"""


@pytest.mark.parametrize("kind", ["HttpUser", "FastHttpUser"])
def test_what_fails_is_for_the_class_to_say_and_has_a_short_name(
    run: Callable[..., RoundDone], kind: str
) -> None:
    def play(peer: Peer) -> None:
        while request := peer.take_request():
            peer.sock.sendall(BUSY if b"/busy" in request else TIMED)

    with serve(play) as server:
        done = run(FAILING.replace("HttpUser", kind), server.url)
    raised = "raised KeyError: ('token', <object object at 0x...>)"
    assert set(done.load.error_kinds) == {"status 503", "out of stock", raised}
    assert done.load.requests > 2
    assert max(done.load.error_kinds.values()) - min(done.load.error_kinds.values()) <= 1
    assert done.load.received_bytes_per_request == 4.0
    assert done.load.handler_s == 0.0075
    assert done.load.reconnects == 0


def test_connections_that_are_refused_are_failures_with_the_usual_name(
    run: Callable[..., RoundDone],
) -> None:
    with serve(answering(OK)) as server:
        url = server.url
    done = run(HTTP.replace("    @task", "    wait_time = constant(0.01)\n    @task"), url)
    assert set(done.load.error_kinds) == {REFUSED}


def test_an_answer_over_the_time_limit_is_a_failure_whatever_the_client_allows(
    run: Callable[..., RoundDone],
) -> None:
    with serve(answering(OK, delay_s=0.03)) as server:
        done = run(HTTP, server.url, timeout_s=0.02)
    assert set(done.load.error_kinds) == {TIMEOUT}


def test_failures_with_a_text_of_their_own_each_do_not_fill_the_report(run: Callable[..., RoundDone]) -> None:
    text = """
class Asking(User):
    @task
    def ask(self):
        for number in range(1000):
            self.environment.events.request.fire(
                request_type="RPC", name="call", response_time=1.0, response_length=0,
                exception=ValueError(f"order {number} is lost"),
            )
        gevent.sleep(0.01)
"""
    done = run(text, "http://127.0.0.1:9")
    assert len(done.load.error_kinds) <= 22
    assert done.load.error_kinds["ValueError: order 0 is lost"] < done.load.error_kinds["other failures"]
    assert sum(done.load.error_kinds.values()) % 1000 == 0


def test_answers_do_not_pile_up_in_the_generator_during_a_round(
    run: Callable[..., RoundDone], generator: Generator
) -> None:
    def peak_mib() -> int:
        status = Path(f"/proc/{generator.process.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) // 1024

    mib = b"HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n" + b"x" * 1048576
    with serve(answering(mib)) as server:
        run(HTTP, server.url)
        before_mib = peak_mib()
        done = run(HTTP, server.url, users=2, window_s=0.5)
    assert done.load.requests > 20
    assert peak_mib() - before_mib < 40


def test_users_whose_requests_are_sent_in_greenlets_of_their_own_are_all_waited_for(
    run: Callable[..., RoundDone],
) -> None:
    text = """
class Asking(FastHttpUser):
    @task
    def ask(self):
        gevent.joinall([gevent.spawn(self.client.get, "/items") for _ in range(2)])
"""
    with serve(answering(OK)) as server:
        done = run(text, server.url, users=3, warmup_max_s=2.0)
        assert server.connections == 6
    assert done.load.failure is None
    assert done.load.error_kinds == {}


def test_a_user_is_ready_when_it_has_started_and_been_answered(run: Callable[..., RoundDone]) -> None:
    login = '    def on_start(self):\n        self.client.post("/login")\n'
    with serve(answering(OK)) as server:
        assert run(HTTP + login, server.url, users=2).load.failure is None
        assert server.requests[0][1].startswith(b"POST /login")
        done = run(HTTP + login + "        gevent.sleep(60)\n", server.url, users=2, warmup_max_s=0.2)
    assert done.load.failure == "2 of 2 users had no answer within 0.2 s"


def test_users_that_never_have_an_answer_are_told(run: Callable[..., RoundDone]) -> None:
    text = "class Asking(User):\n    @task\n    def idle(self):\n        gevent.sleep(0.01)\n"
    done = run(text, "http://127.0.0.1:9", users=2, warmup_max_s=0.1)
    assert done.load.failure == "2 of 2 users had no answer within 0.1 s"


def test_the_starts_of_users_are_spread_over_the_delay(run: Callable[..., RoundDone], tmp_path: Path) -> None:
    starts = tmp_path / "starts"
    text = HTTP + (
        f"    def on_start(self):\n        with open({str(starts)!r}, 'a') as file:\n"
        "            print(time.perf_counter(), file=file)\n"
    )
    with serve(answering(OK)) as server:
        assert run(text, server.url, users=2, delay_s=0.3).load.failure is None
    first_s, second_s = map(float, starts.read_text().split())
    assert second_s - first_s > 0.07


def test_the_class_s_own_waiting_time_is_kept_and_its_own_host_is_not(
    run: Callable[..., RoundDone],
) -> None:
    waiting = '    wait_time = constant(0.1)\n    host = "http://elsewhere.invalid"\n'
    with serve(answering(OK)) as server:
        done = run(HTTP + waiting, server.url, window_s=0.8)
        assert server.requests[0][1].startswith(b"GET /items?tag=a%2Fb&tag=c HTTP/1.1\r\n")
    assert done.load.error_kinds == {}
    assert 3 <= done.load.requests <= 9


def test_a_class_that_is_not_lean_cannot_be_paced(generator: Generator, tmp_path: Path) -> None:
    locustfile = write(tmp_path / "locustfile.py", HTTP)
    source = ScenarioSource(user="Asking", is_paced=True)
    generator.send(Prepare(locustfile=str(locustfile), scenarios={"rates": source}))
    assert generator.receive() == Prepared(
        requests={},
        problems={
            "rates": (
                "Asking is no LeanUser, and no other class asks when a request is due",
                "load it by `users`, or derive it from portcompare.loadgen.LeanUser",
            )
        },
    )
