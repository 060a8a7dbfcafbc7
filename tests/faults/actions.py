"""What is done to a run at a time, by the names in `table.py`."""

from __future__ import annotations

import os
import shutil
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from tests.e2e.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.runner import Started

GENERATOR = "-m portcompare.loadgen"
PAUSE_S = 65.0  # more than twice the time after which a load worker is lost


def _send(number: signal.Signals) -> Callable[[Started], None]:
    """Send portcompare a signal."""
    return lambda started: started.process.send_signal(number)


# As Ctrl-C does; as a service manager does; as a terminal does that ends; and as nobody can refuse.
interrupt, terminate, hang_up = _send(signal.SIGINT), _send(signal.SIGTERM), _send(signal.SIGHUP)
kill = _send(signal.SIGKILL)


def _kill_role(role: str, most: int | None = None) -> Callable[[Started], None]:
    """Kill the processes of a role, or some of them."""
    return lambda started: _kill(wait_for(started, role)[:most])


kill_generator, kill_worker, kill_watchdogs = (
    _kill_role("generator"),
    _kill_role("worker", 1),
    _kill_role("watchdog"),
)


def kill_candidate(started: Started) -> None:
    """Kill the candidate's server, again if it was being stopped anyway."""
    while started.process.poll() is None:
        _kill(find(started, "candidate"))
        time.sleep(0.2)


def pause_worker(started: Started) -> None:
    """Stop a load worker for a minute, and let the run go on for as long."""
    (pid, *_) = wait_for(started, "worker")
    os.kill(pid, signal.SIGSTOP)
    time.sleep(PAUSE_S)
    os.kill(pid, signal.SIGCONT)
    time.sleep(PAUSE_S / 2)
    terminate(started)


def delete_folder(started: Started) -> None:
    """Delete the run's folder."""
    shutil.rmtree(started.out)


def replace_folder(started: Started) -> None:
    """Put a file in the place of the run's folder."""
    started.out.rename(started.folder / "moved")
    started.out.touch()


def fill_disk(started: Started) -> None:
    """Fill the file system of the run's folder."""
    with suppress(OSError), (started.live / "filler").open("wb") as file:
        while True:
            file.write(bytes(4096))
            file.flush()


def wait_for(started: Started, role: str) -> list[int]:
    """The processes of a role, once there are any."""
    wait_until(lambda: find(started, role) or started.process.poll() is not None)
    found = find(started, role)
    assert found, f"there was no {role}"
    return found


def find(started: Started, role: str) -> list[int]:
    """The processes of a role, by process id."""
    return [pid for pid, command in started.processes().items() if role in _roles(pid, command)]


def _kill(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):  # it has ended with another one
            os.kill(pid, signal.SIGKILL)


def _roles(pid: int, command: str) -> Iterator[str]:
    if "watchdog.py" in command:
        yield "watchdog"
    elif GENERATOR in command:
        yield "generator" if "watchdog.py" in _read(f"/proc/{_parent(pid)}/cmdline") else "worker"
    elif "service:" in command:
        yield "server"
        if "FAULT=none" in _read(f"/proc/{pid}/environ"):
            yield "candidate"


def _read(path: str) -> str:
    with suppress(OSError), open(path, "rb") as file:  # noqa: PTH123 - of /proc
        return file.read().replace(b"\0", b" ").decode(errors="replace")
    return ""


def _parent(pid: int) -> str:
    return _read(f"/proc/{pid}/stat").rpartition(")")[2].split()[1]
