"""The load of one process: users spawned by Locust, warmed up, and a window cut out of their load."""

import gc
import socket
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Final

import gevent
import numpy as np
from gevent.event import Event
from locust import User
from locust.env import Environment

from portcompare.http.requests import Address
from portcompare.loadgen.checks import SPARSE, ApprovedResponses
from portcompare.loadgen.dry_pass import capture
from portcompare.loadgen.figures import Counts, PartResult, Window, summarize_part
from portcompare.loadgen.locust_users import EventCounter
from portcompare.loadgen.open_model import WHOLE, Dispatcher, Share, due_times
from portcompare.loadgen.scenarios import load_scenarios
from portcompare.loadgen.session import Gate, Session, Target, WatchedUsers
from portcompare.loadgen.tallies import Tally, add_up
from portcompare.loadgen.turn_figures import TurnCounts
from portcompare.loadgen.user import LeanUser
from portcompare.loadgen.window import Heartbeat, is_steady, least_time
from portcompare.wire import protocol as wire

_MANY_RPS: Final = 2000.0
"""From this rate on looking at every response's `Server-Timing` would cost more than a hundredth of a CPU."""

_SETTLING_S: Final = 3.0
"""How long a rate may take to become steady, beyond the least time for the test of it."""

_QUIT_LIMIT_S: Final = 10.0

_LEAST_AWAITED_S: Final = 2.0
"""How long after the window a response is awaited, or for five times the median if that is more: a request
that is open then discards its round by how long it has waited, so to wait longer would change no verdict."""

_MEDIANS_AWAITED: Final = 5

_LOOK_EVERY_S: Final = 0.02  # How often the rate is tested
_TURN_LOOK_S: Final = 0.002  # How often it is looked whether all responses to a turn's requests have come


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmUp:
    """How the warm-up of one process ended."""

    failure: str | None  # Why the load is not the one that was ordered; None if it is
    steady: bool  # False if the window has to open although the rate is not steady


