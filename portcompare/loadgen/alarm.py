"""An alarm for the event loop that is on time to some ten microseconds.

gevent's own timers are up to a millisecond late: libev's epoll waits in whole milliseconds. To turn in a loop
for the last of these would be as precise, but would take the whole CPU, and with it the meaning of the
generator's CPU time.
"""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING, Final

import gevent

if TYPE_CHECKING:
    from collections.abc import Callable

_CLOCK_MONOTONIC: Final = 1
"""The clock behind `time.perf_counter` on Linux."""

_NONBLOCK_CLOEXEC: Final = os.O_NONBLOCK | os.O_CLOEXEC
_ABSOLUTE: Final = 1
_READ: Final = 1  # libev's EV_READ


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Timer(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class Alarm:
    """Calls a function in the event loop at an instant.

    References:
        timerfd_create(2), in the Linux manual; the standard library has it from Python 3.13 on.
    """

    __slots__ = ("_fd", "_pointer", "_settime", "_timer", "_watcher")

    def __init__(self, ring: Callable[[], None]) -> None:
        """Make an alarm that is not set.

        Args:
            ring: Called in the hub's greenlet, and again with every turn of the loop until the alarm is set
                to another instant or closed.

        Raises:
            OSError: If the system has no file descriptor left.
        """
        libc = ctypes.CDLL(None, use_errno=True)
        self._fd: int = libc.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC)
        if self._fd < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        self._settime = libc.timerfd_settime
        self._timer = _Timer()
        self._pointer = ctypes.byref(self._timer)
        self._watcher = gevent.get_hub().loop.io(self._fd, _READ)
        self._watcher.start(ring)

    def set(self, at_s: float) -> None:
        """Set it to another instant.

        Args:
            at_s: In seconds of `time.perf_counter()`; one that is past rings at once.
        """
        whole_s = int(at_s)
        value = self._timer.value
        value.seconds = whole_s
        value.nanoseconds = int((at_s - whole_s) * 1e9)
        self._settime(self._fd, _ABSOLUTE, self._pointer, None)

    def close(self) -> None:
        """Give its resources back; it never rings again."""
        self._watcher.stop()
        self._watcher.close()
        os.close(self._fd)
