import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hdrh.histogram import HdrHistogram

from portcompare.analyse.rounds import find_overload
from portcompare.plan import Generator as GeneratorPlan
from portcompare.records.requests import Expectation
from portcompare.wire.protocol import CLOSED, Load, RateLoad, WindowOpens
from tests.e2e.processes import wait_until
from tests.loadgen.generator import GET, Generator, expect
from tests.loadgen.scripted import OK, Peer, responding, responding_once, response_of, serve

DELAY_S = 0.01
EVEN = RateLoad(rate_rps=100.0, arrivals="even", connections=4, seed="1")


def test_a_fixed_delay_has_the_rate_and_the_latencies_it_must_have(generator: Generator) -> None:
    users = 4
    of_another_request = {1: Expectation(status=404, body_base64=None)}
    before_s, before_epoch_s = time.monotonic(), time.time()
    with serve(responding(OK, delay_s=DELAY_S)) as server:
        done = generator.run(server.url, users=users, window_s=0.6, expectations=of_another_request)
    assert server.connections == users
    assert (done.failure, done.error_kinds) == (None, {})
    rate_rps = done.requests / done.window_s
    assert 0.2 * users / DELAY_S < rate_rps <= 1.02 * users / DELAY_S
    latency_s = done.latency_s
    assert latency_s is not None
    assert 0.99 * DELAY_S <= latency_s.p50 <= latency_s.p95 <= latency_s.p99 <= latency_s.p999
    assert latency_s.p999 <= latency_s.max * 1.001
    # Each user is either waiting for a response or about to send: Little's law.
    assert rate_rps * latency_s.p50 < 1.2 * users
    histogram = HdrHistogram.decode(generator.histogram)
    # The histogram has what was sent in the window, the rate and the slices what ended in it.
    assert abs(histogram.get_total_count() - done.requests) <= users
    assert done.requests == sum(part.requests for part in done.slices)
    assert histogram.get_value_at_percentile(50) / 1e6 == latency_s.p50
    assert histogram.get_max_value() / 1e6 == latency_s.max
    assert (done.offered_rps, done.dropped, done.lag_p99_s, done.lag_max_s) == (None, 0, None, None)
    # The window was announced before it opened, in the clock of the machine.
    assert before_s < generator.window.start_s < generator.window.end_s < time.monotonic()
    assert generator.window.end_s - generator.window.start_s == pytest.approx(0.6)
    assert before_epoch_s < done.started_at_s < time.time()
    assert (done.window_s, done.warmup_s >= 0.03, 0 < done.generator_cpu_ratio < 1.2) == (0.6, True, True)


def test_users_start_one_after_the_other(generator: Generator) -> None:
    starts_s: list[float] = []

    def play(peer: Peer) -> None:
        starts_s.append(time.monotonic())
        responding(OK, delay_s=DELAY_S)(peer)

    with serve(play) as server:
        done = generator.run(server.url, users=4, delay_s=0.4)
    assert len(starts_s) == 4
    assert starts_s[-1] - starts_s[0] > 0.15
    assert done.warmup_s >= 0.4


def test_users_without_a_response_are_counted_and_the_round_is_discarded(generator: Generator) -> None:
    def play(peer: Peer) -> None:
        if peer.number < 2:
            peer.take_request()
            peer.wait()
        else:
            responding(OK, delay_s=DELAY_S)(peer)

    generator.prepare(scenario=GET)
    with serve(play) as server:
        done = generator.run_round(server.url, users=3, warmup_max_s=0.5)
        assert done.failure == "2 of 3 users had no response within 0.5 s"
        assert done.warmup_s >= 0.5
        assert done.requests > 0
        again = generator.run_round(server.url, users=3)
    assert again.failure is None  # the generator goes on, and the counts are the round's own


def test_a_body_that_varies_is_checked_for_each_new_connection_and_one_of_many(generator: Generator) -> None:
    def play(peer: Peer) -> None:
        number = 0
        while peer.take_request():
            name = "b" if peer.number % 2 and number % 2 == 0 else "a"
            peer.sock.sendall(response_of("200 OK", f'{{"id": {number}, "name": "{name}"}}'.encode()))
            number += 1
            if peer.number == 1 and number == 3:
                return

    with serve(play) as server:
        done = generator.run(
            server.url,
            users=2,
            expectations={0: expect(b'{"id": 0, "name": "a"}', "/id")},
            until=server.more(2000),
        )
    # Of connection 1 the first response is wrong, which came in the warm-up; its successor has no fault.
    assert done.error_kinds == {"wrong body (the request)": 1}


