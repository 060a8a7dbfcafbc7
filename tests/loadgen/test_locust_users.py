"""Users that do not count themselves are counted by Locust's request event, one by one."""

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from portcompare.loadgen.figures import make_histogram
from portcompare.records.requests import Format
from portcompare.records.rounds import LoadReport
from portcompare.wire.protocol import REFUSED, TIMEOUT
from tests.loadgen.generator import Generator, counts_of, expect
from tests.loadgen.locust_users import CLASSES, FAST, HTTP, write
from tests.loadgen.scripted import OK, Peer, Watch, responding, response_of, serve

Run = Callable[..., LoadReport]

EDGE_S = 0.01
"""The locustfile's own listener hears an event a little sooner than the counter."""

TIMED = b"HTTP/1.1 200 OK\r\nServer-Timing: db;dur=3, app;dur=7.5\r\nContent-Length: 4\r\n\r\ngood"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy"

# Notes every event by itself, and writes them down at the end of the load test.
RECORDING = """
EVENTS = []

@events.request.add_listener
def note(response_time, exception, **_):
    EVENTS.append((time.perf_counter(), response_time, exception is None))

@events.test_stop.add_listener
def write(**_):
    Path({path!r}).write_text(json.dumps(EVENTS))
"""


@pytest.fixture
def run(generator: Generator, tmp_path: Path) -> Run:
    """Load a server with a class named Shopper."""

    def run_class(text: str, url: str, **options: Any) -> LoadReport:  # noqa: ANN401
        prepared = generator.prepare(write(tmp_path / "locustfile.py", text), scenario="Shopper")
        assert prepared.problems == {}
        return generator.run_round(url, **options)

    return run_class


@pytest.mark.parametrize("text", CLASSES.values(), ids=CLASSES)
def test_the_histogram_holds_locust_s_own_events_and_no_others(
    run: Run, generator: Generator, tmp_path: Path, text: str
) -> None:
    path = tmp_path / "events.json"
    numbers = count()

    def play(peer: Peer) -> None:
        while peer.take_request():
            peer.wait(0.003)
            peer.sock.sendall(OK if next(numbers) % 3 else BUSY)

    with serve(play) as server:
        done = run(RECORDING.format(path=str(path)) + text, server.url, users=3, window_s=0.5)
    events = json.loads(path.read_text())

    def inside(*, by_s: float, good: bool) -> list[float]:
        """Of good ones those sent inside, of failures those that ended there."""
        start_s, end_s = generator.window.start_s + by_s, generator.window.end_s - by_s
        return [
            time_ms / 1e3
            for at_s, time_ms, is_good in events
            if is_good is good and start_s < at_s - good * time_ms / 1e3 < end_s
        ]

    found = counts_of(generator.histogram)
    surely, perhaps = (
        counts_of(make_histogram(np.array(inside(by_s=by_s, good=True)))) for by_s in (EDGE_S, -EDGE_S)
    )
    assert surely <= found <= perhaps
    assert abs(found.total() - done.requests) <= 3  # one of each user across either edge
    failed = sum(one.errors for one in done.slices)
    assert len(inside(by_s=EDGE_S, good=False)) <= failed <= len(inside(by_s=-EDGE_S, good=False))
    assert failed > 0
    assert done.failure is None
    assert done.latency_s is not None
    assert done.latency_s.p50 >= 0.003
    # A client that does not know how many bytes it received reports 0.
    assert done.received_bytes_per_request == (2.0 if "HttpUser" in text else None)


FAILING = """
class Shopper(HttpUser):
    @task
    def buy(self):
        self.client.get("/busy")
        with self.client.get("/good", catch_response=True) as response:
            response.failure("out of\\nstock")
        with self.client.get("/busy", catch_response=True) as response:
            response.success()
        self.client.get("/good")
        events.request.fire(request_type="WS", name="opened", response_time=None, response_length=0)
        raise KeyError("token", object())
"""


@pytest.mark.parametrize("kind", ["HttpUser", "FastHttpUser"])
def test_the_class_decides_what_fails_and_failures_have_short_names(run: Run, kind: str) -> None:
    def play(peer: Peer) -> None:
        while request := peer.take_request():
            peer.sock.sendall(BUSY if b"/busy" in request else TIMED)

    with serve(play) as server:
        text = FAILING.replace("HttpUser", kind)
        done = run(text, server.url, until=server.more(40))
    raised = "raised KeyError: ('token', <object object at 0x...>)"
    assert set(done.error_kinds) == {"status 503", "out of stock", raised}
    assert done.requests > 0
    assert max(done.error_kinds.values()) - min(done.error_kinds.values()) <= 1
    assert done.received_bytes_per_request == 4.0
    assert done.handler_s == 0.0075
    assert done.reconnects == 0


def test_refused_connections_and_late_responses_are_failures_with_the_usual_names(run: Run) -> None:
    with serve(responding(OK, delay_s=0.03)) as server:
        url = server.url
        assert set(run(HTTP, url, timeout_s=0.02).error_kinds) == {TIMEOUT}
    done = run(HTTP.replace("    @task", "    wait_time = constant(0.01)\n    @task"), url)
    assert set(done.error_kinds) == {REFUSED}


def test_failures_with_many_texts_do_not_fill_the_report(run: Run) -> None:
    text = """
class Shopper(User):
    @task
    def buy(self):
        for number in range(100):
            self.environment.events.request.fire(
                request_type="RPC", name="call", response_time=1.0, response_length=0,
                exception=ValueError(f"order {number} is lost"),
            )
        gevent.sleep(0.01)
"""
    done = run(text, "http://127.0.0.1:9")
    assert len(done.error_kinds) <= 22
    assert done.error_kinds["ValueError: order 0 is lost"] < done.error_kinds["other failures"]
    assert sum(done.error_kinds.values()) >= 100