class Part:
    """A process's part of a round, under way until it is ended."""

    def __init__(
        self,
        order: wire.RunRound,
        share: Share,
        user_class: type[User],
        captured: wire.Captured | None,
        *,
        in_turns: bool = False,
    ) -> None:
        """Start the load.

        `captured`: the requests of a user class that is no `LeanUser`.
        `in_turns`: whether users wait for turns after their first response.
        """
        users = wire.concurrency_of(order.load)
        self._order = order
        self._own_users = share.of(users)
        self._dispatcher: Dispatcher | None = None
        self._counter: EventCounter | None = None
        self._logs_in = issubclass(user_class, LeanUser) and bool(user_class.login)
        self._window_s = order.window_s
        self._closing = Event()
        self._session = Session(
            targets=(Target(name="", url=order.url),),
            users=users,
            share=share,
            stagger_s=order.delay_s if users > 1 else 0.0,
            timeout_s=order.timeout_s,
            expectations=order.expectations,
            gate=Gate(self._own_users) if in_turns and isinstance(order.load, wire.UserLoad) else None,
        )
        if isinstance(order.load, wire.RateLoad):
            self._dispatcher = dispatcher = Dispatcher(
                due_times(order.load, share), order.timeout_s, users=self._own_users
            )
            user_class = type(user_class.__name__, (user_class,), {"abstract": False})
            # Afterwards: Locust adds what is in the body to the tasks of the base.
            user_class.tasks = [lambda user: user.send_when_due(dispatcher)]
        if issubclass(user_class, LeanUser):
            self._runner = Environment(user_classes=[user_class]).create_local_runner()
        else:
            server = Address.of(order.url).netloc
            approved = ApprovedResponses(captured or wire.Captured(requests=()), order.expectations, server)
            self._counter = EventCounter(self._session, approved)
            self._runner = self._counter.stage(user_class, order.url)
        self._runner.environment.portcompare_session = self._session
        self._is_ending = False
        self._usual_s = 0.0  # Median latency of the last turn
        self.before_turns = Tally()  # What was counted before the first turn
        self._runner.user_greenlets = WatchedUsers(self._note_end)
        self._heartbeat = Heartbeat()
        # A collection in mid-round would be a stall that the responses are blamed for. But other clients
        # leave garbage that only a collection finds: there it is kept from looking through all that is older.
        gc.collect()
        if self._counter:
            gc.freeze()
        else:
            gc.disable()
        self._began_s = time.perf_counter()
        self._runner.start(self._own_users, spawn_rate=self._own_users)
        self._runner.spawning_greenlet.link_exception(self._note_end)

    @property
    def user_error(self) -> str | None:
        """Why the first user ended by itself; None if none did."""
        return self._session.user_error or None

    @property
    def _turns(self) -> Gate | Dispatcher:
        turns = self._dispatcher or self._session.gate
        assert turns is not None  # noqa: S101 - the part was started to take turns
        return turns

    def _note_end(self, greenlet: gevent.Greenlet) -> None:
        """Note the end of a user, whose on_stop may raise, or of the greenlet that makes them."""
        if greenlet.exception is not None or not self._is_ending:
            self._session.note_end(greenlet.exception)

    def warm_up(self) -> WarmUp:
        """Wait until each user is ready and the rate of responses is steady, or time is up."""
        failure = self._await_users()
        if self._dispatcher:
            self._dispatcher.begin()
            self._began_s = time.perf_counter()
        gevent.sleep(max(self._began_s + self._order.warmup_s - time.perf_counter(), 0.0))
        steady = failure is None and self._await_steady_rate()
        failure = failure or self.user_error
        warm_rps = len(self._session.recorder.ended_s()) / (time.perf_counter() - self._began_s)
        self._session.sample_every = 1 if warm_rps < _MANY_RPS else SPARSE
        return WarmUp(failure=failure, steady=steady)

    def _await_users(self) -> str | None:
        """Wait until each user is ready; in the open model: was spawned, and has logged in if it does."""
        if self._dispatcher:
            self._runner.spawning_greenlet.join()  # the schedule begins when all are there: that takes time
            if not self._logs_in:
                return None
        limit_s = self._order.warmup_max_s
        self._session.all_ready.wait(limit_s)
        if self._session.user_error:
            return self._session.user_error
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
            if now_s > deadline_s or self._session.user_error:
                return False
            gevent.sleep(_LOOK_EVERY_S)

    def join_turns(self) -> str | None:
        """Have each user wait for turns once it is ready; returns why one does not, None if all do."""
        self._heartbeat.stop()  # between its turns, a part is to cost nothing
        limit_s = self._order.warmup_max_s
        failure = self._await_users()
        if not self._turns.wait_until_idle(limit_s) and failure is None:
            failure = f"a user had no response within {limit_s:g} s"
        self._usual_s = self._median_s()
        self.before_turns = add_up(self._session.recorder.cut().values())
        self._session.sample_every = 1
        return failure or self.user_error

    def take_turn(self, turn_s: float, spread_s: float) -> TurnCounts:
        """Have the users send for so long, their starts spread over a time, and wait for all responses."""
        self._session.recorder.cut()
        heartbeat, cpu_s = Heartbeat(), time.process_time()
        began_s = time.perf_counter()
        closed_s = began_s + turn_s
        limit_s = self._find_awaited_s(self._usual_s)
        turns = self._turns
        if isinstance(turns, Dispatcher):
            turns.begin(closed_s)
        else:
            turns.begin(closed_s if spread_s else inf, spread_s)
            if not spread_s:
                self._await_last(turns, closed_s, limit_s)
        waiting_s: list[float] = []
        if not turns.wait_until_idle(max(closed_s - time.perf_counter(), 0.0) + limit_s):
            now_s = time.perf_counter()
            queued_s = self._dispatcher.queued_s(now_s) if self._dispatcher else []
            waiting_s = self._session.waiting_since_s(now_s) + queued_s
        self._usual_s = self._median_s() or self._usual_s
        counts = replace(self._count(), stall_s=heartbeat.cut())
        heartbeat.stop()
        return TurnCounts(
            counts=replace(counts, cpu_s=counts.cpu_s - cpu_s),
            began_s=began_s,
            closed_s=closed_s,
            spread_s=spread_s,
            users=self._own_users,
            waiting_s=tuple(waiting_s),
        )

    def _await_last(self, gate: Gate, closed_s: float, limit_s: float) -> None:
        """Let users send until the last response to what was sent by an instant, and then no more.

        With fewer requests under way the slowest responses would come sooner.
        """
        gevent.sleep(max(closed_s - time.perf_counter(), 0.0))
        while self._session.waiting_since_s(closed_s) and time.perf_counter() < closed_s + limit_s:
            gevent.sleep(_TURN_LOOK_S)
        gate.closes_at_s = 0.0

    def _median_s(self) -> float:
        latencies_s = self._session.recorder.latencies_s()
        return float(np.median(latencies_s)) if len(latencies_s) else 0.0

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
        waiting_s = self._await_responses(end_s, (*before.tallies, *during.tallies))
        window = Window(start_s=start_s, end_s=end_s, wave_s=self._order.delay_s)
        summary = summarize_part(window, before, during, self._count(), waiting_s)
        return replace(summary, failure=self.user_error)

    def _await_responses(self, end_s: float, tallies: Iterable[Tally]) -> list[float]:
        """Wait until all requests have ended that were under way when the window did, or until a limit.

        Meanwhile the load goes on: with less of it the last responses would come sooner. Returns since when
        those count that are under way still.
        """
        latencies_s = np.append(add_up(tallies).latencies_s, 0.0)
        limit_s = self._find_awaited_s(float(np.median(latencies_s)))
        if self._counter and self._counter.is_blind:
            gevent.sleep(min(float(latencies_s.max()), limit_s))
        limit_s += end_s
        while True:
            waiting_s = self._session.waiting_since_s(end_s)
            if self._dispatcher:
                waiting_s += self._dispatcher.queued_s(end_s)
            if not waiting_s or time.perf_counter() > limit_s or self._session.user_error:
                return waiting_s
            gevent.sleep(_LOOK_EVERY_S / 2)

    def _find_awaited_s(self, median_s: float) -> float:
        return min(max(_LEAST_AWAITED_S, _MEDIANS_AWAITED * median_s), self._order.timeout_s)

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

    def end(self) -> str | None:
        """Stop the load; returns why a user ended otherwise, None if all ended as they should."""
        self._is_ending = True
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
        return self.user_error


