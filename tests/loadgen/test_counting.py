"""What is counted of servers that freeze, drop requests or close connections, on scripted servers."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hdrh.histogram import HdrHistogram

from portcompare.analyse.rounds import judge_round
from portcompare.analyse.validity import find_warnings
from portcompare.http.requests import http_request
from portcompare.loadgen.connection import CLOSED, RESET
from portcompare.loadgen.response import INCOMPLETE
from portcompare.plan import Generator as GeneratorPlan
from portcompare.records.rounds import LoadReport
from portcompare.stats.bounds import Limits
from portcompare.wire.protocol import RateLoad, WindowOpens
from tests.analyse.samples import MARGINS, ROUND, in_users
from tests.loadgen.generator import GET, Generator
from tests.loadgen.scripted import OK, Peer, response_of, serve

USERS = 4
AWAITED_S = 2.0
POST = http_request("/", method="POST", body="1", name="the request")
OPEN = RateLoad(rate_rps=400.0, arrivals="even", connections=USERS, seed="1")

# Locust's own client, and a lean user that leaves its connection idle for a while after each response.
LOCUSTFILE = """
from locust import FastHttpUser, constant, task
from portcompare.loadgen import LeanUser, http_request

class Visitor(FastHttpUser):
    @task
    def visit(self):
        self.client.get("/")

class Idle(LeanUser):
    request = http_request("/")
    wait_time = constant(0.005)
