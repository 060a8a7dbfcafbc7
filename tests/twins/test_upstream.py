"""What the twins make of an upstream: its message, or why there is none."""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import create_server
from typing import Any, Protocol

import pytest

import async_quart.app
import async_quart.config
import sync_flask.app
import sync_flask.config
import sync_flask.upstream
from tests.twins.sending import MakeSender, Send

# Status, Content-Type, JSON.
Answer = tuple[int, str | None, Any]

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


class Ask(Protocol):
    """Ask a new application once or more while it serves; status, Content-Type and JSON of each answer."""

    def __call__(self, environ: Mapping[str, str], target: str, times: int = 1) -> list[Answer]: ...


def ask_flask(environ: Mapping[str, str], target: str, times: int = 1) -> list[Answer]:
    app = sync_flask.app.create_app(sync_flask.config.Config.from_environ(environ))
    answers = [app.test_client().get(target) for _ in range(times)]
    return [(answer.status_code, answer.content_type, answer.get_json()) for answer in answers]


def ask_quart(environ: Mapping[str, str], target: str, times: int = 1) -> list[Answer]:
    app = async_quart.app.create_app(async_quart.config.Config.from_environ(environ))

    async def ask() -> list[Answer]:
        async with app.test_app() as serving:  # at its end the connections are closed
            answers = [await serving.test_client().get(target) for _ in range(times)]
            return [(answer.status_code, answer.content_type, await answer.get_json()) for answer in answers]

    return asyncio.run(ask())


@pytest.fixture
def ask(twin: str) -> Ask:
    return {"sync_flask": ask_flask, "async_quart": ask_quart}[twin]


def assert_problem(answer: Answer, status: int, detail: str) -> None:
    found, content_type, problem = answer
    assert found == problem["status"] == status
    assert content_type == "application/problem+json"
    assert problem["detail"] == detail


def test_the_message_is_that_of_the_upstream(ask: Ask, upstream: Upstream) -> None:
    (answer,) = ask(upstream.environ, "/data/upstream?delay=0.25")

    assert answer == (200, "application/json", {"message": "Hello from upstream"})
    assert upstream.asked == ["/data?delay=0.25"]


def test_every_deployment_has_an_upstream(send: Send, request: pytest.FixtureRequest) -> None:
    answer = send("GET", "/data/upstream?delay=0.001")

    if request.node.callspec.params["send"] in ("sync_flask", "async_quart"):
        assert answer.status_code == 503
        assert answer.json()["detail"] == "No upstream is configured: DATA_UPSTREAM_URL is not set."
    else:
        assert answer.content == b'{"message":"Hello"}\n'


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, HELLO), (302, HELLO), (200, b"Hello"), (200, b"\xff"), (200, b"[]"), (200, b"{}"), (200, b"null")],
)
def test_an_upstream_that_fails_is_a_bad_gateway(
    ask: Ask, upstream: Upstream, status: int, body: bytes
) -> None:
    upstream.status, upstream.body = status, body

    (answer,) = ask(upstream.environ, "/data/upstream")

    assert_problem(answer, 502, "The upstream sent no valid response.")


def test_an_upstream_that_is_not_there_is_a_bad_gateway(ask: Ask) -> None:
    with create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]

    (answer,) = ask({"DATA_UPSTREAM_URL": f"http://127.0.0.1:{port}/"}, "/data/upstream")

    assert_problem(answer, 502, "The upstream sent no valid response.")


def test_an_upstream_that_is_too_slow_is_a_gateway_timeout(ask: Ask, upstream: Upstream) -> None:
    upstream.may_answer.clear()

    (answer,) = ask({**upstream.environ, "DATA_UPSTREAM_TIMEOUT_S": "0.05"}, "/data/upstream")

    assert_problem(answer, 504, "The upstream sent no response in time.")


def test_connections_are_kept(ask: Ask, upstream: Upstream) -> None:
    answers = ask(upstream.environ, "/data/upstream", sync_flask.upstream.CLIENTS + 2)

    assert {status for status, *_ in answers} == {200}
    assert len(upstream.connections) == sync_flask.upstream.CLIENTS


@pytest.mark.parametrize("found", ["", "127.0.0.1:8000", "ftp://host", "http://host/path", "http://u:p@host"])
def test_what_is_no_address_is_refused(make_sender: MakeSender, found: str) -> None:
    with pytest.raises(ValueError, match="DATA_UPSTREAM_URL") as caught:
        make_sender({"DATA_UPSTREAM_URL": found}, {})

    assert "it must be an address such as http://127.0.0.1:8000" in str(caught.value)
