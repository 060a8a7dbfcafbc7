import asyncio
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from portcompare.errors import InputError
from portcompare.http.requests import http_request
from portcompare.plan import Plan
from portcompare.records.requests import RequestSpec
from portcompare.records.work import Work
from portcompare.run.work import find_counter_problems
from portcompare.serve.cpus import assign_cpus
from portcompare.work import callgrind, counters
from portcompare.work.counters import Event, Hardware, Method, choose_method
from portcompare.work.counting import SLICES, Orders, count_work
from tests.serve.support import ALL, all_gone, write_plan

PAGE_FAULTS = Event(type=1, config=2)
TASK_CLOCK = Event(type=1, config=1)
CALLGRIND = Method(counter="callgrind", is_layout_fixed=True)
KERNEL = Method(counter="hardware", event=TASK_CLOCK, is_layout_fixed=True)
HEALTHY = http_request("/healthz")
PAGES = 2000

needs_valgrind = pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
needs_events = pytest.mark.skipif(counters.why_unavailable(TASK_CLOCK) is not None, reason="no events here")


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    before = {process.pid for process in psutil.Process().children(recursive=True)}  # of other tests
    yield
    after = {process.pid for process in psutil.Process().children(recursive=True)}
    assert all_gone(after - before)


def count(
    plan: Plan, folder: Path, method: Method, requests: Mapping[str, tuple[RequestSpec, ...]] | None = None
) -> Work:
    plan = plan.model_copy(update={"work": plan.work_plan.model_copy(update={"requests": SLICES})})
    requests = requests or {"fast": (HEALTHY,)}
    return count_work(
        Orders(plan=plan, requests=requests, method=method, cpus=assign_cpus(plan), folder=folder)
    )


@needs_valgrind
def test_each_server_is_counted_under_callgrind_and_alike_each_time(tmp_path: Path) -> None:
    found = count(write_plan(tmp_path, dict.fromkeys(ALL, "")), tmp_path, CALLGRIND)
    assert found.not_counted == {}
    assert [one.deployment for one in found.counts] == list(ALL)
    for one in found.counts:
        assert (one.scenario, one.counter, one.requests, len(one.slices)) == (
            "fast",
            "callgrind",
            SLICES,
            SLICES,
        )
        assert 50_000 < one.low <= one.instructions_per_request <= one.high < 5_000_000
        assert one.high / one.low < 1.5  # of a single request each
        assert sum(one.shares.values()) == pytest.approx(1)
        assert one.shares["interpreter"] > 0.3
    shares = {one.deployment: one.shares for one in found.counts}
    assert "event loop" in shares["gunicorn-gevent"]
    assert "parser" in shares["uvicorn asgi"]
    assert "server" in shares["granian"]


@needs_events
def test_the_kernels_counters_count_the_same_way(tmp_path: Path) -> None:
    found = count(write_plan(tmp_path, {"gunicorn": "workers = 2", "uvicorn asgi": ""}), tmp_path, KERNEL)
    assert found.not_counted == {}
    for one in found.counts:
        assert (one.counter, one.shares) == ("hardware", {})
        assert 1e4 < one.instructions_per_request < 1e9  # of the task clock: nanoseconds


_TOUCH = f"""
import subprocess, sys
if len(sys.argv) == 1:
    print(flush=True)
    sys.stdin.readline()
    subprocess.run([sys.executable, __file__, "again"], check=True)
held = bytearray(4096 * {PAGES})
for place in range({PAGES}):
    held[4096 * place] = 1
"""


