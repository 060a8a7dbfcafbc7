"""One process's part of a round: users spawned by Locust, warmed up, and a window cut out of their load."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING

import gevent
from locust.env import Environment

from portcompare.loadgen.arrivals import due_times
from portcompare.loadgen.dispatcher import Dispatcher
from portcompare.loadgen.figures import Counts, Warm, Window, sum_up
from portcompare.loadgen.heartbeat import Heartbeat
from portcompare.loadgen.open_user import make_open
from portcompare.loadgen.session import SPARSE, Session, Target, open_session
from portcompare.loadgen.steady import is_steady, least_time
from portcompare.protocol import RateLoad, concurrency_of

if TYPE_CHECKING:
    from portcompare.loadgen.figures import PartDone
    from portcompare.loadgen.share import Share
    from portcompare.loadgen.user import LeanUser
    from portcompare.protocol import RunRound

_MANY_RPS = 2000.0
"""From this rate on looking at every answer's `Server-Timing` would cost more than a hundredth of a CPU."""


_SETTLING_S = 3.0
"""How much longer than the test for it needs at least a rate may take to become steady."""

_LOOK_EVERY_S = 0.02
"""How often it is seen whether the rate is steady."""


class Part:
    """A process's part of a round, under way until it is ended."""

    def __init__(self, order: RunRound, share: Share, user_class: type[LeanUser]) -> None:
        """Begin the load.

        Args:
            order: The whole round.
            share: How much of it is this process's; at least one user or connection.
            user_class: The scenario's user class.
        """
        load = order.load
        self._order = order
        self._dispatcher = None
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
        )
        self._session.expect(order.expectations)
        self._mine = share.of(users)
        environment = Environment(user_classes=[user_class])
        open_session(environment, self._session)
        self._runner = environment.create_local_runner()
        self._heartbeat = Heartbeat()
        # A collection in mid-round would be a stall that the answers are blamed for.
        gc.collect()
        gc.disable()
        self._began_s = time.perf_counter()
        self._runner.start(self._mine, spawn_rate=self._mine)

    def warm_up(self) -> Warm:
        """Wait until each user has had an answer and answers come at a steady rate, or time is up.

        Returns:
            What came of it.
        """
        order, void = self._order, None
        if self._dispatcher:
            self._runner.spawning_greenlet.join()  # the schedule begins when all are there: that takes time
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
        return f"{cold} of {self._mine} users had no answer within {self._order.warmup_max_s:g} s"

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
        """Open the window, and close it.

        Args:
            notice_s: The window opens so long from now.

        Returns:
            What happened inside it.
        """
        start_s = time.perf_counter() + notice_s
        window = Window(start_s=start_s, end_s=start_s + self._order.window_s, wave_s=self._order.delay_s)
        gevent.sleep(window.start_s - time.perf_counter())
        before = self._count()
        gevent.sleep(window.end_s - time.perf_counter())
        during = self._count()
        return sum_up(window, before, during)

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
        self._runner.quit()
        gc.enable()
