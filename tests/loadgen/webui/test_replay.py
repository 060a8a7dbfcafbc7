from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from gevent import socket
from gevent.pywsgi import WSGIServer

from portcompare.loadgen.webui.board import Board
from portcompare.loadgen.webui.replay import replaying
from portcompare.wire.ui_protocol import UiPlan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

QUESTION = "GET /side-by-side.json HTTP/1.1"


class Asked:
    """An application that counts how often it is asked, and lets in those with a cookie alone."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        self.times += 1
        environ["wsgi.input"].read()
        cookie = environ.get("HTTP_COOKIE")
        told = [("Set-Cookie", "a=b")] if cookie == "new" else []
        start_response("200 OK" if cookie in ("known", "new") else "401 Unauthorized", told)
        return [b"figures" if cookie else b"log in"]


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def board() -> Board:
    return Board(UiPlan(name="", arms=()), Path("nowhere"))


@pytest.fixture
def viewer(asked: Asked, board: Board) -> Iterator[socket.socket]:
    handler = replaying("/side-by-side.json", board)
    server = WSGIServer(("127.0.0.1", 0), asked, log=None, handler_class=handler)
    server.start()
    with socket.create_connection(server.address, timeout=10) as connection:
        yield connection
    server.stop()


def ask(viewer: socket.socket, question: str = QUESTION, cookie: str = "known", more: str = "") -> bytes:
    """One question over the connection; what is answered, without its head."""
    viewer.sendall(f"{question}\r\nHost: localhost\r\nCookie: {cookie}\r\n{more}\r\n".encode())
    return receive(viewer)


def receive(viewer: socket.socket) -> bytes:
    said = b""
    while b"\r\n\r\n" not in said:
        said += take(viewer)
    head, _, body = said.partition(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length:"))
    while len(body) < length:
        body += take(viewer)
    return body


def take(viewer: socket.socket) -> bytes:
    said: bytes = viewer.recv(65536)
    assert said, "the connection has ended"
    return said


def test_the_same_question_is_answered_once_until_there_is_something_new(
    asked: Asked, board: Board, viewer: socket.socket
) -> None:
    for _ in range(200):
        assert ask(viewer) == b"figures"
    assert asked.times == 1
    board.tick("running")
    assert ask(viewer) == b"figures"
    assert asked.times == 2


def test_whoever_asks_with_another_cookie_or_another_way_is_asked_for_himself(
    asked: Asked, viewer: socket.socket
) -> None:
    assert ask(viewer) == b"figures"
    assert ask(viewer, cookie="") == b"log in"
    assert ask(viewer, cookie="") == b"log in"  # a refusal is not kept
    assert ask(viewer, "POST /side-by-side.json HTTP/1.1") == b"figures"
    assert ask(viewer, "GET /side-by-side.csv HTTP/1.1") == b"figures"
    assert asked.times == 5


def test_an_answer_that_sets_a_cookie_is_for_one_alone(asked: Asked, viewer: socket.socket) -> None:
    assert ask(viewer, cookie="new") == b"figures"
    assert ask(viewer, cookie="new") == b"figures"
    assert asked.times == 2


def test_a_question_with_a_body_is_read_to_its_end(asked: Asked, viewer: socket.socket) -> None:
    for _ in range(2):
        viewer.sendall(
            f"{QUESTION}\r\nHost: localhost\r\nCookie: known\r\nContent-Length: 4\r\n\r\n".encode()
        )
        viewer.sendall(b"body")
        assert receive(viewer) == b"figures"
    assert asked.times == 2


def test_questions_that_come_together_or_in_parts_are_all_answered(viewer: socket.socket) -> None:
    question = f"{QUESTION}\r\nHost: localhost\r\nCookie: known\r\n\r\n".encode()
    ask(viewer)
    viewer.sendall(question * 2)
    viewer.sendall(question[:40])
    viewer.sendall(question[40:])
    found = b""
    while found.count(b"figures") < 3:
        found += take(viewer)
    assert found.count(b"200 OK") == 3