def test_a_sample_shows_bodies_that_are_always_wrong(generator: Generator) -> None:
    with serve(responding(response_of("200 OK", b'{"id": 1, "name": "b"}'))) as server:
        done = generator.run(
            server.url,
            expectations={0: expect(b'{"id": 0, "name": "a"}', "/id")},
            until=server.more(2500),
        )
    found = done.error_kinds["wrong body (the request)"]
    assert found == pytest.approx((done.requests + found) / 64, abs=2)


@pytest.mark.parametrize(
    ("headers", "delay_s", "handler_s"),
    [
        (["SERVER-TIMING: db;dur=53.2, app;dur=4", "Server-Timing: my-app;dur=1"], DELAY_S, 0.004),
        (["Server-Timing: app;dur=.."], DELAY_S, None),
        (["Server-Timing: app;dur=0.25"], 0.0, 0.00025),  # of fast responses some are looked at
    ],
)
def test_the_time_in_the_handler_is_read(
    generator: Generator, headers: list[str], delay_s: float, handler_s: float | None
) -> None:
    responses = [response_of("200 OK", b"ok", header) for header in headers]
    with serve(responding(*responses, delay_s=delay_s)) as server:
        done = generator.run(server.url, until=server.more(30 if delay_s else 2000))
    assert done.error_kinds == {}
    assert done.handler_s == handler_s


def wait_open(window: WindowOpens, length_s: float) -> None:
    """Wait until a window has been open for so long."""
    wait_until(lambda: time.perf_counter() > window.start_s + length_s, 60)


def test_a_window_that_is_held_closes_when_that_is_ordered_and_no_later_than_its_end(
    generator: Generator,
) -> None:
    generator.prepare(scenario=GET)
    with serve(responding(OK, delay_s=DELAY_S)) as server:
        held = generator.run_round(
            server.url, window_s=90, is_held=True, on_window=partial(wait_open, length_s=0.2)
        )
        late = generator.run_round(
            server.url, window_s=0.2, is_held=True, on_window=partial(wait_open, length_s=0.4)
        )
    assert 0.2 <= held.window_s < 60
    assert 0 < held.requests <= held.window_s / DELAY_S + 2
    assert sum(part.requests for part in held.slices) == held.requests
    assert late.window_s == 0.2


def test_a_connection_failure_is_followed_by_a_pause(generator: Generator) -> None:
    with serve(responding_once(b"")) as server:
        done = generator.run(server.url, window_s=0.5)
    assert set(done.error_kinds) == {CLOSED}
    assert done.requests == 0
    assert done.error_kinds[CLOSED] <= 6


# A user that, where there is a file, follows a request with a computation that takes the event loop's time.
BLOCKING = """
from pathlib import Path
from time import perf_counter
from portcompare.loadgen import LeanUser, http_request

class Blocking(LeanUser):
    request = http_request("/")
    block = Path(__file__).with_name("block")

    def send_request(self, due_s=None):
        super().send_request(due_s)
        if self.block.exists():
            self.block.unlink()
            until_s = perf_counter() + 0.2
            while perf_counter() < until_s:
                pass
"""


LIMITS = GeneratorPlan()


@pytest.mark.parametrize("load", [None, EVEN], ids=["closed", "open"])
def test_a_user_that_blocks_the_event_loop_is_noticed_and_delays_what_is_due(
    generator: Generator, tmp_path: Path, load: Load | None
) -> None:
    locustfile = tmp_path / "locustfile.py"
    locustfile.write_text(BLOCKING, encoding="utf-8")
    seen: list[int] = []

    def blocked() -> bool:
        """Block after some requests of the window, and let some more come."""
        if (tmp_path / "block").exists():
            return False
        if not seen or len(server.requests) > seen[-1] + 20:
            seen.append(len(server.requests))
            if len(seen) == 2:
                (tmp_path / "block").touch()
        return len(seen) == 4

    generator.prepare(locustfile, scenario="Blocking")
    with serve(responding(OK, delay_s=DELAY_S)) as server:
        done = generator.run_round(server.url, load=load, until=blocked)
    assert done.stall_max_s >= 0.15
    assert find_overload(done, LIMITS) is not None
    if load:
        assert done.lag_max_s is not None
        assert done.latency_s is not None
        # The one due first in the 0.2 s waits for all that is left of them.
        assert done.lag_max_s >= 0.15
        assert done.latency_s.max >= done.lag_max_s * 0.999


def test_the_process_ends_with_its_orders_and_without_a_word(tmp_path: Path) -> None:
    generator = Generator(tmp_path / "log")
    generator.prepare(scenario=GET)
    assert generator.process.poll() is None
    assert (generator.end(), generator.log) == (0, "")


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
