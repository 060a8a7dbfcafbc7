"""Hardware counters, by perf_event_open(2), of processes that already run and of all that they start."""

import ctypes
import os
import platform
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from portcompare.errors import MeasurementError
from portcompare.records.work import Part

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
