"""What the twins make of an upstream: its message, or why there is none."""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import create_server

import httpx
import pytest

import async_quart.app
import async_quart.config
import sync_flask.app
import sync_flask.config
from tests.twins.sending import MakeSender, Send

HELLO = b'{"message":"Hello from upstream"}'


class Upstream(ThreadingHTTPServer):
    """Answers every request alike, and notes what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 200
        self.body = HELLO
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.asked: list[str] = []
        self.connections: set[tuple[str, int]] = set()

    @property
    def environ(self) -> Mapping[str, str]:
        return {"DATA_UPSTREAM_URL": f"http://127.0.0.1:{self.server_address[1]}"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Upstream

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.server.connections.add(self.client_address)
        self.server.may_answer.wait(20)
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
        server.may_answer.set()
        server.shutdown()
        thread.join()


def assert_problem(answer: httpx.Response, status: int, detail: str) -> None:
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert answer.json()["detail"] == detail


def test_the_message_is_that_of_the_upstream(make_sender: MakeSender, upstream: Upstream) -> None:
    answer = make_sender(upstream.environ, {})("GET", "/data/upstream?delay=0.25")

    assert answer.status_code == 200
    assert answer.json() == {"message": "Hello from upstream"}
    assert upstream.asked == ["/data?delay=0.25"]


def test_every_deployment_has_an_upstream(send: Send, request: pytest.FixtureRequest) -> None:
    answer = send("GET", "/data/upstream?delay=0.001")

    if request.node.callspec.params["send"] in ("sync_flask", "async_quart"):
        assert_problem(answer, 503, "No upstream is configured: DATA_UPSTREAM_URL is not set.")
    else:
        assert answer.content == b'{"message":"Hello"}\n'


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, HELLO), (302, HELLO), (200, b"Hello"), (200, b"\xff"), (200, b"[]"), (200, b"{}"), (200, b"null")],
)
def test_an_upstream_that_fails_is_a_bad_gateway(
    make_sender: MakeSender, upstream: Upstream, status: int, body: bytes
) -> None:
    upstream.status, upstream.body = status, body

    answer = make_sender(upstream.environ, {})("GET", "/data/upstream")

    assert_problem(answer, 502, "The upstream has not answered as it should.")


def test_an_upstream_that_is_not_there_is_a_bad_gateway(make_sender: MakeSender) -> None:
    with create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]

    answer = make_sender({"DATA_UPSTREAM_URL": f"http://127.0.0.1:{port}/"}, {})("GET", "/data/upstream")

    assert_problem(answer, 502, "The upstream has not answered as it should.")


def test_an_upstream_that_is_too_slow_is_a_gateway_timeout(
    make_sender: MakeSender, upstream: Upstream
) -> None:
    upstream.may_answer.clear()

    answer = make_sender(upstream.environ | {"DATA_UPSTREAM_TIMEOUT_S": "0.05"}, {})("GET", "/data/upstream")

    assert_problem(answer, 504, "The upstream has not answered in time.")


def test_flask_keeps_its_connections(upstream: Upstream) -> None:
    app = sync_flask.app.create_app(sync_flask.config.Config.from_environ(upstream.environ))

    statuses = [app.test_client().get("/data/upstream").status_code for _ in range(3)]

    assert statuses == [200] * 3
    assert len(upstream.connections) == 1


def test_quart_keeps_its_connections_as_long_as_it_serves(upstream: Upstream) -> None:
    app = async_quart.app.create_app(async_quart.config.Config.from_environ(upstream.environ))

    async def ask() -> list[int]:
        async with app.test_app() as serving:
            statuses = [(await serving.test_client().get("/data/upstream")).status_code for _ in range(3)]
        return [*statuses, (await app.test_client().get("/data/upstream")).status_code]

    assert asyncio.run(ask()) == [200, 200, 200, 500]  # the client is closed
    assert len(upstream.connections) == 1


@pytest.mark.parametrize("found", ["", "127.0.0.1:8000", "ftp://host", "http://host/path", "http://u:p@host"])
def test_what_is_no_address_is_refused(make_sender: MakeSender, found: str) -> None:
    with pytest.raises(ValueError, match="DATA_UPSTREAM_URL") as caught:
        make_sender({"DATA_UPSTREAM_URL": found}, {})

    assert "it must be an address such as http://127.0.0.1:8000" in str(caught.value)
