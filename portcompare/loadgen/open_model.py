"""The open model: requests are due at instants of their own, and users are connections that take them."""

import ctypes
import os
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from math import inf
from random import Random
from time import perf_counter
from typing import Final

import gevent
from gevent.event import Event
from gevent.hub import Waiter

from portcompare.loadgen.tallies import Pace
from portcompare.wire.protocol import RateLoad


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One process's share of the load."""

    index: int  # The process's number, from 0
    processes: int  # How many there are

    def of(self, total: int) -> int:
        """How many of something this process gets."""
        return len(range(self.index, total, self.processes))

    def number(self, place: int) -> int:
        """The number, among all processes, of something that this process got."""
        return place * self.processes + self.index


WHOLE: Final = Share(index=0, processes=1)  # The share of a process that is alone


def due_times(load: RateLoad, share: Share = WHOLE) -> Iterator[float]:
    """When requests are due, in seconds from the beginning, without end.

    Poisson's are independent, with exponential gaps; independent shares add up to such arrivals again.

    Source: Kingman, "Poisson Processes", Oxford University Press, 1993, section 4.1, the interval theorem.
    """
    if load.arrivals == "even":
        # Divided, not added up: a sum of gaps would drift away from the rate.
        yield from (share.number(place) / load.rate_rps for place in count())
    # One that is alone keeps the schedule that the seed has always stood for.
    seed = load.seed if share == WHOLE else f"{load.seed}/{share.index}"
    random = Random(seed)  # noqa: S311 - a schedule, not a secret
    due_s = 0.0
    while True:
        due_s += random.expovariate(load.rate_rps / share.processes)
        yield due_s


class Dispatcher:
    """The queue in front of the users: a request goes to an idle user at once, or waits for the next one.

    Idle users cost nothing: they wait to be switched to, and are switched to in the very callback of the
    alarm, so that a request is sent some microseconds after it. The user that was busy last comes first, so
    that no more connections are made than are needed.

    A request that waits in the queue is not the generator's lag: its connections are busy because the server
    has not responded. Its latency counts from when it was due.
    """

    __slots__ = (
        "_alarm",
        "_all_idle",
        "_closes_at_s",
        "_elapsed_s",
        "_idle",
        "_offset_s",
        "_pace",
        "_queue",
        "_schedule",
        "_time_limit_s",
        "_users",
        "_zero_s",
    )

    def __init__(self, schedule: Iterator[float], time_limit_s: float, users: int = 0) -> None:
        """Make a dispatcher that has not begun.

        `schedule`: as of `due_times`.
        `users`: how many there are, where they take turns.
        """
        self._schedule = schedule
        self._time_limit_s = time_limit_s
        self._users = users
        self._idle: list[Waiter] = []
        self._all_idle = Event()
        self._queue: deque[float] = deque()
        self._pace = Pace()
        # The schedule's own time runs from `_zero_s`, and stands still between turns
        self._zero_s = self._elapsed_s = 0.0
        self._offset_s = next(schedule)  # When the next request is due, in the schedule's time
        self._closes_at_s = -inf
        self._alarm = Alarm(self._hand_out)

    def begin(self, closes_at_s: float = inf) -> None:
        """Begin the schedule, or go on with it, until an instant of `time.perf_counter()`."""
        self._all_idle.clear()
        now_s = perf_counter()
        self._zero_s = now_s - self._elapsed_s
        self._elapsed_s += closes_at_s - now_s
        self._closes_at_s = closes_at_s
        self._set_alarm()

    def wait_until_idle(self, limit_s: float) -> bool:
        """Wait until no request is due or under way; False if one still is at the limit."""
        return bool(self._all_idle.wait(limit_s))

    def end(self) -> None:
        """Hand out no more; users that wait go on waiting."""
        self._alarm.close()

    def take(self) -> float:
        """Take the oldest request due, or wait for the next; returns when it was due, by `perf_counter`."""
        self._drop_late()
        if self._queue:
            return self._queue.popleft()
        waiter = Waiter()
        self._idle.append(waiter)
        self._note_idle()
        due_s: float = waiter.get()
        return due_s

    @property
    def backlog(self) -> int:
        """How many requests wait for a user."""
        return len(self._queue)

    def queued_s(self, until_s: float) -> list[float]:
        """When those requests that wait for a user were due, of those due until an instant."""
        return [due_s for due_s in self._queue if due_s <= until_s]

    def cut(self) -> Pace:
        """Begin a new pace, and return the old one."""
        self._drop_late()
        pace, self._pace = self._pace, Pace()
        return pace

    def _hand_out(self) -> None:
        """Run by the alarm: deal with all that is due by now.

        What falls due meanwhile is left to the next turn of the loop, so that responses are read in between.
        """
        began_s = now_s = perf_counter()
        while (due_s := self._zero_s + self._offset_s) <= min(began_s, self._closes_at_s):
            self._offset_s = next(self._schedule)
            self._pace.due_s.append(due_s)
            self._pace.lags_s.append(now_s - due_s)
            if self._idle:
                self._idle.pop().switch(due_s)
            else:
                self._queue.append(due_s)
            now_s = perf_counter()
        self._set_alarm()

    def _set_alarm(self) -> None:
        next_s = self._zero_s + self._offset_s
        if next_s <= self._closes_at_s:
            self._alarm.set(next_s)
        else:
            self._note_idle()

    def _note_idle(self) -> None:
        """Note that all users wait, if nothing more is due in this turn."""
        if len(self._idle) == self._users and self._zero_s + self._offset_s > self._closes_at_s:
            self._all_idle.set()

    def _drop_late(self) -> None:
        limit_s = perf_counter() - self._time_limit_s
        while self._queue and self._queue[0] < limit_s:
            self._queue.popleft()
            self._pace.dropped += 1


_CLOCK_MONOTONIC: Final = 1  # The clock behind `time.perf_counter` on Linux
_NONBLOCK_CLOEXEC: Final = os.O_NONBLOCK | os.O_CLOEXEC
_ABSOLUTE: Final = 1
_READ: Final = 1  # libev's EV_READ


class Alarm:
    """Calls a function in the event loop at an instant, more precisely than the loop's timers of 1 ms.

    Source: timerfd_create(2), in the Linux manual; the standard library has it from Python 3.13 on.
    """

    __slots__ = ("_fd", "_settime", "_timer", "_watcher")

    def __init__(self, ring: Callable[[], None]) -> None:
        """Make an alarm that is not set; raises OSError if the system has no file descriptor left."""
        libc = ctypes.CDLL(None, use_errno=True)
        self._fd: int = libc.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC)
        if self._fd < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        self._settime = libc.timerfd_settime
        self._timer = (ctypes.c_long * 4)()  # itimerspec: the interval's seconds and nanoseconds, the value's
        self._watcher = gevent.get_hub().loop.io(self._fd, _READ)
        self._watcher.start(ring)

    def set(self, at_s: float) -> None:
        """Set it to another instant, in seconds of `time.perf_counter()`."""
        whole_s = int(at_s)
        self._timer[2], self._timer[3] = whole_s, int((at_s - whole_s) * 1e9)
        self._settime(self._fd, _ABSOLUTE, self._timer, None)

    def close(self) -> None:
        """Release its resources; it never rings again."""
        self._watcher.stop()
        self._watcher.close()
        os.close(self._fd)
