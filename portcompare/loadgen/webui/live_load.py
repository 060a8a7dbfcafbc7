"""A worker's part of a live test: all arms at the same time, with the same schedule."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import gevent

from portcompare.http.requests import with_query
from portcompare.loadgen.arrivals import due_times
from portcompare.loadgen.declare import weights_of
from portcompare.loadgen.figures import NOT_SENT
from portcompare.loadgen.open_model import Dispatcher
from portcompare.loadgen.session import Session, Target, feed, open_session
from portcompare.loadgen.user import LeanUser
from portcompare.loadgen.webui.reporter import Reporter
from portcompare.wire.protocol import RateLoad

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from locust import User
    from locust.env import Environment

    from portcompare.loadgen.messages import BeginLive
    from portcompare.records.requests import RequestSpec
    from portcompare.wire.ui_protocol import UiScenario

_FEED_EVERY_S = 1.0


class LiveLoad:
    """What a worker does for one live test; Locust starts and stops its users."""

    def __init__(self, environment: Environment, users: Mapping[str, type[User]], begin: BeginLive) -> None:
        """Make ready for the users that Locust is about to start."""
        self._environment = environment
        plan, settings = begin.plan, begin.settings
        targets = tuple(Target(name=arm.name, url=arm.url) for arm in plan.arms if arm.name in settings.arms)
        chosen = [plan.scenarios[name] for name in settings.scenarios]
        self._timeout_s = plan.timeout_s or LeanUser.timeout_s
        self._dispatchers = {
            (scenario.name, target.name): Dispatcher(_schedule(scenario, begin), self._timeout_s)
            for scenario in chosen
            for target in targets
            if settings.model == "open"
        }
        environment.user_classes = [
            make_live_class(
                scenario.name,
                users[scenario.name],
                self._dispatchers,
                delay=None if settings.delay_s is None else (scenario.delay_parameter, settings.delay_s),
            )
            for scenario in chosen
        ]
        delays_s = (
            [scenario.delay_s for scenario in chosen] if settings.delay_s is None else [settings.delay_s]
        )
        self._session = Session(
            targets=targets,
            users=settings.users * len(targets),
            part=begin.share,
            stagger_s=max(delays_s),
            timeout_s=plan.timeout_s,
        )
        open_session(environment, self._session)
        self._has_begun = self._has_ended = False
        self._reporter = Reporter(environment, begin.test)
        self._feeding = gevent.spawn(self._feed_forever)
        environment.events.spawning_complete.add_listener(self._begin_schedules)
        environment.events.test_stop.add_listener(self._end_test)

    def end(self) -> None:
        """Leave nothing behind, the users have been stopped; does nothing the second time."""
        if self._has_ended:
            return
        self._has_ended = True
        self._feeding.kill()
        self._reporter.stop()
        for dispatcher in self._dispatchers.values():
            dispatcher.end()
        self._environment.events.spawning_complete.remove_listener(self._begin_schedules)
        self._environment.events.test_stop.remove_listener(self._end_test)

    def _begin_schedules(self, **_: object) -> None:
        """Begin all schedules at once, when all connections are there for the first time."""
        if self._has_begun:
            return
        self._has_begun = True
        for dispatcher in self._dispatchers.values():
            dispatcher.begin()

    def _feed_forever(self) -> None:
        while True:
            gevent.sleep(_FEED_EVERY_S)
            self._feed()

    def _feed(self) -> None:
        for (scenario, arm), dispatcher in self._dispatchers.items():
            dropped = dispatcher.cut().dropped
            if dropped:
                key = (f"{arm} {scenario}: not sent", "")
                self._session.lines[key] = (scenario, arm)
                times_s = self._session.recorder.tally(key).failures_s[NOT_SENT]
                times_s.extend([self._timeout_s] * dropped)
        feed(self._environment, self._session)

    def _end_test(self, **_: object) -> None:
        self._feed()  # the last part of a second, before the leading process is told that all has stopped
        self.end()


def _schedule(scenario: UiScenario, begin: BeginLive) -> Iterator[float]:
    """When this worker's requests are due; the same for all arms."""
    load = RateLoad(
        rate_rps=begin.settings.rate_rps,
        arrivals=scenario.arrivals,
        connections=begin.settings.users,
        seed=f"live/{begin.test}/{scenario.name}",
    )
    return due_times(load, begin.share)


def make_live_class(
    scenario: str,
    user_class: type[User],
    dispatchers: Mapping[tuple[str, str], Dispatcher] | None = None,
    delay: tuple[str, float] | None = None,
) -> type[LeanUser]:
    """A class of users for Locust that is called like its scenario, so that the class picker shows scenarios.

    `delay`: the query parameter of the delay, and the delay; None to leave requests as they are.
    """
    schedules = dispatchers or {}

    def ask(user: LeanUser) -> None:
        dispatcher = schedules.get((scenario, user.target.name))
        if dispatcher is None:
            user.ask_for_a_while()
            return
        user.enter()
        while True:
            user.ask(due_s=dispatcher.take())

    requests = {
        _renamed(request, scenario, delay): weight for request, weight in weights_of(user_class).items()
    }
    own = {"abstract": False, "weight": 1, "fixed_count": 0, "requests": requests}
    made = cast("type[LeanUser]", type(scenario, (user_class,), own))
    made.tasks = [ask]  # afterwards: Locust adds what is in the body to the tasks of the base
    return made


def _renamed(request: RequestSpec, scenario: str, delay: tuple[str, float] | None) -> RequestSpec:
    """A request with its scenario in its name: in Locust's statistics two scenarios never share a line."""
    if delay is not None:
        request = with_query(request, delay[0], f"{delay[1]:.15g}")
    label = request.name.removeprefix(f"{request.method} ")
    return replace(request, name=f"{request.method} {scenario}: {label}")
