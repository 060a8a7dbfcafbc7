"""What is counted of servers that freeze or close connections, on scripted servers."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hdrh.histogram import HdrHistogram

from portcompare.wire.protocol import RateLoad, WindowOpens
from tests.loadgen.generator import GET, Generator
from tests.loadgen.scripted import OK, Peer, serve

USERS = 4
AWAITED_S = 2.0
OPEN = RateLoad(rate_rps=400.0, arrivals="even", connections=USERS, seed="1")

LOCUSTFILE = """
from locust import FastHttpUser, task

class Visitor(FastHttpUser):
    @task
    def visit(self):
        self.client.get("/")
"""


@pytest.fixture
def prepare(generator: Generator, tmp_path: Path) -> Callable[[str], RateLoad | None]:
    """Prepare a kind of users, and return the load that is not that of users."""
    locustfile = tmp_path / "locustfile.py"
    locustfile.write_text(LOCUSTFILE, encoding="utf-8")

    def prepare_kind(kind: str) -> RateLoad | None:
        generator.prepare(locustfile, scenario=GET if kind in ("GET", "open") else kind)
        return OPEN if kind == "open" else None

    return prepare_kind


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


@pytest.mark.parametrize(("kind", "frozen"), [("GET", USERS), ("open", USERS), ("Visitor", 1)])
def test_a_user_without_a_response_when_the_wait_ends_is_censored(
    generator: Generator, prepare: Callable[[str], RateLoad | None], kind: str, frozen: int
) -> None:
    load = prepare(kind)
    freezing = Freezing(frozen, from_s=0.15)
    with serve(freezing) as server:
        done = generator.run_round(
            server.url, load=load, users=USERS, window_s=0.3, on_window=freezing.freeze
        )
    assert done.error_kinds == {}
    if kind == "open":  # those too that were due and found no connection free
        assert done.censored > 2 * USERS
    else:
        assert done.censored == frozen
    assert done.latency_s is not None
    assert done.wait_max_s is not None
    assert AWAITED_S < done.wait_max_s <= done.latency_s.max * 1.001
    assert HdrHistogram.decode(generator.histogram).get_max_value() / 1e6 == done.latency_s.max


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
