"""What a hostile server can do to the load generator: be counted, and nothing else."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import psutil
import pytest

from portcompare.loadgen.response import BODY_TOO_LARGE, HEAD_TOO_LARGE, INTERIM_TOO_LARGE, MAX_BODY_BYTES
from tests.loadgen.generator import GET
from tests.loadgen.scripted import serve

if TYPE_CHECKING:
    from tests.loadgen.generator import Generator
    from tests.loadgen.scripted import Peer, Play

TIMEOUT = "no whole answer in time"
MEGABYTE = 1 << 20


def sending(beginning: bytes, endless: bytes) -> Play:
    """A script: an answer that begins so, and goes on so until the client has had enough."""
    much = endless * (MEGABYTE // len(endless))

    def play(peer: Peer) -> None:
        peer.take_request()
        peer.sock.sendall(beginning)
        while True:
            peer.sock.sendall(much)

    return play


def reset(peer: Peer) -> None:
    peer.take_request()
    peer.reset()


@pytest.mark.parametrize(
    ("play", "kind", "bound_bytes"),
    [
        (
            sending(b"HTTP/1.1 200 OK\r\n", b"X-Filler: 0123456789abcdef\r\n"),
            HEAD_TOO_LARGE,
            8 * MEGABYTE,
        ),
        (sending(b"HTTP/1.1 200 OK\r\nX: ", b"x"), HEAD_TOO_LARGE, 8 * MEGABYTE),
        (sending(b"", b"HTTP/1.1 102 Processing\r\n\r\n"), INTERIM_TOO_LARGE, 8 * MEGABYTE),
        (sending(b"HTTP/1.1 200 OK\r\n\r\n", b"x"), BODY_TOO_LARGE, 3 * MAX_BODY_BYTES),
        (
            sending(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"400\r\n" + b"x" * 1024 + b"\r\n"
            ),
            BODY_TOO_LARGE,
            4 * MAX_BODY_BYTES,
        ),
        (
            sending(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X-Trailer: y\r\n"),
            TIMEOUT,
            8 * MEGABYTE,
        ),
        (reset, "connection reset", 8 * MEGABYTE),
    ],
    ids=["headers", "a header", "1xx", "body", "chunks", "trailers", "resets"],
)
def test_what_has_no_end_has_a_kind_and_neither_holds_nor_fills_the_generator(
    generator: Generator, play: Play, kind: str, bound_bytes: int
) -> None:
    generator.prepare(scenario=GET)  # once it answers it has grown by all that it imports
    process = psutil.Process(generator.process.pid)
    before_bytes = process.memory_info().rss
    seen_bytes = [before_bytes]
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.005):
            seen_bytes.append(process.memory_info().rss)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        with serve(play) as server:
            done = generator.run(server.url, users=2, window_s=0.6, timeout_s=0.5)
    finally:
        ended.set()
        watching.join()
    assert set(done.load.error_kinds) == {kind}
    assert done.load.requests == 0
    assert done.load.failure is None
    assert server.connections >= 4  # it went on
    assert max(seen_bytes) - before_bytes < bound_bytes
