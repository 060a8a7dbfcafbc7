from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest

from portcompare.diagnose import connections
from portcompare.diagnose.connections import Probe, find_lost_connections, probe_connections, read_overflows
from portcompare.http.requests import http_request
from portcompare.plan import Plan
from portcompare.serve.recipe import resolve_deployment
from tests.analyse.samples import ROUND
from tests.serve.support import read_plan, server_at

OPEN = Probe(requests=None, requests_tried=1_050, idle_s=None, backlog=None)


@contextmanager
def serving_limited(*, most: int = 10_000, idle_s: float = 60.0) -> Iterator[int]:
    """A server that closes a connection after so many requests, or after so many seconds without one."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = idle_s
        left = most

        def do_GET(self) -> None:
            self.left -= 1
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            self.close_connection = self.left == 0

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its signature
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running.server_port
        running.shutdown()
        thread.join()


@pytest.mark.parametrize("most", [1, 7])
def test_after_how_many_requests_a_connection_is_closed(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "IDLE_S", 0.1)
    with serving_limited(most=most) as port:
        probe = probe_connections(server_at(port))
    assert (probe.requests, probe.idle_s) == (most, None)
    assert probe.backlog in (5, None)  # that of socketserver, where `ss` is installed
    assert ("without one" in probe.note) is (most > 1)


def test_after_how_long_an_idle_connection_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST_REQUESTS", 20)
    with serving_limited(idle_s=0.3) as port:
        probe = probe_connections(server_at(port))
    assert probe.requests is None
    assert probe.idle_s is not None
    assert 0.2 < probe.idle_s < connections.IDLE_S
    assert probe.note == "connections were not tried with: more than 20 requests"


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return read_plan(
        tmp_path,
        """baseline = "ours"
        candidates = ["sync", "command", "elsewhere"]
        [apps.app]
        target = "probe:wsgi"
        interface = "wsgi"
        [deployments.ours]
        app = "app"
        server = "gunicorn"
        [deployments.sync]
        app = "app"
        server = "gunicorn-sync"
        [deployments.command]
        command = "/opt/bin/hypercorn --bind {host}:{port} app:app"
        [deployments.elsewhere]
        url = "http://127.0.0.1:9"
        [scenarios.fast]
        request = { path = "/" }
        load = { users = [1] }""",
    )


CASES = [
    (OPEN, {}, 0, []),
    # Where the load was too short, what the probe has seen is named.
    (replace(OPEN, requests=1_000), {}, 0, [("closed", 1, "after 1,000 requests", "another `server`")]),
    (replace(OPEN, idle_s=2.04), {}, 0, [("closed", 1, "after 2.0 s", "raise `keep_alive_s`")]),
    (
        replace(OPEN, idle_s=2.0),
        {"closed_unannounced": 4, "reconnects": 4, "error_kinds": {"connection reset": 6}},
        0,
        [("closed", 10, "idle", "keep_alive_s")],
    ),
    (replace(OPEN, backlog=100), {}, 3, [("refused", 3, "the backlog of 100 connections", "`backlog`")]),
    (OPEN, {"reconnects": 5}, 0, [("closed", 5, "", "")]),
    (OPEN, {"error_kinds": {"connection reset": 2}}, 0, [("reset", 2, "", "")]),
    (OPEN, {"error_kinds": {"connection refused": 2}}, 0, [("refused", 2, "", "")]),
    (OPEN, {"error_kinds": {"status 413": 2}}, 0, [("refused", 2, "MAX_CONTENT_LENGTH is 16 MiB", "config")]),
]


@pytest.mark.parametrize(("probe", "seen", "overflows", "expected"), CASES)
def test_what_was_lost_is_named_with_its_limit_and_remedy(
    plan: Plan,
    probe: Probe,
    seen: dict[str, object],
    overflows: int,
    expected: list[tuple[str, int, str, str]],
) -> None:
    found = find_lost_connections(
        "fast",
        replace(ROUND.load, **seen),  # type: ignore[arg-type] # whatever the case names
        server_at(9),
        resolve_deployment(plan, "ours"),
        probe,
        overflows=overflows,
        requests=[http_request("/", method="POST", body="x" * 9)],
    )
    assert [(each.kind, each.count) for each in found] == [(kind, number) for kind, number, *_ in expected]
    for each, (_, _, limit, remedy) in zip(found, expected, strict=True):
        assert limit in each.limit
        assert remedy in each.remedy


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("ours", "raise the number of seconds that a worker"),
        ("command", "keep_alive_max_requests in its configuration file in the command of"),
        ("elsewhere", "raise the number of requests that a connection may have where the server is started"),
    ],
)
def test_the_remedy_is_where_the_limit_is_set_and_killed_workers_are_read_from_the_log(
    plan: Plan, name: str, remedy: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    log.write_text("[CRITICAL] WORKER TIMEOUT (pid:7)\n" * (name == "ours"))
    probe = OPEN if name == "ours" else replace(OPEN, requests=1_000)
    server = server_at(9, process=SimpleNamespace(log_path=log))
    (found,) = find_lost_connections("fast", ROUND.load, server, resolve_deployment(plan, name), probe)
    assert remedy in found.remedy
    assert found.kind == ("reset" if name == "ours" else "closed")


def test_the_kernels_count_of_full_queues_is_read() -> None:
    assert (read_overflows() or 0) >= 0
