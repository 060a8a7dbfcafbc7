from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from portcompare.errors import ServerError
from portcompare.serve import measure_idle, wait_until_settled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portcompare.serve import RunningServer


def stand_in(port: int, *, is_alive: bool = True) -> RunningServer:
    """Whatever has an address and can tell that it lives."""

    def check_alive() -> None:
        if not is_alive:
            raise ServerError("it has ended")

    return cast("RunningServer", SimpleNamespace(url=f"http://127.0.0.1:{port}", check_alive=check_alive))


@contextmanager
def serve(slow: int, begun: threading.Event) -> Iterator[tuple[int, list[str]]]:
    """A server whose first answers are slow, as behind a queue; and what it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            if len(asked) <= slow:
                begun.wait(0.1)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port, asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("slow", [0, 2])
def test_a_server_has_settled_when_it_answers_quickly_a_few_times(slow: int) -> None:
    with serve(slow, threading.Event()) as (port, asked):
        assert wait_until_settled(stand_in(port), "/healthz", 0.01, limit_s=20)
        assert len(asked) >= slow + 3
        assert set(asked) == {"/healthz"}


def test_a_server_that_stays_slow_is_not_waited_for_without_end() -> None:
    with serve(10**6, threading.Event()) as (port, _):
        assert not wait_until_settled(stand_in(port), "/healthz", 0.01, limit_s=0.3)


def test_a_server_that_is_never_quick_has_settled_when_it_is_as_slow_as_when_idle() -> None:
    with serve(10**6, threading.Event()) as (port, _):
        idle_s = measure_idle(stand_in(port), "/healthz")
        assert idle_s >= 0.1
        assert wait_until_settled(stand_in(port), "/healthz", idle_s, limit_s=20)


def test_one_slow_answer_does_not_make_the_idle_server_slow() -> None:
    with serve(1, threading.Event()) as (port, asked):
        assert measure_idle(stand_in(port), "/healthz") < 0.1
        assert asked == ["/healthz"] * 3


def test_a_server_that_does_not_answer_is_not_waited_for_without_end() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        assert not wait_until_settled(stand_in(silent.getsockname()[1]), "/", 0.01, limit_s=0.2)


def test_a_server_that_has_ended_is_told_of() -> None:
    with pytest.raises(ServerError, match="ended"):
        wait_until_settled(stand_in(1, is_alive=False), "/", 0.01)
