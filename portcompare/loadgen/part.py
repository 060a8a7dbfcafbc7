"""One process's part of a round: users spawned by Locust, warmed up, and a window cut out of their load."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING

import gevent
from gevent.event import Event
from locust.env import Environment

from portcompare.loadgen.approved import Approved
from portcompare.loadgen.arrivals import due_times
from portcompare.loadgen.connection import Address
from portcompare.loadgen.figures import Counts, Warm, Window, sum_up
from portcompare.loadgen.locust_users import EventCounter
from portcompare.loadgen.open_model import Dispatcher, make_open
from portcompare.loadgen.session import SPARSE, Session, Target, open_session
from portcompare.loadgen.user import LeanUser
from portcompare.loadgen.window import Heartbeat, is_steady, least_time
from portcompare.wire.protocol import Captured, RateLoad, concurrency_of

if TYPE_CHECKING:
    from locust import User
    from locust.runners import LocalRunner

    from portcompare.loadgen.arrivals import Share
    from portcompare.loadgen.figures import PartDone
    from portcompare.wire.protocol import RunRound

_MANY_RPS = 2000.0
"""From this rate on looking at every answer's `Server-Timing` would cost more than a hundredth of a CPU."""


_SETTLING_S = 3.0
"""How much longer than the test for it needs at least a rate may take to become steady."""

_QUIT_LIMIT_S = 10.0

_LOOK_EVERY_S = 0.02
"""How often it is seen whether the rate is steady."""


class Part:
    """A process's part of a round, under way until it is ended."""

    def __init__(
        self, order: RunRound, share: Share, user_class: type[User], captured: Captured | None = None
    ) -> None:
        """Begin the load."""
        load = order.load
        self._order = order
        self._dispatcher: Dispatcher | None = None
        self._counter: EventCounter | None = None
        self._logs_in = issubclass(user_class, LeanUser) and bool(user_class.login)
        users = concurrency_of(load)
        if isinstance(load, RateLoad):
            self._dispatcher = Dispatcher(due_times(load, share), order.timeout_s)
            user_class = make_open(user_class, self._dispatcher)
        self._session = Session(
            targets=(Target(name="", url=order.url),),
            users=users,
            part=share,
            stagger_s=order.delay_s if users > 1 else 0.0,
            timeout_s=order.timeout_s,
            expectations=order.expectations,
        )
        self._mine = share.of(users)
        self._window_s = order.window_s
        self._closing = Event()
        if issubclass(user_class, LeanUser):
            self._runner = Environment(user_classes=[user_class]).create_local_runner()
        else:
            self._runner = self._listen(user_class, captured or Captured(requests=()))
        open_session(self._runner.environment, self._session)
        self._heartbeat = Heartbeat()
        # A collection in mid-round would be a stall that the answers are blamed for. But other clients leave
        # garbage that only a collection finds: there it is kept from looking through all that is older.
        gc.collect()
        if self._counter is None:
            gc.disable()
        else:
            gc.freeze()
        self._began_s = time.perf_counter()
        self._runner.start(self._mine, spawn_rate=self._mine)

    def _listen(self, user_class: type[User], captured: Captured) -> LocalRunner:
        """Set up the load of users that do not count themselves."""
        order = self._order
        approved = Approved(captured, order.expectations, Address.of(order.url).netloc)
        self._counter = EventCounter(self._session, approved)
        return self._counter.stage(user_class, order.url)

    def warm_up(self) -> Warm:
        """Wait until each user has had an answer and answers come at a steady rate, or time is up."""
        order, void = self._order, None
        if self._dispatcher:
            self._runner.spawning_greenlet.join()  # the schedule begins when all are there: that takes time
            void = self._await_answers() if self._logs_in else None
            self._dispatcher.begin()
            self._began_s = time.perf_counter()
        else:
            void = self._await_answers()
        gevent.sleep(max(self._began_s + order.warmup_s - time.perf_counter(), 0.0))
        steady = void is None and self._await_steady_rate()
        warm_rps = len(self._session.recorder.ended_s()) / (time.perf_counter() - self._began_s)
        self._session.sample_every = 1 if warm_rps < _MANY_RPS else SPARSE
        return Warm(void=void, steady=steady)

    def _await_answers(self) -> str | None:
        self._session.all_answered.wait(self._order.warmup_max_s)
        cold = self._mine - self._session.answered
        if not cold:
            return None
        why = f": {self._session.hindrance}" if self._session.hindrance else ""
        return f"{cold} of {self._mine} users had no answer within {self._order.warmup_max_s:g} s{why}"

    def _await_steady_rate(self) -> bool:
        wave_s = self._order.delay_s
        deadline_s = max(self._began_s + least_time(wave_s), time.perf_counter()) + _SETTLING_S
        while True:
            now_s = time.perf_counter()
            if is_steady(self._session.recorder.ended_s(), self._began_s, now_s, wave_s):
                return True
            if now_s > deadline_s:
                return False
            gevent.sleep(_LOOK_EVERY_S)

    def measure(self, notice_s: float) -> PartDone:
        """Open the window, and close it."""
        start_s = time.perf_counter() + notice_s
        gevent.sleep(start_s - time.perf_counter())
        before = self._count()
        if self._order.is_held:  # else nothing may stand between the window's end and the count
            self._closing.wait(start_s + self._window_s - time.perf_counter())
        end_s = start_s + self._window_s
        gevent.sleep(end_s - time.perf_counter())
        during = self._count()
        return sum_up(Window(start_s=start_s, end_s=end_s, wave_s=self._order.delay_s), before, during)

    def close_window(self, window_s: float) -> None:
        """Have the window close when it has been open for so long."""
        self._window_s = window_s
        self._closing.set()

    def _count(self) -> Counts:
        return Counts(
            tallies=tuple(self._session.recorder.cut().values()),
            pace=self._dispatcher.cut() if self._dispatcher else None,
            stall_s=self._heartbeat.cut(),
            cpu_s=time.process_time(),
            taken_at_s=time.perf_counter(),
        )

    def end(self) -> None:
        """Stop the load."""
        if self._dispatcher:
            self._dispatcher.end()
        self._heartbeat.stop()
        # A user's own on_stop may wait for ever for a server that answers no more.
        with gevent.Timeout(_QUIT_LIMIT_S, exception=False):
            self._runner.quit()
        if self._counter:
            self._counter.stop()
        gc.enable()
        gc.unfreeze()
