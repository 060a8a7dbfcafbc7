"""One round: users spawned by Locust, warmed up, and a window cut out of their steady state."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING

import gevent
from locust.env import Environment

from portcompare.loadgen.arrivals import due_times
from portcompare.loadgen.dispatcher import Dispatcher
from portcompare.loadgen.figures import Counts, Window, sum_up
from portcompare.loadgen.heartbeat import Heartbeat
from portcompare.loadgen.open_user import make_open
from portcompare.loadgen.session import SPARSE, Session, Target, open_session
from portcompare.protocol import RateLoad, WindowOpens

if TYPE_CHECKING:
    from collections.abc import Callable

    from portcompare.loadgen.user import LeanUser
    from portcompare.protocol import RoundDone, RunRound

_NOTICE_S = 0.005
"""The window's start is announced this long before, so that the harness can be at its place."""


_MANY_RPS = 2000.0
"""From this rate on looking at every answer's `Server-Timing` would cost more than a hundredth of a CPU."""


def run_round(
    order: RunRound, user_class: type[LeanUser], announce: Callable[[WindowOpens], None]
) -> RoundDone:
    """Load one server at one level.

    Args:
        order: Which server, how, how long.
        user_class: The scenario's user class.
        announce: Called with the window's instants when the load is steady.

    Returns:
        What happened inside the window.
    """
    load = order.load
    dispatcher = Dispatcher(due_times(load), order.timeout_s) if isinstance(load, RateLoad) else None
    users = load.connections if isinstance(load, RateLoad) else load.users
    session = Session(
        targets=(Target(name="", url=order.url),),
        users=users,
        stagger_s=order.delay_s if users > 1 else 0.0,
        timeout_s=order.timeout_s,
    )
    session.expect(order.expectations)
    environment = Environment(user_classes=[make_open(user_class, dispatcher) if dispatcher else user_class])
    open_session(environment, session)
    runner = environment.create_local_runner()
    heartbeat = Heartbeat()
    # A collection in mid-round would be a stall that the answers are blamed for.
    gc.collect()
    gc.disable()
    try:
        warm_from_s = time.perf_counter()
        runner.start(users, spawn_rate=users)
        void = None
        if dispatcher:
            runner.spawning_greenlet.join()  # the schedule begins when all are there: that takes time
            dispatcher.begin()
        else:
            void = _await_answers(order, session)
        gevent.sleep(max(order.warmup_s, order.delay_s))
        warm_rps = session.recorder.count_answers() / (time.perf_counter() - warm_from_s)
        session.sample_every = 1 if warm_rps < _MANY_RPS else SPARSE

        def count() -> Counts:
            return Counts(
                tallies=tuple(session.recorder.cut().values()),
                pace=dispatcher.cut() if dispatcher else None,
                stall_s=heartbeat.cut(),
                cpu_s=time.process_time(),
                taken_at_s=time.perf_counter(),
            )

        window, before, during = _cut_window(order, count, announce, warm_from_s)
        return sum_up(window, before, during, void)
    finally:
        if dispatcher:
            dispatcher.end()
        heartbeat.stop()
        runner.quit()
        gc.enable()


def _await_answers(order: RunRound, session: Session) -> str | None:
    """Wait until each user has had an answer; why the round does not count if one has none in time."""
    session.all_answered.wait(order.warmup_max_s)
    cold = session.users - session.answered
    if not cold:
        return None
    return f"{cold} of {session.users} users had no answer within {order.warmup_max_s:g} s"


def _cut_window(
    order: RunRound,
    count: Callable[[], Counts],
    announce: Callable[[WindowOpens], None],
    warm_from_s: float,
) -> tuple[Window, Counts, Counts]:
    """Open the window and close it.

    Args:
        order: Says how long it is.
        count: Takes what was counted since it was last called.
        announce: Called with the window's instants.
        warm_from_s: When the load began, in seconds of `time.perf_counter()`.

    Returns:
        The window, and what was counted before it and in it.
    """
    start_s = time.perf_counter() + _NOTICE_S
    end_s = start_s + order.window_s
    announce(WindowOpens(start_s=start_s, end_s=end_s))
    gevent.sleep(start_s - time.perf_counter())
    before = count()
    opened_at_s = time.time()
    gevent.sleep(end_s - time.perf_counter())
    during = count()
    window = Window(
        warm_from_s=warm_from_s,
        start_s=start_s,
        end_s=end_s,
        opened_at_s=opened_at_s,
        delay_s=order.delay_s,
    )
    return window, before, during
