"""How many requests a server handles at once, by the times that they take when they are sent together."""

import asyncio
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from portcompare.errors import MeasurementError
from portcompare.http.requests import http_request
from portcompare.records.rounds import Usage
from portcompare.serve import slots
from portcompare.serve.slots import observe_slots
from tests.loadgen.scripted import Peer, response_of, serve

HELD_S = 0.1
GET = http_request("/")


def server(cpu_s: float = 0.0, url: str = "http://h:1") -> Any:  # noqa: ANN401 - a server's stand-in
    """A server that takes so much more CPU time from one look to the next."""
    readings = iter(range(1000))
    return SimpleNamespace(url=url, usage=lambda: Usage(cpu_s=cpu_s * next(readings), rss_bytes=0))


def waves(at_once: int) -> Callable[[int], list[float]]:
    return lambda number: [HELD_S * (1 + place // at_once) for place in range(number)]


def sent_late(number: int) -> list[float]:
    """One after the other, and sent only when all are done."""
    return [HELD_S * number] * number


def spread(number: int) -> list[float]:
    """All at once, each slowed down by those before it."""
    return [HELD_S * (1 + place / 10) for place in range(number)]


def observe(
    monkeypatch: pytest.MonkeyPatch,
    took_s: Callable[[int], list[float]],
    *,
    most: int = 64,
    cpu_s: float = 0.0,
) -> int | None:
    async def send(_server: object, _request: object, number: int) -> list[float]:
        await asyncio.sleep(0)
        return took_s(number)

    monkeypatch.setattr(slots, "_send_together", send)
    return observe_slots(server(cpu_s), GET, most=most)


@pytest.mark.parametrize(
    ("took_s", "found"),
    [
        *((waves(limit), limit) for limit in (1, 2, 3, 6, 8, 33, 63)),
        (waves(64), None),
        (sent_late, 1),
        (spread, None),
        (lambda number: [each / 10 for each in waves(1)(number)], None),  # too short to tell
    ],
)
def test_those_that_end_in_the_time_of_one_are_handled_at_once(
    monkeypatch: pytest.MonkeyPatch, took_s: Callable[[int], list[float]], found: int | None
) -> None:
    assert observe(monkeypatch, took_s) == found
    assert observe(monkeypatch, took_s, cpu_s=10.0) is None  # then the CPU may be why they wait


def test_no_more_are_sent_than_are_of_interest(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = []

    def took_s(number: int) -> list[float]:
        sent.append(number)
        return waves(6)(number)

    assert observe(monkeypatch, took_s, most=6) is None
    assert max(sent) == 6


@pytest.mark.parametrize(("limits", "found"), [((2, 3, 3), 3), ((3, 4), 4), ((2, 3, 0), None)])
def test_a_limit_counts_if_it_is_seen_twice(
    monkeypatch: pytest.MonkeyPatch, limits: tuple[int, ...], found: int | None
) -> None:
    disturbed = iter(limits)

    def took_s(number: int) -> list[float]:
        if number != 4:
            return waves(4)(number)
        first = next(disturbed)
        return [HELD_S] * first + [HELD_S * (2 if first else 1.5)] * (4 - first)

    assert observe(monkeypatch, took_s) == found


def test_what_fails_shows_no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(number: int) -> list[float]:
        raise MeasurementError(f"after {number}")

    assert observe(monkeypatch, fail) is None


def test_a_lock_around_the_handler_is_seen_on_a_real_server() -> None:
    lock = threading.Lock()

    def play(peer: Peer) -> None:
        while request := peer.take_request():
            with lock:
                time.sleep(0.05)
            peer.sock.sendall(response_of("500 No" if b" /broken " in request else "200 OK", b""))

    with serve(play) as running:
        locked = server(url=running.url)
        assert observe_slots(locked, http_request("/broken")) is None
        found = (observe_slots(locked, GET) for _ in range(10))  # where a busy machine hides it, again
        assert next(filter(None, found)) == 1
