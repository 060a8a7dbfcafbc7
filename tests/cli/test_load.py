from __future__ import annotations

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self.send_response(500 if self.path == "/broken" else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def load(*arguments: str, seconds: float = 0.5) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "portcompare", "load", *arguments, "--seconds", f"{seconds}"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_json_holds_the_figures_and_is_all_there_is_on_stdout(url: str) -> None:
    finished = load(f"{url}/a?b=1", "--users", "2", "--json")
    found: dict[str, Any] = json.loads(finished.stdout)
    assert found["schema_version"] == 1
    assert found["errors"] == 0
    assert found["requests"] > 10
    assert found["rate_rps"] == pytest.approx(found["requests"] / found["window_s"], rel=0.2)
    latency_s = found["latency_s"]
    assert list(latency_s) == ["p50", "p90", "p99", "p999", "max"]
    assert (
        0 < latency_s["p50"] <= latency_s["p90"] <= latency_s["p99"] <= latency_s["p999"] <= latency_s["max"]
    )
    assert 0 < found["generator"]["cpu_ratio"] < 1.1
    assert found["generator"]["lag_p99_s"] is None


def test_a_rate_is_offered_and_its_lag_told(url: str) -> None:
    # What falls due in a pause at the window's end is not counted: the window is far longer than a pause.
    found = json.loads(load(url, "--rate", "100", "--json", seconds=4.0).stdout)
    assert found["rate_rps"] == pytest.approx(100, rel=0.5)
    assert found["offered_rps"] == pytest.approx(100, rel=0.5)
    assert found["generator"]["lag_p99_s"] >= 0


def test_people_read_a_table(url: str) -> None:
    text = load(url, "--users", "1").stdout
    words = text.split()
    for word in ("requests", "rate", "p50", "p90", "p99", "p99.9", "max", "generator"):
        assert word in words


def test_errors_are_told_by_kind_and_leave_nothing_valid(url: str) -> None:
    finished = load(f"{url}/broken", "--users", "1", "--json")
    assert finished.returncode == 3
    found = json.loads(finished.stdout)
    assert found["requests"] == 0
    assert found["error_kinds"] == {"status 500": found["errors"]}
    assert found["latency_s"] is None


@pytest.mark.parametrize("arguments", [(), ("--users", "1", "--rate", "1")])
def test_it_is_users_or_a_rate(url: str, arguments: tuple[str, ...]) -> None:
    finished = load(url, *arguments)
    assert finished.returncode == 2
    assert "--users 32" in finished.stderr


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1:80/x", "http:///x"])
def test_what_is_no_address_is_refused(address: str) -> None:
    finished = load(address, "--users", "1")
    assert finished.returncode == 2
    assert "http://HOST:PORT/PATH" in finished.stderr


def test_several_processes_share_the_load(url: str) -> None:
    found = json.loads(load(url, "--users", "4", "--processes", "2", "--json").stdout)
    assert len(found["generator"]["cpu_ratios"]) == 2
    assert found["requests"] > 10
