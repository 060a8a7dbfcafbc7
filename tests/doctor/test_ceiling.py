import os
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from portcompare.doctor.ceiling import OPEN_STEPS, Ceiling, find_highest, measure_ceiling, start_null_server
from portcompare.errors import ServerError
from portcompare.wire.protocol import Prepare, Prepared, RateLoad, RoundDone, RunRound, UserLoad, WindowOpens
from tests.altered import altered
from tests.doctor.samples import LATENCY_S
from tests.measure.plans import DONE

NULL = "http://127.0.0.1:8123"
TOO_MUCH = "too much"


class Bench:
    """A load generator that makes 1,000 requests/s in the closed windows or so, and else what is offered."""

    def __init__(self, error_kinds: dict[str, int] | None = None, *, responds: bool = True) -> None:
        self.orders: list[RunRound] = []
        self.steps: list[str] = []
        self._error_kinds = error_kinds or {}
        self._closed_rps = iter([900.0, 1100.0, 1000.0, 1050.0, 950.0] if responds else [0.0] * 5)

    def prepare(self, order: Prepare) -> Prepared:
        assert order.locustfile is None
        return Prepared(requests={}, problems={})

    def begin_round(self, order: RunRound) -> WindowOpens:
        self.orders.append(order)
        return WindowOpens(start_s=0.0, end_s=order.window_s)

    def end_round(self) -> RoundDone:
        match self.orders[-1].load:
            case RateLoad(rate_rps=rate_rps):
                ratio = rate_rps / 1000
                return altered(DONE, rate_rps=rate_rps, generator_cpu_ratio=ratio, lag_p99_s=ratio / 1000)
            case UserLoad(users=1):
                return altered(DONE, latency_s=LATENCY_S, error_kinds=self._error_kinds)
        rate_rps = next(self._closed_rps)
        return altered(
            DONE, rate_rps=rate_rps, generator_cpu_ratio=rate_rps / 1200, error_kinds=self._error_kinds
        )

    def measure(self, most_rps: float) -> Ceiling:
        """Measure it, trusting rates up to the one given."""
        generator: Any = self
        return measure_ceiling(
            generator,
            NULL,
            why_untrusted=lambda done: TOO_MUCH if done.load.rate_rps > most_rps else None,
            on_step=self.steps.append,
        )


def test_the_ceiling_is_what_the_windows_achieved_each_of_which_is_announced() -> None:
    bench = Bench()
    found = bench.measure(most_rps=500)
    assert (found.closed_low_rps, found.closed_rps, found.closed_high_rps) == (900, 1000, 1100)  # the median
    assert found.closed_cpu_ratio == pytest.approx(1000 / 1200)
    assert found.users == 32
    assert found.latency_s == LATENCY_S  # of a single user
    assert found.trusted_rps is not None
    assert 500 * 0.96 < found.trusted_rps <= 500
    assert found.trusted_cpu_ratio == pytest.approx(found.trusted_rps / 1000)
    assert found.trusted_lag_p99_s == pytest.approx(found.trusted_rps / 1e6)
    assert found.untrusted_reason == TOO_MUCH
    assert {order.url for order in bench.orders} == {NULL}
    assert len(bench.steps) == len(bench.orders)
    assert "one user" in bench.steps[0]
    assert "32 users, window 5 of 5" in bench.steps[5]
    assert "requests/s, open model" in bench.steps[6]


def test_where_no_rate_can_be_trusted_there_is_none_and_failures_are_added_up() -> None:
    found = Bench({"connection reset": 2}).measure(most_rps=0)
    assert (found.trusted_rps, found.trusted_cpu_ratio, found.trusted_lag_p99_s) == (None, None, None)
    assert found.untrusted_reason == TOO_MUCH
    assert found.error_kinds == {"connection reset": 12}
    bench = Bench(responds=False)  # not a single response: no rate is offered
    assert bench.measure(most_rps=500).trusted_rps is None
    assert not any(isinstance(order.load, RateLoad) for order in bench.orders)


def search(trusted_offers: dict[int, bool], *, otherwise: bool) -> tuple[float | None, list[float]]:
    """Look for a rate from 100 to 1,000; the offers, from 0, that are trusted or not, and the others."""
    offers: list[float] = []

    def offer(rate_rps: float) -> RoundDone:
        offers.append(rate_rps)
        return DONE

    def why_untrusted(_done: RoundDone) -> str | None:
        return None if trusted_offers.get(len(offers) - 1, otherwise) else TOO_MUCH

    trusted, _ = find_highest(1000, offer, why_untrusted)
    return (trusted[0] if trusted else None), offers


def test_a_rate_that_failed_is_offered_once_more_before_it_counts() -> None:
    found, offers = search({0: False}, otherwise=True)
    assert offers[1] == offers[0]
    assert found == pytest.approx(1000, rel=0.04)
    found, offers = search({0: False, 1: False}, otherwise=True)
    assert offers[2] < offers[0]
    assert found == pytest.approx(offers[0], rel=0.04)
    found, offers = search({}, otherwise=False)
    assert found is None
    assert len(offers) == 2 * OPEN_STEPS
    assert offers[-1] == pytest.approx(100, rel=0.04)


REQUEST = b"GET /any HTTP/1.1\r\nHost: here\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
CPUS = tuple(os.sched_getaffinity(0))


def connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    assert parts.hostname == "127.0.0.1"
    assert parts.port is not None
    return socket.create_connection((parts.hostname, parts.port), timeout=60)


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_it_responds_to_every_request_on_a_kept_connection_on_either_loop_until_its_context_ends(
    tmp_path: Path, loop: str
) -> None:
    if loop == "asyncio":
        (tmp_path / "uvloop.py").write_text("raise ImportError")
    with start_null_server(tmp_path / "log", CPUS) as url, connect(url) as client:
        for _ in range(3):
            client.sendall(REQUEST)
            assert client.recv(1000) == RESPONSE
    with pytest.raises(ConnectionRefusedError):  # it ended with its context
        connect(url)


def test_an_unfinished_request_has_no_response_until_it_is_finished(tmp_path: Path) -> None:
    with start_null_server(tmp_path / "log", CPUS) as url, connect(url) as client, connect(url) as other:
        client.sendall(b"GET / HTTP/1.1\r\n")
        other.sendall(REQUEST)
        assert other.recv(1000) == RESPONSE  # so that the server has had the time
        client.settimeout(0)
        with pytest.raises(BlockingIOError):
            client.recv(1000)
        client.settimeout(60)
        client.sendall(b"Host: here\r\n\r\n")
        assert client.recv(1000) == RESPONSE


def test_one_that_does_not_start_is_an_error_with_its_log(tmp_path: Path) -> None:
    (tmp_path / "uvloop.py").write_text("raise SystemExit('no loop today')")
    with (
        pytest.raises(ServerError, match=r"did not start[^$]*no loop today"),
        start_null_server(tmp_path / "log", CPUS),
    ):
        pass
