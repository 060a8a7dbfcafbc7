from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from portcompare.errors import WindowMissedError
from portcompare.records.rounds import Usage
from portcompare.serve import StartedServer, measure_usage
from portcompare.serve.running import read_usage
from tests.serve.support import ask, is_gone, tree_of, wait_until

# In gunicorn and hypercorn the app runs in a child of the server's main process.
NAMES = ["gunicorn", "gunicorn-gevent", "waitress", "granian", "hypercorn", "uvicorn asgi"]


@pytest.mark.parametrize("name", NAMES)
def test_the_cpu_time_is_what_the_app_itself_counts(servers: dict[str, StartedServer], name: str) -> None:
    server = servers[name]
    app_before_s, before_s = ask(server, "/process")["cpu_s"], server.usage().cpu_s
    ask(server, "/burn?seconds=0.25")
    used_s, app_used_s = server.usage().cpu_s - before_s, ask(server, "/process")["cpu_s"] - app_before_s
    assert app_used_s >= 0.25
    assert used_s == pytest.approx(app_used_s, abs=0.02)


def test_a_window_has_what_was_used_in_it(servers: dict[str, StartedServer]) -> None:
    server = servers["gunicorn"]
    client = threading.Thread(target=ask, args=(server, "/burn?seconds=0.25"))
    client.start()
    before_s = server.usage().cpu_s
    start_s = time.monotonic()
    usage = measure_usage(server, start_s, start_s + 0.5)
    after = server.usage()
    client.join()
    around_s = after.cpu_s - before_s  # what was used between two readings just outside the window
    assert 0.5 * around_s < usage.cpu_s < 1.02 * around_s
    assert usage.rss_bytes == pytest.approx(after.rss_bytes, rel=0.1)


def test_a_window_has_nothing_of_what_was_used_before(servers: dict[str, StartedServer]) -> None:
    server = servers["gunicorn"]
    ask(server, "/burn?seconds=0.25")
    start_s = time.monotonic()
    assert measure_usage(server, start_s, start_s + 0.3).cpu_s < 0.1


def test_a_window_is_waited_for(servers: dict[str, StartedServer]) -> None:
    start_s = time.monotonic() + 0.1
    measure_usage(servers["waitress"], start_s, start_s + 0.1)
    assert time.monotonic() >= start_s + 0.1


def test_a_window_that_is_over_cannot_be_measured(servers: dict[str, StartedServer]) -> None:
    now_s = time.monotonic()
    with pytest.raises(WindowMissedError, match="waitress: the window was over"):
        measure_usage(servers["waitress"], now_s - 2, now_s - 1)


def test_the_usage_counts_the_workers_and_has_finer_steps_than_ticks(
    servers: dict[str, StartedServer],
) -> None:
    server = servers["gunicorn"]
    worker = ask(server, "/process")
    usage = server.usage()
    assert worker["pid"] in tree_of(server)[1:]  # the first is gunicorn's master
    assert usage.cpu_s > worker["cpu_s"]
    assert usage.cpu_s * 100 != pytest.approx(round(usage.cpu_s * 100), abs=1e-6)


def test_a_worker_that_ends_in_the_window_is_no_accident(servers: dict[str, StartedServer]) -> None:
    server = servers["gunicorn"]
    worker = ask(server, "/process")["pid"]
    start_s = time.monotonic()
    killer = threading.Timer(0.25, os.kill, (worker, signal.SIGKILL))
    killer.start()
    usage = measure_usage(server, start_s, start_s + 0.6)
    killer.join()
    wait_until(lambda: is_gone(worker))
    assert usage.cpu_s >= 0
    assert ask(server, "/process")["pid"] != worker  # gunicorn has started another


def test_a_tree_that_has_gone_uses_nothing() -> None:
    assert read_usage(2**22 + 1) == Usage(cpu_s=0, rss_bytes=0)  # beyond the largest process id
