import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from importlib import import_module
from typing import Any

import pytest

from portcompare.cli.options import SCHEMA_VERSION
from portcompare.measure.generator import LoadGenerator
from tests.cli.conftest import refused
from tests.conftest import Command
from tests.loadgen.scripted import OK, Peer, ScriptedServer, serve

Load = Callable[..., tuple[int, str, str]]


def respond(peer: Peer) -> None:
    while request := peer.take_request():
        if b" /events" in request:
            peer.sock.sendall(b"HTTP/1.1 200 OK\r\n\r\ndata: 1\n\n")
            peer.wait()
        peer.sock.sendall(OK.replace(b"200", b"500") if b"/broken" in request else OK)


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with serve(respond) as server:
        yield server


@pytest.fixture(scope="module")
def url(server: ScriptedServer) -> str:
    return server.url


@pytest.fixture
def load(command: Command, monkeypatch: pytest.MonkeyPatch, generator: LoadGenerator) -> Load:
    """The command with a load generator that all tests share."""
    module = import_module("portcompare.cli.load")
    monkeypatch.setattr(module, "start_generator", lambda *_: nullcontext(generator))
    return lambda *arguments, seconds=0.5: command("load", *arguments, "--seconds", str(seconds))


def test_json_contains_the_figures_and_is_all_there_is_on_stdout(load: Load, url: str) -> None:
    found: dict[str, Any] = json.loads(load(f"{url}/a?b=1", "--users", "2", "--json")[1])
    assert found["schema_version"] == SCHEMA_VERSION
    assert found["errors"] == 0
    assert found["requests"] > 10
    assert found["rate_rps"] == pytest.approx(found["requests"] / found["window_s"], rel=0.2)
    latencies_s = list(found["latency_s"].values())
    assert list(found["latency_s"]) == ["p50", "p90", "p99", "p999", "max"]
    assert 0 < latencies_s[0] <= latencies_s[-1]
    assert latencies_s == sorted(latencies_s)
    assert 0 < found["generator"]["cpu_ratio"] < 1.1
    assert found["generator"]["lag_p99_s"] is None


def test_requests_of_a_rate_are_offered_and_their_lag_is_reported(load: Load, url: str) -> None:
    # What is due in a pause at the window's end is not counted: the window is far longer than a pause.
    found = json.loads(load(url, "--rate", "100", "--json", seconds=2.0)[1])
    assert found["rate_rps"] == pytest.approx(100, rel=0.5)
    assert found["offered_rps"] == pytest.approx(100, rel=0.5)
    assert found["generator"]["lag_p99_s"] >= 0


def test_people_read_a_table(load: Load, url: str) -> None:
    words = load(url, "--users", "1")[1].split()
    assert {"requests", "rate", "p50", "p90", "p99", "p99.9", "max", "generator"} <= set(words)


def test_errors_are_counted_by_kind_and_a_load_without_a_success_is_not_valid(load: Load, url: str) -> None:
    code, out, _ = load(f"{url}/broken", "--users", "1", "--json")
    found = json.loads(out)
    assert (code, found["requests"], found["latency_s"]) == (3, 0, None)
    assert found["error_kinds"] == {"status 500": found["errors"]}


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (("http://127.0.0.1:9",), "--users 32"),
        (("http://127.0.0.1:9", "--users", "1", "--rate", "1"), "--users 32"),
        (("http://127.0.0.1:9", "--users", "1", "-H", "Transfer-Encoding: chunked"), "frames the request"),
        (("http://127.0.0.1:9", "--users", "99999"), "raise the limit"),
        (("http://127.0.0.1:9", "--users", "1", "-H", "nonsense"), "write -H 'NAME: VALUE'"),
        (("http://me:secret@127.0.0.1:9/", "--users", "1"), '-H "Authorization: Basic'),
        (("http://me@127.0.0.1:9/", "--users", "1"), '-H "Authorization: Basic'),
        (("http://127.0.0.1:9", "--users", "100001"), "less than or equal to 100000"),
        (("http://127.0.0.1:9", "--rate", "1e7"), "less than or equal to 1000000"),
        (("http://127.0.0.1:9", "--users", "1", "--seconds", "inf"), "less than or equal to 86400"),
        (("http://127.0.0.1:9", "--users", "1", "--processes", "9999"), "less than or equal to 1000"),
        *(
            ((url, "--users", "1"), "http://HOST:PORT/PATH")
            for url in ("nonsense", "ftp://h/", "http://h:99999/", "127.0.0.1:80/x", "http:///x")
        ),
    ],
)
def test_wrong_arguments_are_refused(command: Command, arguments: tuple[str, ...], remedy: str) -> None:
    err = refused(command, "load", *arguments)
    assert remedy in err
    assert "secret" not in err


def test_a_response_that_never_ends_is_refused(load: Load, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("portcompare.cli.load"), "ENDLESS_S", 0.2)
    code, _, err = load(f"{url}/events", "--users", "1")
    assert code == 2
    assert "the response does not end within 0.2 s" in err


def test_headers_are_sent_as_often_as_they_are_given(load: Load, server: ScriptedServer) -> None:
    server.requests.clear()
    sent = ("-H", "X-Route: a", "--header", "X-Route:b", "-H", "Authorization: Basic bWU6cHc=")
    assert load(server.url, "--users", "1", *sent, seconds=0.1)[0] == 0
    lines = server.requests[-1][1].split(b"\r\n")
    assert {b"X-Route: a", b"X-Route: b", b"Authorization: Basic bWU6cHc="} <= {*lines}


def test_several_processes_share_the_load(command: Command, url: str) -> None:
    arguments = (url, "--users", "4", "--processes", "2", "--seconds", "0.5", "--json")
    found = json.loads(command("load", *arguments)[1])
    assert len(found["generator"]["cpu_ratios"]) == 2
    assert found["requests"] > 10
