import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket

import pytest

import sync_flask.upstream
from tests.twins.cases import Case, problem
from tests.twins.sending import MakeSender

HELLO = b'{"message":"Hello from upstream"}'


class Upstream(ThreadingHTTPServer):
    """Sends the same response to every request, and records the requests."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 200
        self.body = HELLO
        self.may_respond = threading.Event()
        self.may_respond.set()
        self.targets: list[str] = []
        self.connections: set[tuple[str, int]] = set()

    @property
    def environ(self) -> Mapping[str, str]:
        return {"DATA_UPSTREAM_URL": f"http://127.0.0.1:{self.server_address[1]}"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Upstream

    def do_GET(self) -> None:
        self.server.targets.append(self.path)
        self.server.connections.add(self.client_address)
        self.server.may_respond.wait()
        with suppress(ConnectionError):  # the client may have given up
            self.send_response(self.server.status)
            self.send_header("Content-Length", str(len(self.server.body)))
            self.end_headers()
            self.wfile.write(self.server.body)

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.may_respond.set()
        server.shutdown()
        thread.join()


def test_the_message_is_that_of_the_upstream(make_sender: MakeSender, upstream: Upstream) -> None:
    case = Case(target="/data/upstream?delay=0.25", body={"message": "Hello from upstream"})
    case.check(case.send(make_sender(upstream.environ)))
    assert upstream.targets == ["/data?delay=0.25"]


def test_an_upstream_that_fails_or_is_not_there_is_a_bad_gateway(
    make_sender: MakeSender, upstream: Upstream
) -> None:
    case = problem("/data/upstream", 502, "Bad Gateway", "The upstream sent no valid response.")
    send = make_sender(upstream.environ)
    bodies = (b"Hello", b"\xff", b"[]", b"{}", b"null")
    for status, body in ((500, HELLO), (302, HELLO), *((200, body) for body in bodies)):
        upstream.status, upstream.body = status, body
        case.check(case.send(send))
    with socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and does not listen, so a connection is refused
        address = f"http://127.0.0.1:{bound.getsockname()[1]}/"
        case.check(case.send(make_sender({"DATA_UPSTREAM_URL": address})))


def test_an_upstream_that_is_too_slow_is_a_gateway_timeout(
    make_sender: MakeSender, upstream: Upstream
) -> None:
    upstream.may_respond.clear()
    case = problem("/data/upstream", 504, "Gateway Timeout", "The upstream sent no response in time.")
    case.check(case.send(make_sender({**upstream.environ, "DATA_UPSTREAM_TIMEOUT_S": "0.05"})))


def test_connections_are_kept(make_sender: MakeSender, upstream: Upstream) -> None:
    send = make_sender(upstream.environ)
    responses = [send("GET", "/data/upstream") for _ in range(sync_flask.upstream.CLIENTS + 2)]

    assert {response.status_code for response in responses} == {200}
    assert len(upstream.connections) == sync_flask.upstream.CLIENTS
