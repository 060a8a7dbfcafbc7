from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from portcompare.http.requests import http_request
from portcompare.loadgen.response import GARBAGE, HALF, HEAD_TOO_LARGE
from tests.loadgen.scripted import OK, alternating, answering, answering_once, serve

if TYPE_CHECKING:
    from tests.loadgen.generator import Generator
    from tests.loadgen.scripted import Peer

REFUSED = "connection refused"
UNRESOLVABLE = "host cannot be resolved"
RESET = "connection reset"
CLOSED = "connection closed without an answer"
TIMEOUT = "no whole answer in time"
UNREACHABLE = "cannot connect"
HALF_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"


def take_and_close(peer: Peer) -> None:
    peer.take_request()


def take_and_reset(peer: Peer) -> None:
    peer.take_request()
    peer.reset()


@pytest.mark.parametrize(
    "answer",
    [
        OK,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK,
    ],
    ids=["content length", "chunked", "204", "304", "interim answers"],
)
def test_a_whole_answer_leaves_the_connection_usable(generator: Generator, answer: bytes) -> None:
    with serve(answering(answer)) as server:
        done = generator.run(server.url)
    assert done.load.error_kinds == {}
    assert done.load.failure is None
    assert done.load.requests > 0
    assert done.load.received_bytes_per_request == len(answer)
    assert done.load.reconnects == 0
    assert server.connections == generator.tries


