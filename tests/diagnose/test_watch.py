import asyncio
import io
import os
import queue
import select
import socket
import ssl
import subprocess
import sys
import time
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import pytest

from portcompare.diagnose.blocking import find_blocking, find_mistakes
from portcompare.diagnose.waiting import find_waiting, split_time
from portcompare.diagnose.watching import Seen, WatchedApp, read_seen
from portcompare.serve.servers import APP_PYTHON

APPS = Path(__file__).parent / "apps"
LINES = (APPS / "watched_app.py").read_text(encoding="utf-8").splitlines()
APP = WatchedApp(deployment="quart", scenario="fast", directory=APPS)


def line_of(mark: str) -> int:
    (found,) = (number for number, line in enumerate(LINES, 1) if f"# {mark}" in line.replace("- ", "# "))
    return found


@cache
def watch(*paths: str, number: int = 10) -> Seen:
    with TemporaryDirectory() as folder:
        environment = os.environ | {
            "PYTHONPATH": f"{APPS}{os.pathsep}{APP_PYTHON}",
            "PORTCOMPARE_WATCH": f"{folder}/quart-{{pid}}.json",
            "PORTCOMPARE_WATCHED": "watched_app:make()",
            "PORTCOMPARE_INTERFACE": "asgi",
        }
        command = [sys.executable, str(APPS.with_name("drive.py")), str(number), *paths]
        subprocess.run(command, env=environment, cwd=APPS, check=True, timeout=60)
        return read_seen(Path(folder), "quart")


BLOCKING = {
    "/sleep/3": ("sleep", "time.sleep", "waits for a clock"),
    "/regex": ("regex", "re.match", "computes"),
    "/compute": ("loop", "sum", "computes"),
    "/file": ("file", "open", "waits for a file"),
    "/database": ("database", "sqlite3.connect", "waits for a database"),
    "/process": ("process", "subprocess.run", "waits for a process"),
    "/returned": ("returned", "json.encoder.iterencode", "computes"),
    "/class": ("class", "json.encoder.iterencode", "computes"),
    "/nested": ("nested", "copy.deepcopy", "computes"),
    "/same-name": ("same name", "sum", "computes"),
    "/system": ("system", "os.system", "waits for a process, in posix.system"),
    "/pipe": ("pipe", "PROGRAM.stdout.readline", "waits for a process, in pipe: _io.BufferedReader.readline"),
    "/callback": ("callback", "sum", "computes"),
    "/gather": ("gather", "time.sleep", "waits for a clock"),
    "/queue": ("queue", "JOBS.get", "waits for a lock or another thread, in _thread.lock.acquire"),
}
QUEUES = {
    "/lock": ("lock", "lock", "others hold at watched_app.py:{held}, asyncio.sleep"),
    "/wait-for": ("awaited", "lock", "waits for the lock"),
    "/semaphore": ("semaphore", "pool", "a place in a pool or queue"),
    "/pool": ("pool", "pool", "a place in a pool or queue"),
    "/condition": ("condition", "pool", "a place in a pool or queue"),
}
THREADS = {
    "/to-thread": ("submitted", "thread", "they run time.sleep at watched_app.py:{inside}"),
    "/one-thread": ("one thread", "thread", "all 1 thread of the executor are busy"),
    "/background": ("background", "thread", "they run time.sleep at watched_app.py:{inside}"),
    "/thread": ("inside", "thread", "they run thread, defined at watched_app.py:{thread}"),
    "/stream": ("stream", "thread", "calls in threads for each request"),
}


@pytest.mark.parametrize("path", BLOCKING)
def test_a_line_that_blocks_the_loop_is_named_with_its_route(path: str) -> None:
    mark, call, reason = BLOCKING[path]
    seen = watch(*BLOCKING, number=16)  # on a busy machine only some are looked at
    route = f"GET {path.replace('/3', '/<int:number>')}" * (path != "/callback")  # that is of no request
    one = next(one for one in find_blocking(APP, seen) if one.route == route)
    assert (one.file, one.line, one.call, one.reason) == ("watched_app.py", line_of(mark), call, reason)
    assert (one.deployment, one.scenario) == ("quart", "fast")
    assert one.count >= (10 if path in {"/file", "/database"} else 3)
    if mark == "sleep":
        assert one.longest_s >= 0.015
        assert one.stack[-1].startswith(f"watched_app.py:{line_of(mark)} in ")
    assert find_waiting(APP, seen) == []


