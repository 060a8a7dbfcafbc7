import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from portcompare.doctor.ceiling import start_null_server
from portcompare.errors import ServerError

REQUEST = b"GET /any HTTP/1.1\r\nHost: here\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
CPUS = tuple(os.sched_getaffinity(0))


def connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    assert parts.hostname == "127.0.0.1"
    assert parts.port is not None
    return socket.create_connection((parts.hostname, parts.port), timeout=60)


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_it_responds_to_every_request_on_a_kept_connection_on_either_loop_until_its_context_ends(
    tmp_path: Path, loop: str
) -> None:
    if loop == "asyncio":
        (tmp_path / "uvloop.py").write_text("raise ImportError")
    with start_null_server(tmp_path / "log", CPUS) as url, connect(url) as client:
        for _ in range(3):
            client.sendall(REQUEST)
            assert client.recv(1000) == RESPONSE
    with pytest.raises(ConnectionRefusedError):  # it ended with its context
        connect(url)


def test_an_unfinished_request_has_no_response_until_it_is_finished(tmp_path: Path) -> None:
    with start_null_server(tmp_path / "log", CPUS) as url, connect(url) as client, connect(url) as other:
        client.sendall(b"GET / HTTP/1.1\r\n")
        other.sendall(REQUEST)
        assert other.recv(1000) == RESPONSE  # so that the server has had the time
        client.settimeout(0)
        with pytest.raises(BlockingIOError):
            client.recv(1000)
        client.settimeout(60)
        client.sendall(b"Host: here\r\n\r\n")
        assert client.recv(1000) == RESPONSE


def test_one_that_does_not_start_is_an_error_with_its_log(tmp_path: Path) -> None:
    (tmp_path / "uvloop.py").write_text("raise SystemExit('no loop today')")
    with (
        pytest.raises(ServerError, match=r"did not start[^$]*no loop today"),
        start_null_server(tmp_path / "log", CPUS),
    ):
        pass