@pytest.mark.parametrize("length", [b"Content-Length: 5000\r\n", b"", b"Transfer-Encoding: chunked\r\n"])
def test_a_head_request_needs_no_body_and_leaves_the_connection_usable(
    generator: Generator, length: bytes
) -> None:
    with serve(answering(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n")) as server:
        done = generator.run(server.url, http_request("/", method="HEAD"))
    assert server.requests[0][1].startswith(b"HEAD / HTTP/1.1\r\n")
    assert done.load.error_kinds == {}
    assert done.load.requests > 0
    assert done.load.reconnects == 0
    assert server.connections == generator.tries


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\n\r\nok until the end",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    ],
    ids=["connection: close", "HTTP/1.0", "body ended by the end", "upgrade"],
)
def test_an_answer_that_ends_the_connection_is_whole_and_the_next_one_has_its_own(
    generator: Generator, answer: bytes
) -> None:
    with serve(answering_once(answer)) as server:
        done = generator.run(server.url)
    assert done.load.error_kinds == {}
    assert done.load.requests > 0
    assert done.load.received_bytes_per_request == len(answer)
    assert done.load.requests - 2 <= done.load.reconnects <= done.load.requests + 2
    assert done.load.requests <= server.connections <= len(server.requests) + 1


@pytest.mark.parametrize("end", ["close", "reset"])
def test_a_keep_alive_connection_ended_by_the_server_is_made_again_and_counted(
    generator: Generator, end: str
) -> None:
    def play(peer: Peer) -> None:
        for _ in range(3):
            peer.take_request()
            peer.sock.sendall(OK)
        if end == "reset":
            peer.sock.recv(1, socket.MSG_PEEK)  # only now has the client read the answer
            peer.reset()

    with serve(play) as server:
        done = generator.run(server.url)
    assert done.load.error_kinds == {}
    assert done.load.requests > 0
    assert done.load.reconnects == pytest.approx(done.load.requests / 3, abs=2)


def test_a_request_on_an_ended_connection_is_sent_again_once_and_no_more(generator: Generator) -> None:
    def answer_one_and_close_on_the_next(peer: Peer) -> None:
        peer.take_request()
        peer.sock.sendall(OK)
        peer.take_request()

    with serve(alternating(answer_one_and_close_on_the_next, take_and_close)) as server:
        done = generator.run(server.url, window_s=0.6)
    # The second request fails on connection 0 and again on 1; the third succeeds on 2. Without a second
    # attempt there were two failures for each success, with a third attempt none.
    assert set(done.load.error_kinds) == {CLOSED}
    assert abs(done.load.error_kinds[CLOSED] - done.load.requests) <= 1
    assert done.load.requests > 1


def test_half_an_answer_on_a_kept_connection_is_a_failure_and_not_asked_for_again(
    generator: Generator,
) -> None:
    def play(peer: Peer) -> None:
        peer.take_request()
        peer.sock.sendall(OK)
        peer.take_request()
        peer.sock.sendall(HALF_ANSWER)

    with serve(play) as server:
        done = generator.run(server.url, window_s=0.5)
    assert set(done.load.error_kinds) == {HALF}
    assert abs(done.load.error_kinds[HALF] - done.load.requests) <= 1
    assert len(server.requests) <= 2 * server.connections


@pytest.mark.parametrize(
    ("broken", "kind"),
    [
        (answering_once(HALF_ANSWER), HALF),
        (answering_once(b"HTTP/1.1 200 OK\r\nContent-Le"), HALF),
        (answering_once(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"), HALF),
        (answering_once(b"SSH-2.0-OpenSSH_9.6\r\n"), GARBAGE),
        (answering_once(OK + b"and more"), GARBAGE),
        (answering_once(b"HTTP/1.1 200 OK\r\n" + b"X-Filler: 0123456789abcdef\r\n" * 40_000), HEAD_TOO_LARGE),
        (take_and_close, CLOSED),
        (take_and_reset, RESET),
    ],
    ids=[
        "half a body",
        "half a head",
        "half the chunks",
        "garbage",
        "more than an answer",
        "a megabyte of headers",
        "no answer",
        "reset",
    ],
)
def test_each_way_to_break_an_answer_has_its_kind_and_spoils_no_later_answer(
    generator: Generator, broken: object, kind: str
) -> None:
    assert callable(broken)
    answer_one = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
    with serve(alternating(broken, answering_once(answer_one))) as server:
        done = generator.run(server.url, window_s=0.35)
    assert set(done.load.error_kinds) == {kind}
    assert done.load.requests > 0
    assert abs(done.load.error_kinds[kind] - done.load.requests) <= 1
    # Every other connection follows an announced end and counts; the rest follow a failure and do not.
    assert abs(done.load.reconnects - done.load.error_kinds[kind]) <= 1
    assert done.load.received_bytes_per_request == len(answer_one)


def test_a_refused_connection_has_its_kind(generator: Generator) -> None:
    with socket.socket() as bound_but_deaf:
        bound_but_deaf.bind(("127.0.0.1", 0))
        done = generator.run(f"http://127.0.0.1:{bound_but_deaf.getsockname()[1]}")
    assert set(done.load.error_kinds) == {REFUSED}
    assert done.load.requests == 0
    assert done.load.latency_s is None
    assert done.load.received_bytes_per_request is None


@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 64 + ".invalid"], ids=["unknown", "no host name"])
def test_a_host_that_cannot_be_resolved_has_its_kind(generator: Generator, host: str) -> None:
    done = generator.run(f"http://{host}:80", window_s=0.3)
    assert set(done.load.error_kinds) == {UNRESOLVABLE}
    assert done.load.requests == 0


def test_an_address_that_cannot_be_reached_has_its_kind(generator: Generator) -> None:
    done = generator.run("http://255.255.255.255:80")
    assert set(done.load.error_kinds) == {UNREACHABLE}


def test_a_broken_exchange_is_followed_by_a_pause(generator: Generator) -> None:
    with serve(take_and_close) as server:
        done = generator.run(server.url, window_s=0.5)
    assert 2 <= done.load.error_kinds[CLOSED] <= 6


@pytest.mark.parametrize("beginning", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"])
def test_an_answer_over_the_time_limit_fails_and_the_user_goes_on(
    generator: Generator, beginning: bytes
) -> None:
    def stall(peer: Peer) -> None:
        peer.take_request()
        peer.sock.sendall(beginning)
        peer.wait()

    with serve(alternating(stall, answering_once(OK))) as server:
        done = generator.run(server.url, timeout_s=0.1, window_s=0.6)
    assert set(done.load.error_kinds) == {TIMEOUT}
    assert done.load.error_kinds[TIMEOUT] >= 2
    assert done.load.requests >= 1


def test_an_answer_within_the_time_limit_does_not_fail(generator: Generator) -> None:
    with serve(answering(OK, delay_s=0.1)) as server:
        done = generator.run(server.url, timeout_s=0.4, window_s=0.6)
    assert done.load.error_kinds == {}
    assert done.load.requests >= 3


def test_a_request_arrives_as_declared(generator: Generator) -> None:
    body = "größe=" + "1" * 4_000_000  # more than a socket takes at once
    request = http_request(
        "/items?a=1",
        method="POST",
        query={"b": ["2", "3"]},
        headers={"X-Token": "secret", "accept": "application/json"},
        body=body,
    )
    with serve(answering(OK)) as server:
        done = generator.run(server.url, request)
    head, _, received = server.requests[0][1].partition(b"\r\n\r\n")
    assert head.decode().split("\r\n") == [
        "POST /items?a=1&b=2&b=3 HTTP/1.1",
        f"Host: {server.url.removeprefix('http://')}",
        "User-Agent: portcompare",
        f"Content-Length: {len(body.encode())}",
        "X-Token: secret",
        "accept: application/json",
    ]
    assert received == body.encode()
    assert done.load.error_kinds == {}
    assert done.load.requests >= 1
