"""The users of the open model: each is a connection that takes requests when they are due."""

from __future__ import annotations

import ctypes
import os
from collections import deque
from time import perf_counter
from typing import TYPE_CHECKING, Final, cast

import gevent
from gevent.hub import Waiter

from portcompare.loadgen.figures import Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from portcompare.loadgen.user import LeanUser


def make_open(user_class: type[LeanUser], dispatcher: Dispatcher) -> type[LeanUser]:
    """Turn users that ask again when they are answered into users that ask when a request is due."""

    def ask_when_due(user: LeanUser) -> None:
        user.enter()
        # For ever: Locust's own turn between two tasks would come between an answer and the next request.
        while True:
            user.ask(due_s=dispatcher.take())

    made = cast("type[LeanUser]", type(user_class.__name__, (user_class,), {"abstract": False}))
    made.tasks = [ask_when_due]  # afterwards: Locust adds what is in the body to the tasks of the base
    return made


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

        Raises OSError if the system has no file descriptor left.
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
        """Set it to another instant."""
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


class Dispatcher:
    """The queue in front of the users: a request goes to an idle user at once, or waits for the next one.

    A user is a connection. Idle ones cost nothing: they wait to be switched to, and are switched to in the
    very callback of the alarm, so that a request is on its way some microseconds after the alarm rings. The
    user that was busy last is the first to be asked, so that no more connections are made than are needed.

    A request that waits in the queue is not the generator's lag: its connections are busy because the server
    has not answered. Its latency counts from when it was due.
    """

    __slots__ = ("_alarm", "_idle", "_next_s", "_pace", "_queue", "_schedule", "_time_limit_s", "_zero_s")

    def __init__(self, schedule: Iterator[float], time_limit_s: float) -> None:
        """Make a dispatcher that has not begun.

        `schedule`: when requests are due, in seconds from the beginning, without end.
        """
        self._schedule = schedule
        self._time_limit_s = time_limit_s
        self._idle: list[Waiter] = []
        self._queue: deque[float] = deque()
        self._pace = Pace()
        self._zero_s = self._next_s = 0.0
        self._alarm = Alarm(self._hand_out)

    def begin(self) -> None:
        """Begin the schedule now."""
        self._zero_s = perf_counter()
        self._advance()
        self._alarm.set(self._next_s)

    def end(self) -> None:
        """Hand out no more; users that wait go on waiting."""
        self._alarm.close()

    def take(self) -> float:
        """Take the oldest request that is due; wait for the next if there is none.

        Returns when it was due, in seconds of `time.perf_counter()`.
        """
        self._drop_late()
        if self._queue:
            return self._queue.popleft()
        waiter = Waiter()
        self._idle.append(waiter)
        due_s: float = waiter.get()
        return due_s

    def cut(self) -> Pace:
        """Begin a new pace."""
        self._drop_late()
        pace, self._pace = self._pace, Pace()
        return pace

    def _hand_out(self) -> None:
        """Run by the alarm: deal with all that is due by now.

        What falls due meanwhile is left to the next turn of the loop, so that answers are read in between.
        """
        began_s = now_s = perf_counter()
        while self._next_s <= began_s:
            due_s = self._next_s
            self._advance()
            self._pace.due_s.append(due_s)
            self._pace.lags_s.append(now_s - due_s)
            if self._idle:
                self._idle.pop().switch(due_s)
            else:
                self._queue.append(due_s)
            now_s = perf_counter()
        self._alarm.set(self._next_s)

    def _advance(self) -> None:
        self._next_s = self._zero_s + next(self._schedule)

    def _drop_late(self) -> None:
        limit_s = perf_counter() - self._time_limit_s
        while self._queue and self._queue[0] < limit_s:
            self._queue.popleft()
            self._pace.dropped += 1
