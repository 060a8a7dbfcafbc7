"""The open model's heart: hands each request, when it is due, to a user with a free connection."""

from __future__ import annotations

from collections import deque
from time import perf_counter
from typing import TYPE_CHECKING

from gevent.hub import Waiter

from portcompare.loadgen.alarm import Alarm
from portcompare.loadgen.recorder import Pace

if TYPE_CHECKING:
    from collections.abc import Iterator


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

        Args:
            schedule: When requests are due, in seconds from the beginning, without end.
            time_limit_s: A request that has waited this long for a connection is given up.
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

        Returns:
            When it was due, in seconds of `time.perf_counter()`.
        """
        self._drop_late()
        if self._queue:
            return self._queue.popleft()
        waiter = Waiter()
        self._idle.append(waiter)
        due_s: float = waiter.get()
        return due_s

    def cut(self) -> Pace:
        """Begin a new pace.

        Returns:
            The one that ran until now.
        """
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
