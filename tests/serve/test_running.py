"""What servers use, whether they are alive, and whether they have settled."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterable
from itertools import chain, repeat
from types import SimpleNamespace

import pytest

from portcompare.errors import ServerError, WindowMissedError
from portcompare.records.rounds import Usage
from portcompare.serve import running
from portcompare.serve.ports import find_free_ports
from portcompare.serve.running import RunningServer, measure_idle, read_usage, wait_until_settled
from tests.e2e.processes import wait_until
from tests.serve.support import fetch, server_at


def used_cpu_s(server: RunningServer) -> float:
    usage = server.usage()
    assert usage is not None
    return usage.cpu_s


# In gunicorn the app runs in a child of the server's main process.
@pytest.mark.parametrize("name", ["gunicorn", "uvicorn asgi"])
def test_the_cpu_time_is_what_the_app_itself_counts_in_finer_steps_than_ticks(
    servers: dict[str, RunningServer], name: str
) -> None:
    server = servers[name]
    app_before_s, before_s = fetch(server, "/process")["cpu_s"], used_cpu_s(server)
    fetch(server, "/burn?seconds=0.1")
    used_s, app_used_s = used_cpu_s(server) - before_s, fetch(server, "/process")["cpu_s"] - app_before_s
    assert app_used_s >= 0.1
    assert used_s == pytest.approx(app_used_s, abs=0.02)
    assert before_s * 100 != pytest.approx(round(before_s * 100), abs=1e-6)


def test_processes_are_found_where_the_kernel_lists_no_children(
    servers: dict[str, RunningServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = servers["gunicorn"].read_cpu_s()
    monkeypatch.setattr(running, "_list_children", lambda _: {})
    found = servers["gunicorn"].read_cpu_s()
    assert known
    assert found
    assert found.keys() == known.keys()


class Readings:
    """A clock that moves when it is slept on or read, and what the processes have used then."""

    def __init__(self, cpu_s: list[dict[int, float]], rss_bytes: list[int], *, now_s: float = 9.0) -> None:
        self.now_s = now_s
        self._cpu_s, self._rss_bytes = iter(cpu_s), iter(rss_bytes)
        self._late_s = chain([0.1], repeat(0.01))

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, duration_s: float) -> None:
        self.now_s += duration_s

    def read_cpu_s(self, _tree: object) -> dict[int, float]:
        self.now_s += next(self._late_s)
        return next(self._cpu_s)

    def read_rss_bytes(self, _tree: object) -> int:
        return next(self._rss_bytes)

    def measure(self, monkeypatch: pytest.MonkeyPatch, start_s: float, end_s: float) -> Usage | None:
        monkeypatch.setattr(running, "time", self)
        monkeypatch.setattr(running, "list_tree", lambda _: {})
        monkeypatch.setattr(running, "_read_cpu_s", self.read_cpu_s)
        monkeypatch.setattr(running, "_read_rss_bytes", self.read_rss_bytes)
        process = SimpleNamespace(pid=1)
        return server_at(1, process=process).measure_usage(start_s, end_s)


def test_a_window_has_what_was_used_between_two_readings_scaled_to_its_length(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    readings = Readings([{1: 5.0}, {1: 5.1}, {1: 5.31}], [700, 600])
    usage = readings.measure(monkeypatch, 10.0, 10.4)
    assert readings.now_s == pytest.approx(10.41)  # the window was waited for
    assert usage is not None
    assert usage.cpu_s == pytest.approx(0.4)  # all of a CPU in the 0.31 s from one reading to the other
    assert usage.rss_bytes == 700
    ends, starts = {1: 5.0}, {2: 0.3}  # a process counts up to its last sample, and from its start
    usage = Readings([ends, {1: 5.2} | starts, starts], [1, 1]).measure(monkeypatch, 10.0, 10.4)
    assert usage is not None
    assert usage.cpu_s == pytest.approx((0.2 + 0.3) * 0.4 / 0.31)


def test_a_window_that_is_over_cannot_be_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WindowMissedError, match="baseline: the window was over"):
        Readings([{}], []).measure(monkeypatch, 8.0, 8.5)


def test_processes_that_have_ended_use_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = Usage(cpu_s=0, rss_bytes=0)
    assert read_usage(2**22 + 1) == nothing  # beyond the largest process id
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
        ended = {child.pid: 1}
    monkeypatch.setattr(running, "list_tree", lambda _: ended)  # it ended after it was listed
    assert read_usage(1) == nothing


@pytest.mark.parametrize(
    ("trees", "restarts"),
    [
        ([{1: 0, 2: 1, 3: 1}, {1: 0, 2: 1, 4: 1}, {1: 0, 5: 1, 4: 1}, {1: 0, 6: 1, 4: 1}], 3),
        ([{1: 0, 2: 1}, {1: 0}, {1: 0}, {1: 0, 3: 1}], 1),  # it took a while
        ([{1: 0}, {1: 0, 2: 1}, {1: 0, 3: 1}, {1: 0}], 0),  # programs that requests run
        ([{1: 0, 2: 1}, {1: 0, 2: 1, 3: 1}, {1: 0, 2: 1, 4: 2}], 0),
        ([{1: 0, 2: 1, 3: 1}, {1: 0, 2: 1}], 0),  # not replaced
    ],
)
def test_processes_that_take_the_place_of_others_are_counted(
    trees: list[dict[int, int]], restarts: int
) -> None:
    watch = running.Watch()
    watch.begin(trees[0])
    for tree in trees[1:]:
        watch.look(tree)
    assert (watch.restarts, len(watch.rss_bytes)) == (restarts, len(trees) - 1)


def test_a_worker_that_is_killed_under_load_is_seen(servers: dict[str, RunningServer]) -> None:
    server = servers["gunicorn"]
    server.begin_watch()
    os.kill(fetch(server, "/process")["pid"], signal.SIGKILL)

    def is_replaced() -> bool:
        server.look()
        return server.watch.restarts > 0

    wait_until(is_replaced, 10)
    usage = server.usage()
    assert usage is not None
    assert usage.restarts == 1
    assert 0 < len(usage.rss_course_bytes) <= running.MOST_READINGS
    server.watch.rss_bytes.append(10**15)  # freed since
    peak = server.usage()
    assert peak is not None
    assert peak.rss_bytes == 10**15
    wait_until_settled(server, "/healthz", 0.1)


def test_of_an_already_running_server_no_usage_is_known_but_that_it_has_ended() -> None:
    (port,) = find_free_ports("127.0.0.1", 1)
    server = server_at(port)
    assert server.usage() is None
    assert server.measure_usage(0.0, 1.0) is None
    with pytest.raises(ServerError) as raised:
        server.check_alive()
    assert str(raised.value) == (
        "baseline (there): accepts no connection any more: Connection refused\n"
        f"    http://127.0.0.1:{port} was not started by portcompare: see that server's own log"
    )


def respond_in(monkeypatch: pytest.MonkeyPatch, times_s: Iterable[float | None]) -> list[str]:
    """Have requests take these times, None for no response; returns the paths requested."""
    requested, taking = [], iter(times_s)

    def time_request(_server: RunningServer, path: str, _timeout_s: float) -> float | None:
        requested.append(path)
        return next(taking)

    monkeypatch.setattr(running, "_time_request", time_request)
    return requested


def test_a_server_has_settled_when_it_responds_quickly_three_times_in_a_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quick, slow = 0.139, 0.141  # three times the idle latency, and 10 ms
    requested = respond_in(monkeypatch, [slow, quick, quick, None, quick, slow, quick, quick, quick])
    assert wait_until_settled(server_at(1), "/healthz", 0.043, limit_s=60)
    assert requested == ["/healthz"] * 9


def test_a_server_that_stays_slow_is_not_waited_for_longer_than_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    instants_s = iter(range(100))
    monkeypatch.setattr(running, "time", SimpleNamespace(monotonic=lambda: float(next(instants_s))))
    requested = respond_in(monkeypatch, [1.0] * 100)
    assert not wait_until_settled(server_at(1), "/healthz", 0.01, limit_s=5)
    assert len(requested) == 4


def test_the_idle_latency_is_the_median_of_three_and_no_response_is_the_slowest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    respond_in(monkeypatch, [0.5, 0.01, 0.02])
    assert measure_idle(server_at(1), "/healthz") == 0.02
    respond_in(monkeypatch, [None, 0.01, None])
    assert measure_idle(server_at(1), "/healthz") == running.SETTLE_LIMIT_S


def test_requests_are_timed_on_a_real_server_and_its_end_is_noticed(
    servers: dict[str, RunningServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def measure_beside_loop() -> float:  # as Playwright has one run in the thread that loads pages
        return measure_idle(servers["waitress"], "/healthz")

    assert 0 < asyncio.run(measure_beside_loop()) < running.SETTLE_LIMIT_S
    (port,) = find_free_ports("127.0.0.1", 1)
    with pytest.raises(ServerError, match="no connection"):
        wait_until_settled(server_at(port), "/", 0.01)
    monkeypatch.setattr(RunningServer, "check_alive", lambda _: None)
    assert not wait_until_settled(server_at(port), "/", 10.0, limit_s=0.05)  # there is no response
