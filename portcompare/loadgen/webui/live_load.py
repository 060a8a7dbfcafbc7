"""What a process with users does in a live test: all arms at the same time, and a report each second."""

from collections.abc import Mapping
from dataclasses import replace
from time import perf_counter
from typing import cast

import gevent
from locust import User
from locust.env import Environment
from locust.runners import STATE_INIT

from portcompare.http.requests import with_query
from portcompare.loadgen.declare import weights_of
from portcompare.loadgen.distributed_runner import BeginLive
from portcompare.loadgen.open_model import Dispatcher, due_times
from portcompare.loadgen.session import COUNTED, Session, Target, call_every_second, feed
from portcompare.loadgen.tallies import NOT_SENT, Tally
from portcompare.loadgen.user import LeanUser
from portcompare.loadgen.webui.ledger import REPORT, Line, SecondReport, make_cells
from portcompare.wire.protocol import RateLoad, encode


class LiveLoad:
    """What a worker does for one live test; Locust starts and stops its users."""

    def __init__(self, environment: Environment, users: Mapping[str, type[User]], begin: BeginLive) -> None:
        self._environment = environment
        plan, settings = begin.plan, begin.settings
        targets = tuple(Target(name=arm.name, url=arm.url) for arm in plan.arms if arm.name in settings.arms)
        scenarios = [plan.scenarios[name] for name in settings.scenarios]
        self._timeout_s = plan.timeout_s or LeanUser.timeout_s
        self._dispatchers: dict[Line, Dispatcher] = {}
        environment.user_classes = []
        for scenario in scenarios:
            load = RateLoad(
                rate_rps=settings.rate_rps,
                arrivals=scenario.arrivals,
                connections=settings.users,
                seed=f"live/{begin.test}/{scenario.name}",
            )
            for target in targets if settings.model == "open" else ():
                dispatcher = Dispatcher(due_times(load, begin.share), self._timeout_s)
                self._dispatchers[scenario.name, target.name] = dispatcher
            delay = None if settings.delay_s is None else (scenario.delay_parameter, settings.delay_s)
            made = make_live_class(scenario.name, users[scenario.name], self._dispatchers, delay)
            environment.user_classes.append(made)
        delays_s = [scenario.delay_s for scenario in scenarios]
        self._session = Session(
            targets=targets,
            users=settings.users * len(targets),
            share=begin.share,
            stagger_s=max(delays_s) if settings.delay_s is None else settings.delay_s,
            timeout_s=plan.timeout_s,
        )
        environment.portcompare_session = self._session
        # As "stopped" it would ignore a stop that comes before its users start, and have them start after it.
        environment.runner.update_state(STATE_INIT)
        self._has_started = self._has_ended = False
        self._reporter = Reporter(environment, begin.test)
        self._feeding = gevent.spawn(call_every_second, self._feed)
        environment.events.spawning_complete.add_listener(self._start_schedules)
        environment.events.test_stop.add_listener(self._feed_and_end)

    def end(self) -> None:
        """Clean up after the users have been stopped; a second call does nothing."""
        if self._has_ended:
            return
        self._has_ended = True
        self._feeding.kill()
        self._reporter.stop()
        for dispatcher in self._dispatchers.values():
            dispatcher.end()
        self._environment.events.spawning_complete.remove_listener(self._start_schedules)
        self._environment.events.test_stop.remove_listener(self._feed_and_end)

    def _start_schedules(self, **_: object) -> None:
        """Start all schedules at the same time, when all connections are open for the first time."""
        if self._has_started:
            return
        self._has_started = True
        for dispatcher in self._dispatchers.values():
            dispatcher.begin()

    def _feed(self) -> None:
        for (scenario, arm), dispatcher in self._dispatchers.items():
            pace = dispatcher.cut()
            self._reporter.paces[scenario, arm] = (len(pace.due_s), dispatcher.backlog)
            if pace.dropped:
                key = (f"{arm} {scenario}: not sent", "")
                self._session.lines[key] = (scenario, arm)
                times_s = self._session.recorder.tally(key).failures_s[NOT_SENT]
                times_s.extend([self._timeout_s] * pace.dropped)
        feed(self._environment, self._session)

    def _feed_and_end(self, **_: object) -> None:
        self._feed()  # the rest of a second, before the leading process learns that all has stopped
        self.end()


class Reporter:
    """Sends what its process counted, whenever Locust's statistics are fed: once a second and at the end."""

    def __init__(self, environment: Environment, test: int | None = None) -> None:
        """Start reporting; without a number of the test, every start of one restarts the count."""
        self.paces: dict[Line, tuple[int, int]] = {}  # Due and backlog of each open schedule
        self._environment = environment
        self._test = test
        self._restart()
        COUNTED.add_listener(self._report)
        if test is None:
            environment.events.test_start.add_listener(self._restart)

    def stop(self) -> None:
        """Stop reporting."""
        COUNTED.remove_listener(self._report)

    def _restart(self, **_: object) -> None:
        self._second = 0
        self._since_s = perf_counter()

    def _report(
        self, *, environment: Environment, session: Session, tallies: Mapping[Line, Tally], **_: object
    ) -> None:
        if environment is not self._environment:
            return
        now_s = perf_counter()
        report = SecondReport(
            test=self._test,
            second=self._second,
            length_s=now_s - self._since_s,
            cells=make_cells(tallies, session.lines, session.recorder.label, self.paces),
        )
        self.paces = {}
        self._second += 1
        self._since_s = now_s
        environment.runner.send_message(REPORT, encode(report))


def make_live_class(
    scenario: str,
    user_class: type[User],
    dispatchers: Mapping[Line, Dispatcher] | None = None,
    delay: tuple[str, float] | None = None,
) -> type[LeanUser]:
    """A user class for Locust with the scenario's name, so that its class picker shows scenarios.

    `delay`: the query parameter of the delay, and the delay in seconds; None to leave requests unchanged.
    """

    def send(user: LeanUser) -> None:
        dispatcher = (dispatchers or {}).get((scenario, user.target.name))
        if dispatcher is None:
            user.send_requests()
        else:
            user.send_when_due(dispatcher)

    requests = {}
    for declared, weight in weights_of(user_class).items():
        request = declared if delay is None else with_query(declared, delay[0], f"{delay[1]:.15g}")
        # With the scenario in the name, two scenarios never share a line in Locust's statistics.
        label = request.name.removeprefix(f"{request.method} ")
        requests[replace(request, name=f"{request.method} {scenario}: {label}")] = weight
    own = {"abstract": False, "weight": 1, "fixed_count": 0, "requests": requests}
    made = cast("type[LeanUser]", type(scenario, (user_class,), own))
    made.tasks = [send]  # afterwards: Locust adds tasks in the body to those of the base
    return made
