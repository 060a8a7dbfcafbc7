"""That the settings reach the servers: each is asked while it runs."""

from __future__ import annotations

import http.client
import os
import select
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import pytest

from portcompare.serve import assign_cpus, serve_deployments
from tests.serve.conftest import THREADS
from tests.serve.support import ALL, ask, wait_until, write_plan

if TYPE_CHECKING:
    from pathlib import Path

    from portcompare.serve import RunningServer, StartedServer

SLOTS = {
    "gunicorn": THREADS,
    "gunicorn-sync": 1,
    "gunicorn-gevent": THREADS + 5,
    "waitress": THREADS,
    "granian": THREADS,
    "hypercorn": min(THREADS + 5, 32, (os.cpu_count() or 1) + 4),
}

KEEPING = [name for name in ALL if name != "gunicorn-sync"]
"""Those that keep a connection after its first answer."""


def get(connection: http.client.HTTPConnection, target: str = "/healthz") -> http.client.HTTPResponse:
    connection.request("GET", target)
    answer = connection.getresponse()
    answer.read()
    return answer


def connect(server: RunningServer) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)


@pytest.mark.parametrize("name", SLOTS)
def test_a_wsgi_server_holds_as_many_requests_as_it_has_slots(
    servers: dict[str, StartedServer], name: str
) -> None:
    with ThreadPoolExecutor(THREADS + 5) as clients:
        answers = list(clients.map(lambda _: ask(servers[name], "/hold?seconds=0.15"), range(THREADS + 5)))
    assert max(answer["most_inside"] for answer in answers) == SLOTS[name]


@pytest.mark.parametrize("name", KEEPING)
def test_more_than_a_hundred_connections_stay_open(servers: dict[str, StartedServer], name: str) -> None:
    with ExitStack() as stack:
        connections = [stack.enter_context(closing(connect(servers[name]))) for _ in range(150)]
        for connection in connections * 2:
            assert get(connection).status == 200
            assert connection.sock is not None  # it would be None, had the server announced its end


def test_waitress_holds_more_connections_than_select_can(servers: dict[str, StartedServer]) -> None:
    with ExitStack() as stack:
        for _ in range(1100):
            connection = stack.enter_context(closing(connect(servers["waitress"])))
            assert get(connection).status == 200


@pytest.mark.parametrize("name", KEEPING)
def test_a_connection_outlives_a_thousand_requests(servers: dict[str, StartedServer], name: str) -> None:
    with closing(connect(servers[name])) as connection:
        get(connection)
        socket = connection.sock
        for _ in range(1100):
            get(connection)
        assert connection.sock is socket


def test_the_sync_worker_closes_every_connection(servers: dict[str, StartedServer]) -> None:
    with closing(connect(servers["gunicorn-sync"])) as connection:
        assert get(connection).getheader("connection") == "close"


def test_idle_connections_are_closed_when_the_plan_says(tmp_path: Path) -> None:
    names = ("gunicorn", "gunicorn-gevent", "uvicorn asgi", "hypercorn asgi")
    plan = write_plan(tmp_path, dict.fromkeys(names, "keep_alive_s = 1"))
    arms = {name: name for name in names}
    with (
        serve_deployments(plan, arms, folder=tmp_path, cpus=assign_cpus(plan)) as servers,
        ExitStack() as stack,
    ):
        connections = [stack.enter_context(closing(connect(server))) for server in servers.values()]
        for connection in connections:
            get(connection)
        sockets = [connection.sock for connection in connections]
        wait_until(lambda: len(select.select(sockets, [], [], 0)[0]) == len(sockets))
        assert [socket.recv(1) for socket in sockets] == [b""] * len(sockets)


@pytest.mark.parametrize("name", ALL)
def test_a_server_logs_no_requests(servers: dict[str, StartedServer], name: str) -> None:
    ask(servers[name], "/healthz")
    assert "/healthz" not in servers[name].process.log_path.read_text()
