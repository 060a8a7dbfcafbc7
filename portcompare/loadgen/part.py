"""One process's part of a round: users spawned by Locust, warmed up, and a window cut out of their load."""

import gc
import time
from typing import Final

import gevent
from gevent.event import Event
from locust import User
from locust.env import Environment

from portcompare.loadgen.checks import SPARSE, ApprovedResponses
from portcompare.loadgen.connection import Address
from portcompare.loadgen.figures import Counts, Window, summarize_part
from portcompare.loadgen.locust_users import EventCounter
from portcompare.loadgen.messages import PartResult, Share, WarmUp
from portcompare.loadgen.open_model import Dispatcher, due_times
from portcompare.loadgen.session import Session, Target, open_session
from portcompare.loadgen.user import LeanUser
from portcompare.loadgen.window import Heartbeat, is_steady, least_time
from portcompare.wire.protocol import Captured, RateLoad, RunRound, concurrency_of

_MANY_RPS: Final = 2000.0
"""From this rate on looking at every response's `Server-Timing` would cost more than a hundredth of a CPU."""

_SETTLING_S: Final = 3.0
"""How long a rate may take to become steady, beyond the least time for the test of it."""

_QUIT_LIMIT_S: Final = 10.0

_LOOK_EVERY_S: Final = 0.02
"""How often the rate is tested."""


class Part:
    """A process's part of a round, under way until it is ended."""

    def __init__(
        self, order: RunRound, share: Share, user_class: type[User], captured: Captured | None
    ) -> None:
        """Start the load; `captured` are the requests of a user class that is no `LeanUser`."""
        users = concurrency_of(order.load)
        self._order = order
        self._dispatcher: Dispatcher | None = None
        self._counter: EventCounter | None = None
        self._logs_in = issubclass(user_class, LeanUser) and bool(user_class.login)
        self._own_users = share.of(users)
        self._window_s = order.window_s
        self._closing = Event()
        self._session = Session(
            targets=(Target(name="", url=order.url),),
            users=users,
            share=share,
            stagger_s=order.delay_s if users > 1 else 0.0,
            timeout_s=order.timeout_s,
            expectations=order.expectations,
        )
        if isinstance(order.load, RateLoad):
            self._dispatcher = dispatcher = Dispatcher(due_times(order.load, share), order.timeout_s)
            user_class = type(user_class.__name__, (user_class,), {"abstract": False})
            # Afterwards: Locust adds what is in the body to the tasks of the base.
            user_class.tasks = [lambda user: user.send_when_due(dispatcher)]
        if issubclass(user_class, LeanUser):
            self._runner = Environment(user_classes=[user_class]).create_local_runner()
        else:
            server = Address.of(order.url).netloc
            approved = ApprovedResponses(captured or Captured(requests=()), order.expectations, server)
            self._counter = EventCounter(self._session, approved)
            self._runner = self._counter.stage(user_class, order.url)
        open_session(self._runner.environment, self._session)
        self._heartbeat = Heartbeat()
        # A collection in mid-round would be a stall that the responses are blamed for. But other clients
        # leave garbage that only a collection finds: there it is kept from looking through all that is older.
        gc.collect()
        if self._counter is None:
            gc.disable()
        else:
            gc.freeze()
        self._began_s = time.perf_counter()
        self._runner.start(self._own_users, spawn_rate=self._own_users)

    def warm_up(self) -> WarmUp:
        """Wait until each user is ready and the rate of responses is steady, or time is up."""
        failure = None
        if self._dispatcher:
            self._runner.spawning_greenlet.join()  # the schedule begins when all are there: that takes time
            failure = self._await_users() if self._logs_in else None
            self._dispatcher.begin()
            self._began_s = time.perf_counter()
        else:
            failure = self._await_users()
        gevent.sleep(max(self._began_s + self._order.warmup_s - time.perf_counter(), 0.0))
        steady = failure is None and self._await_steady_rate()
        warm_rps = len(self._session.recorder.ended_s()) / (time.perf_counter() - self._began_s)
        self._session.sample_every = 1 if warm_rps < _MANY_RPS else SPARSE
        return WarmUp(failure=failure, steady=steady)

    def _await_users(self) -> str | None:
        limit_s = self._order.warmup_max_s
        self._session.all_ready.wait(limit_s)
        missing = self._own_users - self._session.ready_users
        if not missing:
            return None
        why = f": {self._session.login_error}" if self._session.login_error else ""
        return f"{missing} of {self._own_users} users had no response within {limit_s:g} s{why}"

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

    def measure(self, notice_s: float) -> PartResult:
        """Open the window so long from now, and close it."""
        start_s = time.perf_counter() + notice_s
        gevent.sleep(start_s - time.perf_counter())
        before = self._count()
        if self._order.is_held:  # else nothing may stand between the window's end and the count
            self._closing.wait(start_s + self._window_s - time.perf_counter())
        end_s = start_s + self._window_s
        gevent.sleep(end_s - time.perf_counter())
        during = self._count()
        window = Window(start_s=start_s, end_s=end_s, wave_s=self._order.delay_s)
        return summarize_part(window, before, during)

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
        # A user's own on_stop may wait without end for a server that does not respond.
        with gevent.Timeout(_QUIT_LIMIT_S, exception=False):
            self._runner.quit()
        if self._counter:
            self._counter.stop()
        gc.enable()
        gc.unfreeze()
