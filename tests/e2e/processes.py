"""Which processes a command has started, and whether they are gone."""

import time
from collections.abc import Callable
from contextlib import suppress

import psutil


def wait_until(condition: Callable[[], object], timeout_s: float = 120) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, f"not so after {timeout_s} s"
        time.sleep(0.02)


def processes_below(pid: int) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).children(recursive=True)
    return []


def servers_below(pid: int) -> list[psutil.Process]:
    """The servers of a run, once they are all there."""
    commands = {process: command_of(process) for process in processes_below(pid)}
    found = [process for process, command in commands.items() if "portcompare.loadgen" not in command]
    is_serving = all(any(name in commands[one] for one in found) for name in ("gunicorn", "uvicorn"))
    return found if is_serving else []


def command_of(process: psutil.Process) -> list[str]:
    with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        return process.cmdline()
    return []


def are_gone(processes: list[psutil.Process]) -> bool:
    return not any(map(is_running, processes))


def is_running(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
