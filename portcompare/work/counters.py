"""What counts: the processors' counters where the kernel has them, or else valgrind's callgrind."""

import ctypes
import os
import platform
import shutil
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from portcompare.errors import MeasurementError, refuse
from portcompare.records.work import CounterName, Part
from portcompare.serve.setups import Wrapper
from portcompare.work.callgrind import Callgrind, arguments

_SYSCALLS = {"x86_64": 298, "aarch64": 241}
_ATTR_BYTES = 112  # of struct perf_event_attr, PERF_ATTR_SIZE_VER5
_INHERIT, _EXCLUDE_KERNEL, _EXCLUDE_HV = 1 << 1, 1 << 5, 1 << 6
_CLOSE_ON_EXEC = 1 << 3  # PERF_FLAG_FD_CLOEXEC
_TIMES = 0b11  # read_format: also how long the event was enabled, and how long a counter was free for it

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What is counted: a type and a configuration of perf_event_open(2)."""

    type: int
    config: int


INSTRUCTIONS = Event(type=0, config=1)


def open_event(event: Event, thread: int) -> int:
    """Count an event of a thread, 0 for this one, and of all that it will start; raises OSError."""
    number = _SYSCALLS.get(platform.machine())
    if number is None:
        raise OSError(f"the number of perf_event_open on {platform.machine()} is not known here")
    flags = _INHERIT | _EXCLUDE_KERNEL | _EXCLUDE_HV
    attributes = struct.pack("IIQQQQQ", event.type, _ATTR_BYTES, event.config, 0, 0, _TIMES, flags)
    descriptor = int(
        _libc.syscall(number, attributes.ljust(_ATTR_BYTES, b"\0"), thread, -1, -1, _CLOSE_ON_EXEC)
    )
    if descriptor < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return descriptor


def why_unavailable(event: Event = INSTRUCTIONS) -> str | None:
    """Why an event cannot be counted here; None if it can."""
    try:
        os.close(open_event(event, 0))
    except OSError as error:
        return f"perf_event_open: {error.strerror or error}"
    return None


class Hardware:
    """Counts an event over process trees; to be closed."""

    def __init__(self, event: Event) -> None:
        self._event = event
        self._descriptors: dict[int, int] = {}  # By thread
        self._taken = 0.0

    async def begin(self, pids: Sequence[int]) -> None:
        """Count all threads of processes, until none was started meanwhile by one not counted yet.

        Raises MeasurementError if the counters cannot be used.
        """
        processes, known = [psutil.Process(pid) for pid in pids], -1
        while known != len(self._descriptors):
            known = len(self._descriptors)
            threads = {thread.id for process in processes for thread in process.threads()}
            for thread in threads - self._descriptors.keys():
                try:
                    self._descriptors[thread] = open_event(self._event, thread)
                except ProcessLookupError:  # it has ended since it was listed
                    continue
                except OSError as error:
                    raise MeasurementError(f"the hardware counters cannot be used: {error}") from None

    async def take(self) -> float:
        """The count since the last time."""
        before, self._taken = self._taken, 0.0
        for descriptor in self._descriptors.values():
            value, enabled_ns, running_ns = struct.unpack("QQQ", os.read(descriptor, 24))
            # Where events share a counter, each is counted for a part of the time.
            self._taken += value * enabled_ns / running_ns if running_ns else 0.0
        return self._taken - before

    def find_shares(self) -> dict[Part, float]:
        """Nothing: whose code they are is not known."""
        return {}

    def close(self) -> None:
        """Stop counting; a second call does nothing."""
        while self._descriptors:
            os.close(self._descriptors.popitem()[1])


_SLOWER = 6.0  # how much longer a server may take under callgrind until it is ready


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """How all deployments are counted."""

    counter: CounterName
    event: Event = INSTRUCTIONS  # what the hardware's counters count
    is_layout_fixed: bool  # whether the kernel lets the address layout be the same at each start

    def make_counter(self, folder: Path) -> Callgrind | Hardware:
        """Make the counter of one server; `folder`: the one that it was wrapped with."""
        return Callgrind(folder) if self.counter == "callgrind" else Hardware(self.event)

    def wrap(self, folder: Path) -> Wrapper:
        """What servers are run inside of, for their work to be the same each time, and to be counted."""
        is_emulated = self.counter == "callgrind"
        fixed = ("setarch", "-R") if self.is_layout_fixed else ()
        return Wrapper(
            command=(*fixed, *(arguments(folder) if is_emulated else ())),
            environment={"PYTHONHASHSEED": "0"},
            slower=_SLOWER if is_emulated else 1.0,
        )


def choose_method() -> Method:
    """The hardware's counters where there are such, else callgrind; raises InputError if there is neither."""
    counter: CounterName = "hardware"
    reason = why_unavailable()
    if reason is not None:
        counter = "callgrind"
        if missing := [program for program in ("valgrind", "vgdb") if shutil.which(program) is None]:
            found = f"there are no hardware counters ({reason}), and no {' and no '.join(missing)} in PATH"
            remedy = (
                "install the package `valgrind` (apt-get install valgrind), or allow hardware counters where"
                " the machine has them (sysctl kernel.perf_event_paranoid=2)"
            )
            raise refuse("work", found, remedy)
    try:  # forbidden in some containers
        fixed = subprocess.run(["setarch", "-R", "true"], check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        fixed = False
    return Method(counter=counter, is_layout_fixed=fixed)