@needs_events
def test_events_of_running_processes_and_of_all_that_they_start_are_counted(tmp_path: Path) -> None:
    script = tmp_path / "touch.py"
    script.write_text(_TOUCH)
    with subprocess.Popen(
        [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        counter = Hardware(PAGE_FAULTS)
        asyncio.run(counter.begin([process.pid]))
        assert asyncio.run(counter.take()) < PAGES
        process.communicate("\n", timeout=60)
    assert asyncio.run(counter.take()) > 2 * PAGES
    counter.close()


@needs_valgrind
@needs_events
def test_what_cannot_be_counted_is_named_with_the_reason_and_the_others_are_counted(tmp_path: Path) -> None:
    plan = write_plan(tmp_path, {"waitress": "", "gunicorn": "", "uvicorn asgi": ""}, target="probe:fragile")
    running = plan.deployments["uvicorn asgi"].model_copy(
        update={"url": "http://127.0.0.1:9", "server": None}
    )
    plan = plan.model_copy(update={"deployments": plan.deployments | {"uvicorn asgi": running}})
    found = count(plan, tmp_path, CALLGRIND, {"fast": (http_request("/die", query={"in": "waitress"}),)})
    assert [one.deployment for one in found.counts] == ["gunicorn"]
    assert "ended with status 7" in found.not_counted["waitress"]
    assert "already running" in found.not_counted["uvicorn asgi"]
    failing = count(
        plan.model_copy(update={"candidates": []}), tmp_path, KERNEL, {"fast": (http_request("/nothing"),)}
    )
    assert "GET /nothing: the status was 503" in failing.not_counted["waitress"]
    assert "last lines of" in failing.not_counted["waitress"]


@needs_events
def test_a_deployment_that_does_not_start_does_not_keep_the_other_from_being_counted(tmp_path: Path) -> None:
    plan = write_plan(tmp_path, {"waitress": "", "uvicorn asgi": ""}, target="probe:absent")
    found = count(plan, tmp_path, KERNEL)
    assert [one.deployment for one in found.counts] == ["uvicorn asgi"]
    assert "absent" in found.not_counted["waitress"]


def test_without_counters_the_error_names_the_package_before_a_run_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counters, "why_unavailable", lambda: None)
    assert choose_method().counter == "hardware"
    monkeypatch.setattr(counters, "why_unavailable", lambda: "perf_event_open: No such file or directory")
    monkeypatch.setattr(shutil, "which", lambda program: f"/usr/bin/{program}")
    assert choose_method().counter == "callgrind"
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(
        InputError, match="no valgrind and no vgdb in PATH\n    install the package `valgrind`"
    ):
        choose_method()
    plan = write_plan(tmp_path)
    assert not find_counter_problems(plan)
    (problem,) = find_counter_problems(plan.model_copy(update={"work": plan.work_plan}))
    assert problem.where == plan.where("work")


def test_responses_that_wait_have_shorter_slices_and_time_that_is_up_ends_the_counting(
    tmp_path: Path,
) -> None:
    plan = write_plan(tmp_path)
    slow = plan.scenarios["fast"].model_copy(update={"delay_s": 0.2})
    plan = plan.model_copy(update={"scenarios": plan.scenarios | {"slow": slow}})
    requests = {"fast": (HEALTHY,), "slow": (HEALTHY,), "mixed": (HEALTHY,) * 7}
    plan.scenarios["mixed"] = plan.scenarios["fast"]
    orders = Orders(plan=plan, requests=requests, method=KERNEL, cpus=assign_cpus(plan), folder=tmp_path)
    assert [orders.slice_length(scenario) for scenario in requests] == [25, 2, 21]
    late = count_work(replace(orders, deadline_s=0.0))
    assert late.not_counted == dict.fromkeys(plan.deployments, "there was no time left for it")


DUMP = """version: 1
summary: 1234
ob=(2) /usr/lib/libc.so.6
fl=(1) a.c
fn=(3) read
10 5
+3 7
cob=(4) /venv/uvloop/loop.so
cfn=(9) run
calls=1 +4
* 1000
ob=(4)
fn=(9)
0 30
ob=(5) /usr/bin/python3.11
0 58
"""


def test_a_dump_is_read_without_what_called_functions_took(tmp_path: Path) -> None:
    path = tmp_path / "1.1"
    path.write_text(DUMP)
    assert callgrind.read_total(path) == 1234
    assert callgrind.read_shares([path]) == {"interpreter": 0.58, "event loop": 0.3, "libc": 0.12}


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("/usr/lib/x86_64-linux-gnu/libpython3.12.so.1.0", "interpreter"),
        ("/usr/lib/python3.11/lib-dynload/_json.cpython-311.so", "interpreter"),
        ("/usr/lib/python3.11/lib-dynload/_asyncio.cpython-311.so", "event loop"),
        ("/v/site-packages/httptools/parser/parser.cpython-311.so", "parser"),
        ("/v/site-packages/granian/_granian.cpython-311.so", "server"),
        ("/lib64/ld-linux-x86-64.so.2", "libc"),
        ("/v/site-packages/numpy/_core/_umath.so", "extension"),
        ("???", "unknown"),
    ],
)
def test_code_is_distinguished_by_its_shared_object(path: str, part: str) -> None:
    assert callgrind.part_of(path) == part
