"""The dry pass: one user of a class runs for a moment, to see what it asks for."""

from __future__ import annotations

import random
import traceback
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Final

import gevent
import locust
from gevent.event import Event
from locust import TaskSet

from portcompare.loadgen.forwarder import forwarding
from portcompare.loadgen.staging import stage
from portcompare.protocol import Captured

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from locust import User
    from locust.runners import LocalRunner

    from portcompare.loadgen.forwarder import Forwarder
    from portcompare.loadgen.mix import Problem

MOST_REQUESTS: Final = 50
"""Distinct requests; what a class makes up anew each time has no end."""

TURNS_A_TASK: Final = 10
"""It ends when nothing new has come in so many tasks for each that there is. Each is as likely to come next:
that one of k was not among 10 k is less likely than k in 22,000 (e^10)."""

QUIET_S: Final = 2.0
"""Or when nothing new has come for so long."""

LONGEST_S: Final = 10.0


def capture(user_class: type[User], url: str) -> Captured:
    """See what a user class asks for.

    Args:
        user_class: A class that is no `LeanUser`.
        url: The server that answers.

    Returns:
        The requests, or why there are none.
    """
    watch = _Watch(user_class)
    with ExitStack() as stack:
        forwarder = stack.enter_context(forwarding(url, MOST_REQUESTS, watch.note_new))
        watch.forwarder_url = forwarder.url
        stack.enter_context(_hearing(watch))
        stack.enter_context(_seeded())
        stack.enter_context(_hurrying(watch.note_turn))
        # All alike: a task that is rare under load is to be seen as well.
        runner = stage(user_class, forwarder.url, tasks=list(dict.fromkeys(user_class.tasks)))
        try:
            _run_one(runner, watch)
        finally:
            runner.quit()
        return _account(user_class, forwarder, watch)


class _Watch:
    """What happens in a dry pass, and whether that is enough.

    Attributes:
        forwarder_url: The host that the user has been given.
        elsewhere: The addresses that it asked instead, in order.
        error: What it raised first.
    """

    def __init__(self, user_class: type[User]) -> None:
        self.forwarder_url = ""
        self.elsewhere: dict[str, None] = {}
        self.error: BaseException | None = None
        self._turns_left = self._turns = TURNS_A_TASK * _count_tasks(user_class)
        self._requests_left = MOST_REQUESTS
        self._began_s = self._new_s = perf_counter()
        self._over = Event()

    def note_new(self) -> None:
        """Note that a request was asked for the first time."""
        self._new_s = perf_counter()
        self._turns_left = self._turns
        self._requests_left -= 1
        if not self._requests_left:
            self._over.set()

    def note_turn(self) -> None:
        """Note that a task is over; the last one does not end, so that no more follow."""
        self._turns_left -= 1
        if self._turns_left <= 0:
            self._over.set()
        if self._over.is_set():
            gevent.sleep(LONGEST_S)

    def note_request(self, url: str | None = None, **_: object) -> None:
        """Take in a request event: it tells of those that did not come by the forwarder."""
        if url and not str(url).startswith(self.forwarder_url):
            self.elsewhere[str(url).partition("?")[0]] = None

    def note_error(self, exception: BaseException, **_: object) -> None:
        """Take in what left a task as an exception."""
        self.end(exception)

    def end(self, error: BaseException | None = None) -> None:
        """Have the dry pass end."""
        self.error = self.error or error
        self._over.set()

    def wait(self) -> None:
        """Wait until it is over."""
        while not self._over.is_set():
            left_s = min(self._new_s + QUIET_S, self._began_s + LONGEST_S) - perf_counter()
            if left_s <= 0:
                return
            self._over.wait(left_s)


def _run_one(runner: LocalRunner, watch: _Watch) -> None:
    runner.start(1, spawn_rate=1)
    runner.spawning_greenlet.join()
    users = list(runner.user_greenlets)
    for user in users:
        user.link(lambda _: watch.end())  # it may stop by itself
    if runner.spawning_greenlet.exception is not None or not users:
        watch.end(runner.spawning_greenlet.exception)
    watch.wait()


def _account(user_class: type[User], forwarder: Forwarder, watch: _Watch) -> Captured:
    requests = tuple(forwarder.requests)
    return Captured(
        requests=requests,
        varying=tuple(place for place, request in enumerate(requests) if request in forwarder.varying),
        elsewhere=tuple(watch.elsewhere),
        problem=_find_problem(user_class.__name__, watch, any_captured=bool(requests)),
    )


def _find_problem(name: str, watch: _Watch, *, any_captured: bool) -> Problem | None:
    if watch.error is not None:
        found = f"{name} raised {_described(watch.error)} when one user of it ran against the baseline"
        return found, "correct the class; what it raises for a good reason, it must catch itself"
    if any_captured:
        return None
    if watch.elsewhere:
        others = ", ".join(watch.elsewhere)
        return (
            f"{name} asks {others}, and nothing of the host that it is given",
            'ask for paths, `self.client.get("/path")`, or for addresses that begin with `self.host`',
        )
    return f"{name} asked nothing of its host", "give it a task that asks for something at once"


def _described(error: BaseException) -> str:
    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return said
    return f"{said} ({Path(frames[-1].filename).name}, line {frames[-1].lineno})"


def _count_tasks(user_class: type[User]) -> int:
    """How many tasks there are in a class and in its sets of tasks, whatever their weights."""
    seen: set[object] = set()
    coming = list(user_class.tasks)
    while coming:
        task = coming.pop()
        if task not in seen:
            seen.add(task)
            coming += getattr(task, "tasks", ())
    return max(len(seen), 1)


@contextmanager
def _hearing(watch: _Watch) -> Iterator[None]:
    """Listen to what Locust tells of the user."""
    listeners = (
        (locust.events.request, watch.note_request),
        (locust.events.user_error, watch.note_error),
    )
    for hook, listener in listeners:
        hook.add_listener(listener)
    try:
        yield
    finally:
        for hook, listener in listeners:
            hook.remove_listener(listener)


@contextmanager
def _seeded() -> Iterator[None]:
    """Have what is drawn by chance be drawn alike in each dry pass, so that each run has the same cases."""
    state = random.getstate()
    random.seed(0)
    try:
        yield
    finally:
        random.setstate(state)


@contextmanager
def _hurrying(on_turn: Callable[[], None]) -> Iterator[None]:
    """Have all users go from task to task without waiting, whatever their classes and sets of tasks say."""

    def go_on(_: TaskSet) -> None:
        on_turn()
        gevent.sleep(0)

    wait = TaskSet.wait
    TaskSet.wait = go_on
    try:
        yield
    finally:
        TaskSet.wait = wait
