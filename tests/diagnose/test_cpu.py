import os
import re
import sys
from pathlib import Path

import pytest

import portcompare
from portcompare.diagnose import cpu
from portcompare.diagnose.cpu import Profile, Samples, compare_cpu, record_cpu
from portcompare.diagnose.stacks import Function, draw_flame_graph, read_stacks
from portcompare.errors import MeasurementError
from portcompare.serve.processes import start_supervised

APP = Path("/srv/shop")
OWN = Path(portcompare.__file__).parent
LIB = "/srv/shop/.venv/lib/python3.11"
MAIN = 'process 7:"python -c from multiprocessing.spawn import spawn_main; spawn_main(3)"'
LOOP = f"{MAIN};BaseEventLoop._run_once (/usr/lib/python3.11/asyncio/base_events.py:1845)"
SERVED = f"{LOOP};H11Protocol.handle ({LIB}/site-packages/hypercorn/protocol/h11.py:113)"
PUSH = f"RequestContext.push ({LIB}/site-packages/quart/ctx.py:200)"
TOTAL = "total (/srv/shop/shop/orders.py:12)"
DUMPS = "JSONEncoder.encode (/usr/lib/python3.11/json/encoder.py:183)"


def profile(
    deployment: str, *lines: str, cpu_s: float = 1.0, system_s: float = 0.0, user_s: float = 5.0
) -> Profile:
    samples = Samples(stacks=read_stacks(lines, APP), user_s=user_s, system_s=system_s, flame_graph="")
    return Profile(deployment=deployment, samples=samples, cpu_s=cpu_s, requests=1000)


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (TOTAL, ("app", "shop.orders.total")),
        ("<lambda> (/srv/shop/app.py:3)", ("app", "app.<lambda>")),
        ("read (/srv/common/store.py:3)", ("app", "store.read")),  # imported from beside the app's directory
        ("root (/srv/shop/templates/page.html:1)", ("app", "templates.page.html.root")),
        (PUSH, ("framework", "quart.ctx.RequestContext.push")),
        ("flask (/usr/lib/python3/dist-packages/flask/__init__.py:1)", ("framework", "flask.flask")),
        (f"f ({LIB}/site-packages/gunicorn/workers/base.py:9)", ("server", "gunicorn.workers.base.f")),
        ("Handle._run (/usr/lib/python3.11/asyncio/events.py:78)", ("server", "asyncio.events.Handle._run")),
        (f"f ({OWN}/serve/a.py:1)", ("server", "portcompare.serve.a.f")),
        (f"Query.all ({LIB}/site-packages/sqlalchemy/sql.py:5)", ("interpreter", "sqlalchemy.sql.Query.all")),
        (DUMPS, ("interpreter", "json.encoder.JSONEncoder.encode")),
        ("_find (<frozen importlib._bootstrap>:12)", ("interpreter", "importlib._bootstrap._find")),
        ("__init__ (<string>:2)", ("interpreter", "<string>.__init__")),
    ],
)
def test_a_function_belongs_to_whose_file_it_is_in(frame: str, expected: tuple[str, str]) -> None:
    ((stack, count),) = read_stacks([f"{SERVED};{frame} 3"], APP).items()
    assert (stack[-1].group, stack[-1].label) == expected
    assert (len(stack), count) == (3, 3)  # without the process's command, though that holds a semicolon


def test_cpu_time_is_divided_by_the_samples_and_the_largest_differences_come_first() -> None:
    baseline = profile("flask", f"{TOTAL} 250", f"{DUMPS} 250")
    candidate = profile("quart", f"{TOTAL} 250", f"{SERVED};{TOTAL} 250", f"{SERVED};{PUSH} 500", cpu_s=2.0)
    differences, text = compare_cpu(baseline, candidate, "front")
    found = {one.function: (one.group, round(one.us_per_request)) for one in differences}
    assert found == {
        "quart.ctx": ("framework", 1000),
        "shop.orders.total": ("app", 500),
        "json.encoder": ("interpreter", -500),
    }
    assert differences[0].function == "quart.ctx"
    assert {(one.deployment, one.scenario) for one in differences} == {("quart", "front")}
    assert differences[0].baseline_us_per_request == 0
    assert "2,000 us" in text
    assert "+1,000 us beside flask: server +0, framework +1,000, app +500, interpreter -500" in text


