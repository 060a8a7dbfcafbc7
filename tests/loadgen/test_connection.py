import errno
import socket
import threading
import tracemalloc
from collections.abc import Callable

import gevent
import gevent.socket
import pytest

from portcompare.http.requests import Address, encode_request, http_request
from portcompare.http.responses import (
    BODY_TOO_LARGE,
    HEAD_TOO_LARGE,
    INCOMPLETE,
    INTERIM_TOO_LARGE,
    INVALID_HTTP,
    MAX_BODY_BYTES,
    SURPLUS,
)
from portcompare.loadgen.connection import (
    NO_FILE_LEFT,
    UNREACHABLE,
    UNRESOLVABLE,
    Connection,
)
from portcompare.wire.protocol import CLOSED, REFUSED, RESET, TIMEOUT
from tests.loadgen.scripted import (
    OK,
    Peer,
    Play,
    alternating,
    responding,
    responding_once,
    serve,
)

Connect = Callable[..., Connection]

GET = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 1\r\n\r\n1"
PART_OF_A_BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart"
LAST = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
MEGABYTE = 1 << 20


@pytest.mark.parametrize(
    ("response", "ends"),
    [
        (OK, False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", False),
        (b"HTTP/1.1 204 No Content\r\n\r\n", False),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n", False),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK, False),
        (LAST, True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", True),
        (b"HTTP/1.1 200 OK\r\n\r\nok until the end", True),
        (b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", True),
    ],
)
def test_a_complete_response_leaves_the_connection_usable_or_ends_it_and_the_next_has_its_own(
    connect: Connect, response: bytes, *, ends: bool
) -> None:
    with serve(responding_once(response) if ends else responding(response)) as server:
        connection = connect(server.url)
        for number in range(3):
            assert connection.exchange(GET) is None
            assert connection.response.received_bytes == len(response)
            assert connection.reconnects == number * ends
    assert server.connections == connection.made == (3 if ends else 1)


@pytest.mark.parametrize("end", ["close", "half-close", "reset", "408"])
@pytest.mark.parametrize("request_", [GET, POST], ids=["GET", "POST"])
def test_an_idle_connection_that_the_server_closed_is_replaced_and_counted_before_anything_is_sent(
    connect: Connect, request_: bytes, end: str
) -> None:
    may_end, ended = threading.Semaphore(0), threading.Semaphore(0)

    def play(peer: Peer) -> None:
        for _ in range(3):
            peer.take_request()
            peer.sock.sendall(OK)
        assert may_end.acquire(timeout=20)  # the client has read the response
        if end == "408":
            peer.sock.sendall(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
        if end == "half-close":
            peer.sock.shutdown(socket.SHUT_WR)
        else:
            (peer.reset if end == "reset" else peer.sock.close)()
        ended.release()
        if end == "half-close":
            peer.take_request()

    with serve(play) as server:
        connection = connect(server.url)
        for number in range(9):
            assert connection.exchange(request_) is None
            if number % 3 == 2:
                may_end.release()
                assert ended.acquire(timeout=20)
    assert (server.connections, len(server.requests)) == (3, 9)
    assert (connection.reconnects, connection.closed_unannounced) == (2, 2)


@pytest.mark.parametrize(
    ("beginning", "end", "kind"),
    [
        (b"", "close", CLOSED),
        (b"", "reset", RESET),
        (PART_OF_A_BODY, "close", INCOMPLETE),
        (PART_OF_A_BODY, "reset", RESET),
    ],
)
@pytest.mark.parametrize("request_", [GET, POST], ids=["GET", "POST"])
def test_a_request_that_was_sent_is_never_sent_again(
    connect: Connect, request_: bytes, beginning: bytes, end: str, kind: str
) -> None:
    def play(peer: Peer) -> None:
        peer.take_request()
        peer.sock.sendall(OK)
        peer.take_request()
        peer.sock.sendall(beginning)
        if end == "reset":
            peer.reset()

    with serve(play) as server:
        connection = connect(server.url)
        assert [connection.exchange(request_) for _ in range(4)] == [None, kind] * 2
    assert [number for number, _ in server.requests] == [0, 0, 1, 1]
    assert (connection.reconnects, connection.closed_unannounced) == (0, 0)


@pytest.mark.parametrize(
    ("broken", "kind"),
    [
        (responding_once(b"HTTP/1.1 200 OK\r\nContent-Le"), INCOMPLETE),
        (responding_once(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"), INCOMPLETE),
        (responding_once(b"SSH-2.0-OpenSSH_9.6\r\n"), INVALID_HTTP),
        (responding_once(OK + OK), SURPLUS),
        (responding_once(OK + b"?"), SURPLUS),
    ],
    ids=["head", "chunks", "no HTTP", "two responses", "a longer body"],
)
def test_each_way_to_break_a_response_has_its_kind_and_spoils_no_later_one(
    connect: Connect, broken: Play, kind: str
) -> None:
    with serve(alternating(broken, responding_once(LAST))) as server:
        connection = connect(server.url)
        for number in range(2):
            assert connection.exchange(GET) == kind
            # Every other connection follows an announced end and counts; the rest follow a failure.
            assert connection.reconnects == number
            assert connection.exchange(GET) is None
            assert connection.response.received_bytes == len(LAST)


@pytest.mark.parametrize("surplus", [OK, b"?", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_what_comes_after_a_response_fails_the_next_request_which_is_not_sent(
    connect: Connect, surplus: bytes
) -> None:
    may_send, sent = threading.Event(), threading.Event()

    def play(peer: Peer) -> None:
        peer.take_request()
        peer.sock.sendall(OK)
        if not peer.number:
            assert may_send.wait(20)
            peer.sock.sendall(surplus)
            sent.set()
        peer.take_request()

    with serve(play) as server:
        connection = connect(server.url)
        assert connection.exchange(GET) is None
        may_send.set()
        assert sent.wait(20)
        assert [connection.exchange(GET) for _ in range(2)] == [SURPLUS, None]
    assert [number for number, _ in server.requests] == [0, 1]


@pytest.mark.parametrize(
    ("host", "kind"),
    [
        ("nowhere.invalid", UNRESOLVABLE),
        ("a" * 64 + ".invalid", UNRESOLVABLE),  # no host name
        ("255.255.255.255", UNREACHABLE),
    ],
)
def test_a_host_that_cannot_be_connected_to_has_its_kind(connect: Connect, host: str, kind: str) -> None:
    assert connect(f"http://{host}:80").exchange(GET) == kind


@pytest.mark.parametrize("error", [errno.EMFILE, errno.ENFILE])
def test_without_a_free_file_the_failure_has_its_kind_for_names_too(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    def no_file(*_: object) -> None:
        raise OSError(error, "too many open files")

    with serve(responding(OK)) as server:
        connection = connect(server.url)
        with monkeypatch.context() as patch:
            patch.setattr(gevent.socket, "socket", no_file)
            assert connection.exchange(GET) == NO_FILE_LEFT
            # The resolver hides that it had no file.
            patch.setattr(gevent.socket, "getaddrinfo", lambda *_: (_ for _ in ()).throw(socket.gaierror()))
            assert connection.exchange(GET) == NO_FILE_LEFT
        assert connection.exchange(GET) is None


@pytest.mark.parametrize("beginning", [b"", PART_OF_A_BODY])
def test_a_response_over_the_time_limit_fails_and_the_next_has_a_connection_of_its_own(
    connect: Connect, beginning: bytes
) -> None:
    def stall(peer: Peer) -> None:
        peer.take_request()
        peer.sock.sendall(beginning)
        peer.wait()

    with serve(alternating(stall, responding_once(OK))) as server:
        connection = connect(server.url, time_limit_s=0.1)
        assert connection.exchange(GET) == TIMEOUT
        assert connection.latency_s >= 0.1
        later = connect(server.url)
        assert later.exchange(GET) is None
    assert connection.reconnects == 0


def test_a_connection_whose_user_is_stopped_leaves_no_socket(connect: Connect) -> None:
    def take_and_wait(peer: Peer) -> None:
        if peer.take_request():
            peer.wait()

    with serve(take_and_wait) as server:
        connection = connect(server.url)
        user = gevent.spawn(connection.exchange, GET)
        while not server.requests:
            gevent.sleep(0.001)
        user.kill()
        assert user.dead
        connection.close()


def test_a_request_arrives_as_declared(connect: Connect) -> None:
    body = "größe=" + "1" * 4_000_000  # more than a socket takes at once
    request = encode_request(http_request("/items?a=1", method="POST", body=body), "here")
    with serve(responding(OK)) as server:
        assert connect(server.url).exchange(request) is None
    assert server.requests == [(0, request)]


def sending(beginning: bytes, endless: bytes) -> Play:
    """A script: a response that begins so, and goes on so until the client closes the connection."""
    much = endless * (MEGABYTE // len(endless))

    def play(peer: Peer) -> None:
        peer.take_request()
        peer.sock.sendall(beginning)
        while True:
            peer.sock.sendall(much)

    return play


HEAD = b"HTTP/1.1 200 OK\r\n"
INTERIM = b"HTTP/1.1 102 Processing\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("play", "kind", "bound_bytes"),
    [
        (sending(HEAD, b"X-Filler: 01234567\r\n"), HEAD_TOO_LARGE, 4 * MEGABYTE),
        (sending(HEAD + b"X: ", b"x"), HEAD_TOO_LARGE, 4 * MEGABYTE),
        (sending(INTERIM + b"\r\n" + HEAD + b"X: ", b"x"), HEAD_TOO_LARGE, 4 * MEGABYTE),
        (sending(INTERIM + b"X: ", b"x"), INTERIM_TOO_LARGE, 4 * MEGABYTE),
        (sending(b"", INTERIM + b"\r\n"), INTERIM_TOO_LARGE, 4 * MEGABYTE),
        (sending(HEAD + b"\r\n", b"x"), BODY_TOO_LARGE, 2 * MAX_BODY_BYTES),
        (sending(HEAD + b"Content-Length: 99999999\r\n\r\n", b"x"), BODY_TOO_LARGE, 2 * MAX_BODY_BYTES),
        (sending(CHUNKED, b"400\r\n" + b"x" * 1024 + b"\r\n"), BODY_TOO_LARGE, 2 * MAX_BODY_BYTES),
        (sending(CHUNKED + b"0\r\n", b"X-Trailer: y\r\n"), TIMEOUT, 4 * MEGABYTE),
    ],
    ids=["headers", "a header", "after 1xx", "in 1xx", "1xx", "body", "length", "chunks", "trailers"],
)
def test_a_response_without_end_has_a_kind_and_neither_holds_nor_fills_the_generator(
    connect: Connect, play: Play, kind: str, bound_bytes: int
) -> None:
    with serve(play) as server:
        connection = connect(server.url, time_limit_s=0.3 if kind is TIMEOUT else 20.0)
        tracemalloc.start()
        try:
            assert connection.exchange(GET) == kind
            assert len(connection.response.body) <= MAX_BODY_BYTES
            assert tracemalloc.get_traced_memory()[1] < bound_bytes
        finally:
            tracemalloc.stop()


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names that were resolved, each to an address of either family."""
    names: list[str] = []

    def resolve(host: str, port: int, _family: int, kind: int) -> list[object]:
        names.append(host)
        places = [(socket.AF_INET6, ("::1", port, 0, 0)), (socket.AF_INET, ("127.0.0.1", port))]
        return [(family, kind, 6, "", place) for family, place in places]

    monkeypatch.setattr(gevent.socket, "getaddrinfo", resolve)
    return names


@pytest.mark.usefixtures("resolved")
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_name_with_addresses_of_both_families_is_reached_at_the_one_that_listens(
    connect: Connect, host: str
) -> None:
    with serve(responding(OK), host) as server:
        assert connect(f"http://both.test:{server.port}").exchange(GET) is None
        assert connect(server.url).exchange(GET) is None  # the address of an IPv6 host in brackets
    assert connect(f"http://both.test:{server.port}").exchange(GET) == REFUSED


def test_a_name_is_resolved_once_and_again_after_a_connection_to_its_address_failed(
    connect: Connect, resolved: list[str]
) -> None:
    def respond_and_stop_listening(peer: Peer) -> None:
        responding_once(LAST)(peer)
        if peer.number == 2:
            server.stop_listening()

    with serve(respond_and_stop_listening) as server:
        connection = connect(f"http://both.test:{server.port}")
        assert [connection.exchange(GET) for _ in range(3)] == [None] * 3
        server.stop_listening()
        assert resolved == ["both.test"]
        # To the known address first; from then on the name is resolved each time.
        assert [connection.exchange(GET) for _ in range(3)] == [REFUSED] * 3
    assert resolved == ["both.test"] * 3


@pytest.mark.parametrize(
    ("url", "secure", "host", "port", "netloc"),
    [
        ("http://example.org", False, "example.org", 80, "example.org"),
        ("http://Example.org:8080/path?query", False, "example.org", 8080, "Example.org:8080"),
        ("http://[::1]:8001", False, "::1", 8001, "[::1]:8001"),
        ("https://example.org", True, "example.org", 443, "example.org"),
        ("https://[::1]", True, "::1", 443, "[::1]"),
    ],
)
def test_an_address_is_host_and_port_and_what_the_host_header_says(
    url: str, *, secure: bool, host: str, port: int, netloc: str
) -> None:
    assert Address.of(url) == Address(secure=secure, host=host, port=port, netloc=netloc)