class LocalRunner:
    """Generates the load in this process."""

    def __init__(self) -> None:
        self.users: dict[str, type[User]] = {}  # The user class of each scenario
        self._captured: dict[str, wire.Captured] = {}
        self._part: Part | None = None

    def prepare(self, order: wire.Prepare) -> wire.Prepared:
        """Load the scenarios."""
        self.users, prepared = load_scenarios(order)
        self._captured.clear()
        return prepared

    def capture(self, order: wire.Capture) -> wire.Captured:
        """Capture the requests of a scenario's user class; later rounds check their responses."""
        captured = self._captured[order.scenario] = capture(self.users[order.scenario], order.url)
        return captured

    def start_part(self, order: wire.RunRound) -> Part:
        """Start users that take turns."""
        return Part(order, WHOLE, self.users[order.scenario], None, in_turns=True)

    def warm_up(
        self, order: wire.RunRound, share: Share = WHOLE, captured: wire.Captured | None = None
    ) -> WarmUp:
        """Start a share of the load, and wait until it is steady; `captured` if another process did that."""
        known = captured or self._captured.get(order.scenario)
        self._part = Part(order, share, self.users[order.scenario], known)
        return self._part.warm_up()

    def measure(self, notice_s: float) -> tuple[Mapping[str, PartResult], tuple[str, ...]]:
        """Open the window in all processes, and close it.

        Returns the result of each process, by its name, and the names of those that the round has lost.
        """
        assert self._part is not None  # noqa: S101 - the load was started
        return {f"{socket.gethostname()}/1": self._part.measure(notice_s)}, ()

    def close_window(self, window_s: float) -> None:
        """Have the window close earlier than ordered."""
        if self._part is not None:
            self._part.close_window(window_s)

    def end_round(self) -> str | None:
        """Stop the load, if there is any; returns why a user did not end as it should, None if all did."""
        part, self._part = self._part, None
        return None if part is None else part.end()

    def close(self) -> None:
        """End all workers; here there are none."""
