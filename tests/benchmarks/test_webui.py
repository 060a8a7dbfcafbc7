import socket
from collections.abc import Iterator

import pytest

from benchmarks.webui import Viewer

QUESTION = b"GET / HTTP/1.1\r\n\r\n"
BODY = b"0123456789"


@pytest.fixture
def sides() -> Iterator[tuple[Viewer, socket.socket]]:
    own, server = socket.socketpair()
    with own, server:
        server.settimeout(0)
        yield Viewer(own, due_s=10.0), server


def test_an_response_is_whole_with_its_last_byte(sides: tuple[Viewer, socket.socket]) -> None:
    viewer, server = sides
    viewer.send(QUESTION)
    response = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n" + BODY
    taken = []
    for part in (response[:25], response[25:-4], response[-4:]):
        server.sendall(part)
        taken.append(viewer.take())
    assert taken == [False, False, True]


def test_who_waits_for_an_response_does_not_ask_and_is_due_a_second_later(
    sides: tuple[Viewer, socket.socket],
) -> None:
    viewer, server = sides
    viewer.send(QUESTION)
    viewer.send(QUESTION)
    assert (server.recv(1000), viewer.due_s) == (QUESTION, 12.0)
    server.sendall(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 0\r\n\r\n")
    assert viewer.take()
    viewer.send(QUESTION)
    assert (server.recv(1000), viewer.due_s) == (QUESTION, 13.0)


def test_a_connection_that_ends_is_no_response(sides: tuple[Viewer, socket.socket]) -> None:
    viewer, server = sides
    viewer.send(QUESTION)
    assert server.recv(1000) == QUESTION
    server.close()
    with pytest.raises(SystemExit, match="ended a viewer's connection"):
        viewer.take()