def test_responses_do_not_pile_up_in_the_generator_during_a_round(run: Run, generator: Generator) -> None:
    def peak_mib() -> int:
        status = Path(f"/proc/{generator.process.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) // 1024

    mib = b"HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n" + b"x" * 1048576
    with serve(responding(mib)) as server:
        run(HTTP, server.url)
        before_mib = peak_mib()
        run(HTTP, server.url, users=2, until=server.more(80))
    assert peak_mib() - before_mib < 40


def test_users_whose_requests_are_sent_in_greenlets_of_their_own_are_all_waited_for(run: Run) -> None:
    text = """
class Shopper(FastHttpUser):
    @task
    def buy(self):
        gevent.joinall([gevent.spawn(self.client.get, "/items") for _ in range(2)])
"""
    with serve(responding(OK)) as server:
        done = run(text, server.url, users=3, warmup_max_s=2.0)
        assert server.connections == 6
    assert done.failure is None
    assert done.error_kinds == {}


def test_a_user_is_ready_when_it_has_started_and_had_a_response(run: Run) -> None:
    login = '    def on_start(self):\n        self.client.post("/login")\n'
    with serve(responding(OK, delay_s=0.005)) as server:
        assert run(HTTP + login, server.url, users=2).failure is None
        assert server.requests[0][1].startswith(b"POST /login")
        done = run(HTTP + login + "        gevent.sleep(60)\n", server.url, users=2, warmup_max_s=0.2)
    assert done.failure == "2 of 2 users had no response within 0.2 s"


POP = "USERS = ['ann']\n" + HTTP + "    def on_start(self):\n        self.name = USERS.pop()\n"
LEAN = """
from portcompare.loadgen import LeanUser, http_request

class Shopper(LeanUser):
    request = http_request("/items")
"""


@pytest.mark.parametrize(
    ("text", "failure"),
    [
        (POP, "on_start raised IndexError: pop from empty list (locustfile.py:"),
        (
            HTTP + "    def __init__(self, environment):\n        {}['a']\n",
            "__init__ raised KeyError: 'a' (loc",
        ),
        (
            HTTP + "    def wait_time(self):\n        json.loads('')\n",
            "wait_time raised JSONDecodeError: Exp",
        ),
        (HTTP + "    def on_stop(self):\n        open('/none')\n", "on_stop raised FileNotFoundError: "),
        (HTTP + "    def on_start(self):\n        raise StopUser\n", "a user stopped by itself (StopUser)"),
        (HTTP + "        raise StopUser\n", "a user stopped by itself (StopUser)"),
        (
            LEAN + "    def on_start(self):\n        1 / 0\n",
            "on_start raised ZeroDivisionError: division by zero",
        ),
        (
            LEAN + "    def on_stop(self):\n        1 / 0\n",
            "on_stop raised ZeroDivisionError: division by zero",
        ),
    ],
)
def test_a_user_that_ends_by_itself_fails_the_round_at_once_and_is_the_reason(
    run: Run, text: str, failure: str
) -> None:
    with serve(responding(OK)) as server:
        done = run(text, server.url, users=2, warmup_max_s=600.0)
    assert done.failure is not None
    assert done.failure.startswith(failure)


def test_the_starts_of_users_are_spread_over_the_delay(run: Run, tmp_path: Path) -> None:
    starts = tmp_path / "starts"
    text = HTTP + (
        f"    def on_start(self):\n        with open({str(starts)!r}, 'a') as file:\n"
        "            print(time.perf_counter(), file=file)\n"
    )
    with serve(responding(OK)) as server:
        assert run(text, server.url, users=2, delay_s=0.3).failure is None
    first_s, second_s = map(float, starts.read_text().split())
    assert second_s - first_s > 0.07


def test_the_class_s_own_waiting_time_is_kept_and_its_own_host_is_not(run: Run) -> None:
    waiting = '    wait_time = constant(0.1)\n    host = "http://elsewhere.invalid"\n'
    watch = Watch()
    with serve(watch) as server:
        done = run(HTTP + waiting, server.url, until=server.more(6))
        assert server.requests[0][1].startswith(b"GET /items?tag=a%2Fb&tag=c HTTP/1.1\r\n")
    assert done.error_kinds == {}
    assert min(later - sooner for sooner, later in pairwise(watch.arrived_s)) >= 0.09


@pytest.mark.parametrize("text", [HTTP, FAST], ids=["HttpUser", "FastHttpUser"])
def test_responses_are_compared_with_those_that_parity_approved(
    generator: Generator, tmp_path: Path, text: str
) -> None:
    packed = gzip.compress(b"ok")

    def play(peer: Peer) -> None:
        while request := peer.take_request():
            moved = response_of("302 Found", b"", "Location: /there")
            there = response_of("200 OK", packed, "Content-Encoding: gzip")
            peer.wait(0.002)
            peer.sock.sendall(there if b"GET /there" in request else moved)

    generator.prepare(write(tmp_path / "locustfile.py", text), scenario="Shopper")
    with serve(play) as server:
        captured = generator.capture(server.url)
        assert [request.target for request in captured.requests][1:] == ["/there"]
        for body, kinds in ((b"ok", set()), (b"ko", {"wrong body (GET /there)"})):
            expected = replace(expect(body), format=Format(name="text"), encoding="gzip")
            done = generator.run_round(server.url, expectations={0: expected, 1: expected})
            assert set(done.error_kinds) == kinds
            assert (done.requests == 0) is bool(kinds)
