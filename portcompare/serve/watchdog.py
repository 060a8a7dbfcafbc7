"""Runs one program, and ends it and everything it has started when portcompare goes away.

A script of its own: `python -I watchdog.py LIVENESS_FD CPU,CPU,... PROGRAM ARGUMENT...`.

It reads from a pipe whose write end only portcompare holds, and which ends when portcompare closes it or
dies. As a child subreaper it also finds processes that leave the program's process group or lose their
parent. If it is killed itself, the kernel sends the program SIGTERM, so that a server still ends its workers.
"""

import ctypes
import os
import resource
import select
import signal
import subprocess
import sys
from pathlib import Path

GRACE_S = 0.5  # how long the program may take to end after SIGTERM
_MOST_OPEN_FILES = 65_536
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

_libc = ctypes.CDLL(None)


def open_files_limit() -> int:
    """How many files a program that portcompare starts may open, and so connections: raised where allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = _MOST_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_OPEN_FILES)
    return max(soft, allowed)


def watch(liveness: int, cpus: set[int], command: list[str]) -> int:
    """Run a program until it ends or the liveness pipe does, and leave no process behind."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # else it would show where it waited
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    # The watchdog only waits: it may share what the program inherits from it.
    os.sched_setaffinity(0, cpus)
    hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_files_limit(), hard_limit))
    watchdog = os.getpid()

    def end_with_watchdog() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != watchdog:  # it died before the call
            os.kill(os.getpid(), signal.SIGKILL)

    # preexec_fn is unsafe with other threads; the watchdog has none.
    program = subprocess.Popen(command, process_group=0, preexec_fn=end_with_watchdog)  # noqa: PLW1509
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1):  # left to the program, so that its peer sees them end when the program ends
        os.dup2(null, standard)
    os.close(null)
    ended = os.pidfd_open(program.pid)
    _wait_for_any(liveness, ended)
    os.killpg(program.pid, signal.SIGTERM)
    _wait_for_any(ended, timeout_s=GRACE_S)
    os.killpg(program.pid, signal.SIGKILL)
    status = program.wait()
    _kill_descendants()
    return status if status >= 0 else 128 - status


def _wait_for_any(*descriptors: int, timeout_s: float | None = None) -> None:
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    poll.poll(None if timeout_s is None else timeout_s * 1000)


def _kill_descendants() -> None:
    """Kill children until none is left: a killed child's own children become the watchdog's."""
    while True:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and _parent_of(entry) == os.getpid():
                os.kill(int(entry.name), signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _parent_of(process: Path) -> int | None:
    try:
        stat = (process / "stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):  # it has ended
        return None
    return int(stat.rpartition(b")")[2].split()[1])


if __name__ == "__main__":
    sys.exit(watch(int(sys.argv[1]), {int(cpu) for cpu in sys.argv[2].split(",")}, sys.argv[3:]))
