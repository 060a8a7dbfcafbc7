import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import psutil
import pytest

from portcompare.serve.processes import Supervised, start_supervised, stop_all
from portcompare.serve.watchdog import open_files_limit
from tests.e2e.processes import wait_until
from tests.serve.support import is_gone

Start = Callable[..., Supervised]

STUBBORN = """
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(os.getpid(), flush=True)
while True:
    signal.pause()
"""

# Starts a stubborn process that leaves group and session, prints its pid, and ends or waits.
RUNAWAY = f"""
import signal, subprocess, sys
stubborn = [sys.executable, "-c", {STUBBORN!r}]
runaway = subprocess.Popen(stubborn, start_new_session=True, stdout=subprocess.PIPE)
print(int(runaway.stdout.readline()), flush=True)
"""

ECHO = """
import sys
for line in sys.stdin:
    print("heard", line.strip(), flush=True)
"""

LOOK = """
import json, os, resource
print(json.dumps({
    "cpus": sorted(os.sched_getaffinity(0)),
    "session": os.getsid(0),
    "group": os.getpgid(0),
    "pid": os.getpid(),
    "files": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
    "directory": os.getcwd(),
    "environment": dict(os.environ),
    "open": sorted(os.listdir("/proc/self/fd")),
}), flush=True)
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Supervised] = []

    def start_code(code: str, *, pipes: bool = True) -> Supervised:
        started.append(
            start_supervised(
                [sys.executable, "-c", code],
                directory=tmp_path,
                environment={**os.environ, "GREETING": "hello"},
                cpus=[min(os.sched_getaffinity(0))],
                log_path=tmp_path / "program.log",
                pipes=pipes,
            )
        )
        return started[-1]

    yield start_code
    stop_all(started)


def test_the_exit_status_of_the_program_is_the_watchdogs_as_in_shells(start: Start) -> None:
    assert start("raise SystemExit(7)").wait(60) == 7
    assert start("import os; os.kill(os.getpid(), 9)").wait(60) == 128 + 9


def test_lines_are_exchanged_with_the_program_which_sees_its_input_end(start: Start) -> None:
    program = start(ECHO)
    for word in ("one", "two"):
        program.stdin.write(f"{word}\n")
        assert program.stdout.readline() == f"heard {word}\n"
    program.stdin.close()
    assert program.stdout.read() == ""
    assert program.wait(60) == 0


def test_the_program_runs_where_and_as_ordered(start: Start, tmp_path: Path) -> None:
    program = start(LOOK)
    seen = json.loads(program.stdout.readline())
    assert seen["cpus"] == [min(os.sched_getaffinity(0))]
    assert seen["session"] == program.pid != os.getsid(0)
    assert seen["group"] == seen["pid"] != program.pid
    assert seen["files"] == open_files_limit()
    assert seen["directory"] == str(tmp_path)
    assert seen["environment"]["GREETING"] == "hello"
    assert seen["open"] == ["0", "1", "2", "3"]  # 3 is the listing itself: no end of the liveness pipe


def test_stopping_ends_one_program_that_ignores_sigterm_and_may_be_repeated(start: Start) -> None:
    program, other = start(STUBBORN), start(STUBBORN)
    pid = int(program.stdout.readline())
    other.stdout.readline()
    assert program.poll() is None  # it still runs
    program.stop()  # it would hang if the other had inherited the pipe's other end
    program.stop()
    assert is_gone(pid)
    assert program.poll() == 128 + signal.SIGKILL
    assert other.poll() is None


def test_stopping_gives_a_program_time_to_end_well(start: Start) -> None:
    # A shell, as Python may take longer to end than a program is given.
    shell = "trap 'echo bye >&2; exit 1' TERM; echo; sleep 600 & wait $!"
    program = start(f"import os; os.execvp('sh', ['sh', '-c', {shell!r}])")
    program.stdout.readline()
    program.stop()
    assert program.poll() == 1
    assert program.log_tail(1) == "bye"


@pytest.mark.parametrize("ending", ["signal.pause()", ""], ids=["parent stays", "parent ends"])
def test_a_process_that_left_group_and_session_is_killed(start: Start, ending: str) -> None:
    program = start(RUNAWAY + ending)
    pid = int(program.stdout.readline())
    program.stop()
    assert is_gone(pid)


def test_many_are_requested_to_stop_before_the_first_is_waited_for() -> None:
    programs = [Mock(spec=Supervised) for _ in range(3)]
    calls = Mock()
    for number, program in enumerate(programs):
        calls.attach_mock(program, f"p{number}")
    stop_all(programs)
    names = [name for name, *_ in calls.mock_calls]
    assert names[:3] == ["p0.request_stop", "p1.request_stop", "p2.request_stop"]
    assert names[3:] == ["p0.wait_stopped", "p1.wait_stopped", "p2.wait_stopped"]


def test_a_stubborn_program_whose_watchdog_was_killed_is_found_by_its_session(start: Start) -> None:
    program = start(STUBBORN)
    pid = int(program.stdout.readline())
    os.kill(program.pid, signal.SIGKILL)
    program.stop()
    wait_until(lambda: is_gone(pid))


def test_a_watchdog_that_hangs_is_killed(start: Start) -> None:
    program = start(STUBBORN)
    pid = int(program.stdout.readline())
    os.kill(program.pid, signal.SIGSTOP)
    program.request_stop()
    program.wait_stopped(timeout_s=0.1)
    assert program.poll() == -signal.SIGKILL
    wait_until(lambda: is_gone(pid))


def test_what_cannot_be_started_says_so_and_leaves_nothing_open(tmp_path: Path) -> None:
    before = psutil.Process().num_fds()
    how: dict[str, Any] = {"environment": os.environ, "cpus": os.sched_getaffinity(0)}
    program = start_supervised([f"{tmp_path}/nothing"], directory=tmp_path, log_path=tmp_path / "log", **how)
    assert program.wait(60) == 1
    assert "nothing" in program.log_tail(1)
    program.stop()
    with pytest.raises(FileNotFoundError):
        start_supervised(["true"], directory=tmp_path / "nowhere", log_path=tmp_path / "log", **how)
    assert psutil.Process().num_fds() == before


def test_the_log_is_appended_to_and_its_tail_is_of_this_process_alone(start: Start) -> None:
    start("print('first')", pipes=False).wait(60)
    second = start("for i in range(30): print(i)", pipes=False)
    second.wait(60)
    assert second.log_path.read_text().startswith("first\n")
    assert second.log_tail(2) == "28\n29"
    assert "first" not in second.log_tail(1000)
