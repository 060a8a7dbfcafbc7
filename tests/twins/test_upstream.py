from collections.abc import Iterator
from socket import socket

import pytest

import sync_flask.upstream
from tests.loadgen.scripted import Peer, Play, ScriptedServer, responding, response_of, serve
from tests.twins.cases import Case, problem
from tests.twins.sending import MakeSender

HELLO = b'{"message":"Hello from upstream"}'


def environ(upstream: ScriptedServer) -> dict[str, str]:
    return {"DATA_UPSTREAM_URL": upstream.url}


def sending(status: int, body: bytes) -> Play:
    """Respond to everything alike."""
    return responding(response_of(f"{status} Whatever", body))


@pytest.fixture
def upstream() -> Iterator[ScriptedServer]:
    with serve(sending(200, HELLO)) as server:
        yield server


def test_the_message_is_that_of_the_upstream(make_sender: MakeSender, upstream: ScriptedServer) -> None:
    case = Case(target="/data/upstream?delay=0.25", body={"message": "Hello from upstream"})
    case.check(case.send(make_sender(environ(upstream))))
    [(_, request)] = upstream.requests
    assert request.startswith(b"GET /data?delay=0.25 HTTP/1.1\r\n")


def test_an_upstream_that_fails_or_is_not_there_is_a_bad_gateway(make_sender: MakeSender) -> None:
    case = problem("/data/upstream", 502, "Bad Gateway", "The upstream sent no valid response.")
    bodies = (b"Hello", b"\xff", b"[]", b"{}", b"null")
    for status, body in ((500, HELLO), (302, HELLO), *((200, body) for body in bodies)):
        with serve(sending(status, body)) as upstream:
            case.check(case.send(make_sender(environ(upstream))))
    with socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and does not listen, so a connection is refused
        address = f"http://127.0.0.1:{bound.getsockname()[1]}/"
        case.check(case.send(make_sender({"DATA_UPSTREAM_URL": address})))


def test_an_upstream_that_is_too_slow_is_a_gateway_timeout(make_sender: MakeSender) -> None:
    case = problem("/data/upstream", 504, "Gateway Timeout", "The upstream sent no response in time.")
    with serve(Peer.wait) as upstream:
        case.check(case.send(make_sender({**environ(upstream), "DATA_UPSTREAM_TIMEOUT_S": "0.05"})))


def test_connections_are_kept(make_sender: MakeSender, upstream: ScriptedServer) -> None:
    send = make_sender(environ(upstream))
    responses = [send("GET", "/data/upstream") for _ in range(sync_flask.upstream.CLIENTS + 2)]
    assert {response.status_code for response in responses} == {200}
    assert upstream.connections == sync_flask.upstream.CLIENTS
