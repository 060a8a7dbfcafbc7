from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gevent import socket
from gevent.pywsgi import WSGIServer

from portcompare.loadgen.webui.board import Board, replaying
from portcompare.wire.protocol import UiPlan

LINE = "GET /side-by-side.json HTTP/1.1"


class App:
    """Counts its requests, and serves its figures to those with a cookie only."""

    def __init__(self) -> None:
        self.requests = 0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        self.requests += 1
        environ["wsgi.input"].read()
        cookie = environ.get("HTTP_COOKIE")
        headers = [("Set-Cookie", "a=b")] if cookie == "new" else []
        start_response("200 OK" if cookie in ("known", "new") else "401 Unauthorized", headers)
        return [b"figures" if cookie else b"log in"]


@pytest.fixture
def app() -> App:
    return App()


@pytest.fixture
def board() -> Board:
    return Board(UiPlan(name="", arms=()), Path("nowhere"))


@pytest.fixture
def viewer(app: App, board: Board) -> Iterator[socket.socket]:
    handler = replaying("/side-by-side.json", board)
    server = WSGIServer(("127.0.0.1", 0), app, log=None, handler_class=handler)
    server.start()
    with socket.create_connection(server.address, timeout=10) as connection:
        yield connection
    server.stop()


def request(viewer: socket.socket, line: str = LINE, cookie: str = "known", body: str = "") -> bytes:
    """Send one request over the connection; returns the body of the response."""
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    viewer.sendall(f"{line}\r\nHost: localhost\r\nCookie: {cookie}\r\n{length}\r\n".encode())
    viewer.sendall(body.encode())
    return receive_body(viewer)


def receive_body(viewer: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        received += receive(viewer)
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length:"))
    while len(body) < length:
        body += receive(viewer)
    return body


def receive(viewer: socket.socket) -> bytes:
    received: bytes = viewer.recv(65536)
    assert received, "the connection has been closed"
    return received


def test_the_same_request_reaches_the_app_once_a_snapshot(
    app: App, board: Board, viewer: socket.socket
) -> None:
    for _ in range(200):
        assert request(viewer) == b"figures"
    assert app.requests == 1
    board.tick("running")
    assert request(viewer) == b"figures"
    assert app.requests == 2


def test_a_request_with_another_cookie_method_or_path_reaches_the_app(
    app: App, viewer: socket.socket
) -> None:
    assert request(viewer) == b"figures"
    assert request(viewer, cookie="") == b"log in"
    assert request(viewer, cookie="") == b"log in"  # a refusal is not kept
    assert request(viewer, "POST /side-by-side.json HTTP/1.1") == b"figures"
    assert request(viewer, "GET /side-by-side.csv HTTP/1.1") == b"figures"
    assert app.requests == 5


@pytest.mark.parametrize("fields", [{"cookie": "new"}, {"body": "body"}])
def test_a_response_that_sets_a_cookie_or_a_request_with_a_body_is_not_replayed(
    app: App, viewer: socket.socket, fields: dict[str, str]
) -> None:
    for _ in range(2):
        assert request(viewer, **fields) == b"figures"
    assert app.requests == 2


def test_requests_that_come_together_or_in_parts_all_have_responses(viewer: socket.socket) -> None:
    head = f"{LINE}\r\nHost: localhost\r\nCookie: known\r\n\r\n".encode()
    request(viewer)
    viewer.sendall(head * 2)
    viewer.sendall(head[:40])
    viewer.sendall(head[40:])
    received = b""
    while received.count(b"figures") < 3:
        received += receive(viewer)
    assert received.count(b"200 OK") == 3