@pytest.mark.parametrize("path", [*QUEUES, *THREADS])
def test_what_requests_queue_for_is_named_with_what_holds_it(path: str) -> None:
    mark, kind, reason = (QUEUES | THREADS)[path]
    seen = watch(*(QUEUES if path in QUEUES else [path]), number=40)
    one = next(one for one in find_waiting(APP, seen) if one.route == f"GET {path}")
    marks = {mark: line_of(mark) for mark in ("held", "inside")} | {"thread": line_of("thread") - 1}
    assert (one.file, one.kind) == ("watched_app.py", kind)
    assert one.line in {line_of(mark), line_of(mark) + 2}
    assert reason.format(**marks) in one.reason
    assert find_blocking(APP, seen) == []
    if kind == "lock":
        route = next(each for each in split_time(APP, seen, None, 0.0) if each.route == one.route)
        assert route.waited_s > route.upstream_s + route.blocked_s + route.computed_s
        assert one.share == pytest.approx(route.waited_s / route.response_s, abs=0.2)


@pytest.mark.parametrize("mark", ["unawaited", "dropped"])
def test_a_coroutine_that_nothing_awaits_is_a_mistake_at_the_line_that_makes_it(mark: str) -> None:
    (one,) = find_mistakes(APP, watch(f"/{mark}"))
    assert (one.file, one.line) == ("watched_app.py", line_of(mark))
    assert "never awaited" in one.reason


def test_what_runs_before_a_view_is_not_taken_for_what_it_returns() -> None:
    functions = {one.function for one in find_blocking(APP, watch("/before"))}
    assert functions <= {"compute_before"}  # on a slow machine it holds up the loop


@pytest.mark.parametrize(
    ("name", "line"), [("zones.py", "    DEBUG = True"), ("app.toml", "DEBUG = true"), ("", "")]
)
def test_debugging_is_named_where_it_is_set_and_not_where_another_server_would(
    name: str, line: str, tmp_path: Path
) -> None:
    (tmp_path / "app.py").write_text("app.run(\n    port=int(1),\n    debug=True,\n)\n", encoding="utf-8")
    if name:
        (tmp_path / name).write_text(f"\n{line}\n", encoding="utf-8")
    seen = Seen(processes=({"unawaited": [], "debug": ["app"]},))
    (one,) = find_mistakes(replace(APP, directory=tmp_path), seen)
    assert (one.file, one.line) == (name, 2 if name else 0)


@pytest.mark.parametrize("path", ["/yields", "/start"])
def test_what_asyncio_does_itself_as_to_start_a_process_or_to_yield_is_not_reported(path: str) -> None:
    seen = watch(path, number=40)
    assert [*find_blocking(APP, seen), *find_waiting(APP, seen)] == []


def test_nothing_is_found_in_what_waits_as_it_should() -> None:
    seen = watch("/clean", number=40)
    assert [*find_blocking(APP, seen), *find_waiting(APP, seen), *find_mistakes(APP, seen)] == []
    (route,) = split_time(APP, seen, response_s=5.0, network_s=1.0)
    assert (route.route, route.requests, route.weight) == ("GET /clean", 40, 1.0)
    assert route.response_s == pytest.approx(5.0)
    assert route.queued_s > 0
    assert route.waited_s < route.upstream_s


@pytest.mark.parametrize(
    ("leaf", "cpu_s", "own_delay_s", "stalls"),
    [("", 0.0, 0.0, 1), ("", 0.0, 0.02, 0), ("", 0.03, 0.02, 1), ("time.sleep", 0.0, 0.02, 1)],
)
def test_a_loop_that_waits_for_the_thread_that_looks_is_not_held_up_by_the_app(
    leaf: str, cpu_s: float, own_delay_s: float, stalls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(APP_PYTHON)
    seen: Any = import_module("portcompare_seen").Seen()
    loop = asyncio.new_event_loop()
    watch = SimpleNamespace(seen=seen, loop=loop, loop_thread=0, beats=0, by_task={}, frames_of=lambda _: [])
    looker: Any = import_module("portcompare_looks").Looker(watch)
    clocks = iter([(0.0,) * 4, (0.03, cpu_s, 0.0, own_delay_s), (0.03, cpu_s, 0.0, own_delay_s)])
    monkeypatch.setattr(looker, "_read_clocks", lambda: next(clocks))
    monkeypatch.setattr(looker, "_find_lines", lambda *_: (leaf, [(0, "app.py", 1, "view", "call")]))
    for watch.beats in (0, 0, 1):
        looker.look_at_loop()
    loop.close()
    assert len(seen.stalls) == stalls


def test_calls_that_only_make_set_or_close_something_do_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(APP_PYTHON)
    places: Any = import_module("portcompare_places")
    one = socket.socket  # its methods
    short = [
        io.BytesIO.read,
        ssl.SSLObject.read,
        socket.socketpair,
        one,
        one.__init__,
        one.close,
        one.setsockopt,
        one.bind,
        one.listen,
        select.epoll,
        time.time,
    ]
    assert {places.name_of(call) for call in short} == {""}
    waits = [one.recv, one.sendall, one.accept, one.connect, select.select, select.epoll.poll, time.sleep]
    assert all(places.name_of(call) for call in [*waits, socket.getaddrinfo, queue.Queue.get])