def test_differences_within_the_noise_of_sampling_are_not_listed() -> None:
    baseline = profile("flask", f"{TOTAL} 480", f"{DUMPS} 20")
    candidate = profile("quart", f"{TOTAL} 470", f"{DUMPS} 27", f"{PUSH} 3")
    assert compare_cpu(baseline, candidate, "front")[0] == []


def test_only_ten_are_listed_and_functions_of_a_module_that_is_not_the_apps_are_added_up() -> None:
    lines = [f"{part} ({LIB}/site-packages/m{index}/a.py:1) 20" for index in range(12) for part in "ab"]
    differences, _ = compare_cpu(profile("flask", f"{TOTAL} 480"), profile("quart", *lines), "front")
    assert len(differences) == cpu.MOST_DIFFERENCES
    assert [one.function for one in differences[:2]] == ["shop.orders.total", "m0.a"]


def test_system_calls_and_what_runs_without_the_lock_are_no_functions_time() -> None:
    baseline = profile("flask", f"{TOTAL} 400", user_s=4.0)
    # Of 5 s, 1 s is spent in the kernel, 1 s with the lock, and 3 s without it.
    candidate = profile("quart", f"{TOTAL} 100", user_s=4.0, system_s=1.0)
    differences, _ = compare_cpu(baseline, candidate, "front")
    found = {one.function: round(one.us_per_request) for one in differences}
    assert found == {"shop.orders.total": -800, cpu.SYSTEM_CALLS.module: 200, cpu.UNLOCKED.module: 600}


def test_a_side_that_nothing_was_seen_of_is_named() -> None:
    differences, text = compare_cpu(profile("flask"), profile("quart", f"{TOTAL} 4"), "front")
    assert differences == []
    assert "saw nothing run in flask" in text


def test_a_flame_graph_merges_what_stacks_begin_with_and_loads_nothing() -> None:
    deep = [Function(group="app", module="<a>", name=f"f{depth}") for depth in range(2000)]
    stacks = {(deep[0], deep[1]): 1, (deep[0], deep[2]): 2, (deep[0],): 1, tuple(deep): 4}
    drawn = draw_flame_graph(stacks, "A & B")
    assert drawn.count("<g>") == 2001
    assert "<title>A &amp; B</title>" in drawn
    assert "<title>&lt;a&gt;.f0: 100.0%, 8 samples</title>" in drawn
    assert "<title>&lt;a&gt;.f1: 62.5%, 5 samples</title>" in drawn
    assert set(re.findall(r"https?://[^\"]+", drawn)) == {"http://www.w3.org/2000/svg"}
    assert "<script" not in drawn
    assert "href" not in drawn


def test_a_process_that_py_spy_may_not_read_is_an_error_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = tmp_path / "py-spy"
    refusing.write_text("#!/bin/sh\necho 'Error: No python processes found' >&2\nexit 1\n")
    refusing.chmod(0o755)
    monkeypatch.setattr(cpu, "find_tool", lambda _: str(refusing))
    with pytest.raises(MeasurementError, match=r"No python processes found\. It needs ptrace: .*SYS_PTRACE"):
        record_cpu(os.getpid(), 1, tmp_path, "quart", tmp_path)


BUSY = """
def spin():
    return sum(range(1000))

while True:
    spin()
"""


def test_what_a_process_runs_is_seen(tmp_path: Path) -> None:
    (tmp_path / "busy.py").write_text(BUSY)
    command = [sys.executable, str(tmp_path / "busy.py")]
    cpus = os.sched_getaffinity(0)
    log = tmp_path / "log"
    busy = start_supervised(command, directory=tmp_path, environment={}, cpus=cpus, log_path=log)
    try:
        samples = record_cpu(busy.pid, 1, tmp_path, "busy", tmp_path)
    except MeasurementError as error:
        pytest.skip(str(error))
    finally:
        busy.stop()
    most = max(samples.stacks.items(), key=lambda one: one[1])
    assert most[0][-1].label == "busy.spin"
    assert samples.user_s > 0
    assert "busy.spin" in (tmp_path / samples.flame_graph).read_text()
