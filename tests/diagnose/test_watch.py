import os
import subprocess
import sys
from pathlib import Path

import pytest

from portcompare.diagnose.findings import Names, find_blocking, find_mistakes, find_waiting, split_time
from portcompare.diagnose.watching import Seen, read_seen
from portcompare.records.diagnosis import Site
from portcompare.serve.servers import APP_PYTHON

APPS = Path(__file__).parent / "apps"
LINES = (APPS / "watched_app.py").read_text(encoding="utf-8").splitlines()
NAMES = Names(deployment="quart", scenario="fast", directory=APPS)


def line_of(mark: str) -> int:
    (found,) = (number for number, line in enumerate(LINES, 1) if f"# {mark}" in line.replace("- ", "# "))
    return found


def watch(path: str, folder: Path, number: int = 10) -> Seen:
    environment = os.environ | {
        "PYTHONPATH": f"{APPS}{os.pathsep}{APP_PYTHON}",
        "PORTCOMPARE_WATCH": str(folder / "quart-{pid}.json"),
        "PORTCOMPARE_WATCHED": "watched_app:app",
        "PORTCOMPARE_INTERFACE": "asgi",
    }
    subprocess.run(
        [sys.executable, APPS / "drive.py", path, str(number)],
        env=environment,
        cwd=APPS,
        check=True,
        timeout=60,
    )
    return read_seen(folder, "quart")


def places(found: list[Site]) -> set[tuple[str, int]]:
    return {(one.file, one.line) for one in found}


@pytest.mark.parametrize(
    ("path", "mark", "call", "reason"),
    [
        ("/sleep/3", "sleep", "time.sleep", "waits for a clock"),
        ("/regex", "regex", "re.match", "computes"),
        ("/compute", "loop", "sum", "computes"),
        ("/file", "file", "open", "waits for a file"),
        ("/database", "database", "sqlite3.connect", "waits for a database"),
        ("/gather", "gather", "time.sleep", "waits for a clock"),
        ("/queue", "queue", "JOBS.get", "waits for a lock or another thread, in _thread.lock.acquire"),
    ],
)
def test_a_line_that_blocks_the_loop_is_named_with_its_route(
    path: str, mark: str, call: str, reason: str, tmp_path: Path
) -> None:
    seen = watch(path, tmp_path)
    one = find_blocking(NAMES, seen)[0]
    route = path.replace("/3", "/<int:number>")
    assert (one.file, one.line, one.call, one.reason) == ("watched_app.py", line_of(mark), call, reason)
    assert (one.route, one.deployment, one.scenario) == (f"GET {route}", "quart", "fast")
    assert one.count >= 10 * (path in {"/file", "/database"}) or one.count >= 3
    if reason == "waits for a clock":
        assert one.longest_s >= 0.015
        assert one.stack[-1].startswith(f"watched_app.py:{line_of(mark)} in ")
    assert find_waiting(NAMES, seen) == []


@pytest.mark.parametrize(
    ("path", "mark", "kind", "reason"),
    [
        ("/lock", "lock", "lock", "others hold at watched_app.py:{held}, asyncio.sleep"),
        ("/pool", "pool", "pool", "a place in a pool or queue"),
        ("/to-thread", "submitted", "thread", "they run time.sleep at watched_app.py:{inside}"),
        ("/thread", "inside", "thread", "they run thread, defined at watched_app.py:{thread}"),
        ("/stream", "stream", "thread", "calls in threads for each request"),
    ],
)
def test_what_requests_queue_for_is_named_with_what_holds_it(
    path: str, mark: str, kind: str, reason: str, tmp_path: Path
) -> None:
    seen = watch(path, tmp_path, 40)
    (one,) = find_waiting(NAMES, seen)
    marks = {mark: line_of(mark) for mark in ("held", "inside")} | {"thread": line_of("thread") - 1}
    assert (one.file, one.kind, one.route) == ("watched_app.py", kind, f"GET {path}")
    assert one.line in {line_of(mark), line_of(mark) + 2}
    assert reason.format(**marks) in one.reason
    assert find_blocking(NAMES, seen) == []
    if kind != "lock":
        return
    (route,) = split_time(NAMES, seen, response_s=None, network_s=0.0)
    assert route.waited_s > route.upstream_s + route.blocked_s + route.computed_s
    assert one.share == pytest.approx(route.waited_s / route.response_s, abs=0.2)


def test_a_coroutine_that_nothing_awaits_is_a_mistake_at_the_line_that_makes_it(tmp_path: Path) -> None:
    (one,) = find_mistakes(NAMES, watch("/unawaited", tmp_path))
    assert places([one]) == {("watched_app.py", line_of("unawaited"))}
    assert "never awaited" in one.reason


def test_nothing_is_found_in_what_waits_as_it_should(tmp_path: Path) -> None:
    seen = watch("/clean", tmp_path)
    assert [*find_blocking(NAMES, seen), *find_waiting(NAMES, seen), *find_mistakes(NAMES, seen)] == []
    (route,) = split_time(NAMES, seen, response_s=5.0, network_s=1.0)
    assert (route.route, route.requests, route.weight) == ("GET /clean", 10, 1.0)
    assert route.response_s == pytest.approx(5.0)
    assert route.queued_s > 0
