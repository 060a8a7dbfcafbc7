"""That every server of the registry serves, and that its settings are in force."""

import http.client
import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import psutil
import pytest

from portcompare.diagnose.watching import read_seen, watch_apps
from portcompare.serve.cpus import assign_cpus
from portcompare.serve.deployments import serve_deployments
from portcompare.serve.running import RunningServer
from tests.e2e.processes import wait_until
from tests.serve.conftest import THREADS
from tests.serve.support import ADAPTED, ALL, fetch, tree_of, write_plan

SLOTS = {
    "gunicorn": THREADS,
    "gunicorn-sync": 1,
    "waitress": THREADS,
    "granian": THREADS,
    "hypercorn": min(32, (os.cpu_count() or 1) + 4),
    "gunicorn-gevent": 20,
    "granian a2wsgi": THREADS,
    "gunicorn-asgi asgiref": 1,
}


def connect(server: RunningServer) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)


def get(connection: http.client.HTTPConnection) -> http.client.HTTPResponse:
    connection.request("GET", "/healthz")
    response = connection.getresponse()
    response.read()
    return response


@pytest.mark.parametrize("name", [*ALL, *ADAPTED])
def test_each_server_serves_the_app_of_the_factory_on_its_cpus_and_logs_no_request(
    servers: dict[str, RunningServer], name: str
) -> None:
    server = servers[name]
    seen = fetch(server, "/process")
    assert seen["made"] == [["asgi" if name.endswith("asgi") else "wsgi", 7]]
    assert seen["pid"] in tree_of(server)
    assert seen["environment"]["PYTHONUNBUFFERED"] == "1"
    assert seen["cpus"] == [min(os.sched_getaffinity(0))]
    for process in map(psutil.Process, tree_of(server)):
        for thread in process.threads():
            assert os.sched_getaffinity(thread.id) == set(seen["cpus"])
    with closing(connect(server)) as connection:
        get(connection)
        assert (connection.sock is None) == (name == "gunicorn-sync")  # it is kept but by the sync worker
    server.check_alive()
    assert server.process is not None
    assert "/process" not in server.process.log_path.read_text()


@pytest.mark.parametrize("name", SLOTS)
def test_a_wsgi_server_holds_as_many_requests_as_it_has_slots_and_no_more(
    servers: dict[str, RunningServer], name: str
) -> None:
    requests = SLOTS[name] + (name != "gunicorn-gevent")  # which has more than a test can fill
    with ThreadPoolExecutor(requests) as clients:
        held = list(clients.map(lambda _: fetch(servers[name], f"/hold?for={SLOTS[name]}"), range(requests)))
    assert max(response["most_inside"] for response in held) == SLOTS[name]


def test_waitress_holds_more_connections_than_select_can(servers: dict[str, RunningServer]) -> None:
    with ExitStack() as stack:
        for _ in range(1100):
            stack.enter_context(socket.create_connection(("127.0.0.1", servers["waitress"].port)))
        assert get(stack.enter_context(closing(connect(servers["waitress"])))).status == 200


def test_a_connection_outlives_the_thousand_requests_that_hypercorn_allows_by_default(
    servers: dict[str, RunningServer],
) -> None:
    with closing(connect(servers["hypercorn asgi"])) as connection:
        get(connection)
        kept = connection.sock
        for _ in range(1001):
            get(connection)
        assert connection.sock is kept


NAMES = [*ALL, *ADAPTED]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, RunningServer]]]:
    folder = tmp_path_factory.mktemp("watched")
    plan = write_plan(
        folder,
        dict.fromkeys(NAMES, ""),
        target="probe:make('wsgi', mark=7)",
        asgi_target="probe:make('asgi', mark=7)",
    )
    arms = {name: name for name in NAMES}
    with serve_deployments(watch_apps(plan, folder), arms, folder=folder, cpus=assign_cpus(plan)) as running:
        yield folder, running


@pytest.mark.parametrize("name", NAMES)
def test_requests_are_seen_on_every_server(
    watched: tuple[Path, dict[str, RunningServer]], servers: dict[str, RunningServer], name: str
) -> None:
    folder, running = watched
    seen, plain = (fetch(each[name], "/process") for each in (running, servers))
    assert seen["made"] == plain["made"]
    # What it has written may be of another process than the one that responded, or of a moment before.
    wait_until(lambda: "GET /process" in read_seen(folder, name).routes)