"""


@pytest.fixture
def prepare(generator: Generator, tmp_path: Path) -> Callable[[str], RateLoad | None]:
    """Prepare a kind of users, and return the load that is not that of users."""
    locustfile = tmp_path / "locustfile.py"
    locustfile.write_text(LOCUSTFILE, encoding="utf-8")

    def prepare_kind(kind: str) -> RateLoad | None:
        requests = {"GET": GET, "POST": POST, "open": GET}
        generator.prepare(locustfile, scenario=requests.get(kind, kind))
        return OPEN if kind == "open" else None

    return prepare_kind


def judge(load: LoadReport) -> str:
    """Why a round is discarded, however busy the machine is; empty if it is not."""
    limits = Limits(concurrency=USERS, slots=None, delay_s=0.0, server_cpus=100)
    load = replace(load, generator_cpu_ratio=0.1, lag_p99_s=None, stall_max_s=0.0)
    return judge_round(replace(ROUND, load=load), limits, GeneratorPlan()).discarded or ""


def warnings_of(load: LoadReport) -> tuple[str, ...]:
    return tuple(find_warnings([replace(ROUND, load=load)], (), MARGINS, in_users))


class Freezing:
    """A script: no response on some connections from an instant of the window on, until another."""

    def __init__(self, connections: int, *, from_s: float, until_s: float = 60.0) -> None:
        self._connections = connections
        self._from_s, self._until_s = from_s, until_s
        self.window = WindowOpens(start_s=1e9, end_s=1e9)

    def __call__(self, peer: Peer) -> None:
        while peer.take_request():
            if peer.number < self._connections and time.perf_counter() > self.window.start_s + self._from_s:
                peer.wait(self.window.start_s + self._until_s - time.perf_counter())
            peer.sock.sendall(OK)

    def freeze(self, window: WindowOpens) -> None:
        self.window = window


@pytest.mark.parametrize(("kind", "frozen"), [("GET", USERS), ("POST", 1), ("open", USERS), ("Visitor", 1)])
def test_a_user_without_a_response_when_the_wait_ends_is_censored_and_its_round_discarded(
    generator: Generator, prepare: Callable[[str], RateLoad | None], kind: str, frozen: int
) -> None:
    load = prepare(kind)
    freezing = Freezing(frozen, from_s=0.15)
    with serve(freezing) as server:
        done = generator.run_round(
            server.url, load=load, users=USERS, window_s=0.3, on_window=freezing.freeze
        )
    assert done.error_kinds == {}
    if kind == "open" and frozen == USERS:  # those too that were due and found no connection free
        assert done.censored > 2 * USERS
    else:
        assert done.censored == frozen
    assert done.latency_s is not None
    assert done.wait_max_s is not None
    assert AWAITED_S < done.wait_max_s <= done.latency_s.max * 1.001
    assert HdrHistogram.decode(generator.histogram).get_max_value() / 1e6 == done.latency_s.max
    assert judge(done).startswith(("a user waited 2.", "a user waited 3.", "more than 1.00% of the requests"))


def test_a_response_after_the_window_is_in_the_latency_alone_and_no_later_request_counts(
    generator: Generator, prepare: Callable[[str], RateLoad | None]
) -> None:
    prepare("GET")
    freezing = Freezing(1, from_s=0.1, until_s=0.6)
    with serve(freezing) as server:
        done = generator.run_round(server.url, users=USERS, window_s=0.3, on_window=freezing.freeze)
    assert (done.error_kinds, done.censored) == ({}, 0)
    assert done.latency_s is not None
    assert done.latency_s.max > 0.3
    timed = HdrHistogram.decode(generator.histogram).get_total_count()
    assert abs(timed - done.requests) <= USERS  # each user has one request at most across either edge


class Ending:
    """A script: an end of some kind at every so many-th request of all connections."""

    def __init__(self, end: str, every: int) -> None:
        self._end, self._every = end, every
        self._requests = 0
        self._lock = threading.Lock()
        self._peers: list[Peer] = []

    def __call__(self, peer: Peer) -> None:
        self._peers.append(peer)
        while peer.take_request():
            with self._lock:
                self._requests += 1
                is_last = self._requests % self._every == 0
            if not is_last:
                peer.sock.sendall(OK)
                continue
            match self._end:
                case "idle":
                    peer.sock.sendall(OK)
                case "announced":
                    peer.sock.sendall(response_of("200 OK", b"ok", "Connection: close"))
                case "half":
                    peer.sock.sendall(OK[:-1])
                case "reset":
                    peer.reset()
                case "worker":
                    for other in self._peers:
                        other.end()
            return


@pytest.mark.parametrize(
    ("kind", "end", "every", "failures", "reason"),
    [
        ("GET", "drop", 12, {CLOSED}, "of the requests failed"),
        ("POST", "drop", 12, {CLOSED}, "of the requests failed"),
        ("open", "drop", 12, {CLOSED}, "of the requests failed"),
        ("GET", "half", 12, {INCOMPLETE}, "of the requests failed"),
        ("POST", "reset", 12, {RESET}, "of the requests failed"),
        ("GET", "worker", 150, {CLOSED, RESET}, "of the requests failed"),
        ("Idle", "idle", 12, set(), "x connection closed unannounced before the request"),
        ("Idle", "announced", 12, set(), ""),
    ],
)
def test_requests_that_meet_a_closed_connection_are_counted_and_more_than_one_of_a_hundred_is_too_many(
    generator: Generator,
    prepare: Callable[[str], RateLoad | None],
    *,
    kind: str,
    end: str,
    every: int,
    failures: set[str],
    reason: str,
) -> None:
    load = prepare(kind)
    with serve(Ending(end, every)) as server:
        done = generator.run_round(server.url, load=load, users=USERS, until=server.more(4 * every))
    assert set(done.error_kinds) <= failures
    assert bool(done.error_kinds) == bool(failures)
    assert (done.closed_unannounced > 0) == (end == "idle")
    assert reason in judge(done)
    assert bool(judge(done)) == bool(reason)
    warned = any("closed connections" in text for text in warnings_of(done))
    assert warned == (kind == "Idle")


def test_a_real_server_whose_workers_end_after_so_many_requests_is_not_valid_without_a_word(
    generator: Generator, prepare: Callable[[str], RateLoad | None], tmp_path: Path
) -> None:
    prepare("GET")
    (tmp_path / "app.py").write_text(
        'def app(_, start):\n    start("200 OK", [("Content-Length", "2")])\n    return [b"ok"]\n',
        encoding="utf-8",
    )
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        options = [
            "-k",
            "gthread",
            "--threads",
            "4",
            "--max-requests",
            "20",
            "-b",
            f"fd://{listener.fileno()}",
        ]
        with subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *options, "--log-level", "error", "app:app"],
            cwd=tmp_path,
            pass_fds=[listener.fileno()],
        ) as server:
            try:
                url = f"http://127.0.0.1:{listener.getsockname()[1]}"
                done = generator.run_round(url, users=USERS, window_s=1.0)
            finally:
                server.terminate()
    assert judge(done) or any("closed connections" in text for text in warnings_of(done))
    assert done.reconnects > 0
