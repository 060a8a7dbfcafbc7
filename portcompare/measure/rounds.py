"""One round or page visit: the load generator with the server's CPU time, or with a browser."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from math import inf
from typing import TYPE_CHECKING

from portcompare.browser import visit_page
from portcompare.errors import WindowMissedError
from portcompare.plan import OpenLoad
from portcompare.records.pages import PageVisit
from portcompare.records.rounds import Round
from portcompare.wire.protocol import Load, Prepare, RateLoad, RoundDone, RunRound, ScenarioSource, UserLoad

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from playwright.sync_api import Browser

    from portcompare.measure.blocks import PagePlace, Place
    from portcompare.measure.generator import LoadGenerator
    from portcompare.plan import Plan
    from portcompare.records.requests import Expectation, RequestSpec
    from portcompare.records.rounds import Turn, Usage
    from portcompare.serve import RunningServer

LEAST_WAIT_S = 1.0  # For the first responses of users, however little of the budget is left
LONGEST_HOLD_S = 3600.0  # of a load while pages load; each load of a page has a limit of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredRound:
    """A round, and the histogram of its latencies."""

    round: Round  # not judged yet
    histogram: str  # all its latencies as a base64 encoded HdrHistogram, in microseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """An arm that takes part in a level."""

    place: Place
    server: RunningServer
    expectations: Mapping[int, Expectation]

    def make_round(
        self,
        done: RoundDone,
        usage: Usage | None,
        discarded: str | None,
        *,
        turns: tuple[Turn, ...] = (),
        why_window: str = "",
    ) -> MeasuredRound:
        """The round that the load generator and the server measured."""
        measured = Round(
            block=self.place.block,
            order=self.place.order,
            arm=self.place.arm,
            deployment=self.server.deployment,
            scenario=self.place.scenario,
            level=float(self.place.level),
            load=done.load,
            usage=usage,
            discarded=done.load.failure or discarded,
            turns=turns,
            why_window=why_window,
        )
        return MeasuredRound(round=measured, histogram=done.histogram)


def measure_round(
    plan: Plan, side: Side, generator: LoadGenerator, why_window: str, left_s: float = inf
) -> MeasuredRound:
    """Measure one arm at one level in one window.

    `why_window`: why not by turns. `left_s`: the time left for it.
    Raises ServerError or LoadGeneratorError if either process died.
    """
    server = side.server
    server.check_alive()
    window = generator.begin_round(make_order(plan, side, left_s))
    usage, missed = None, None
    try:
        usage = server.measure_usage(window.start_s, window.end_s)
    except WindowMissedError as error:
        missed = str(error)
    done = generator.end_round()
    server.check_alive()
    return side.make_round(done, usage, missed, why_window=why_window)


def measure_visit(
    plan: Plan,
    place: PagePlace,
    server: RunningServer,
    browser: Browser,
    *,
    generator: LoadGenerator,
    expectations: Mapping[int, Expectation],
) -> PageVisit:
    """Load a page from one arm, as often as the plan asks; raises as a round does."""
    page = plan.pages[place.page]
    server.check_alive()
    if place.users:
        order = _make_order(plan, str(page.scenario), UserLoad(users=place.users), server, expectations)
        generator.begin_round(replace(order, window_s=LONGEST_HOLD_S, is_held=True))
    visits = [visit_page(browser, server.url + page.path, page.timeout_s) for _ in range(page.loads)]
    done = None
    if place.users:
        generator.close_window()
        done = generator.end_round()
    server.check_alive()
    return PageVisit(
        block=place.block,
        order=place.order,
        arm=place.arm,
        deployment=server.deployment,
        page=place.page,
        users=place.users,
        loads=tuple(chain.from_iterable(visits)),
        users_load=done.load if done else None,
        discarded=done.load.failure if done else None,
    )


def make_order(plan: Plan, side: Side, left_s: float = inf) -> RunRound:
    """The order to load an arm at its level; in `left_s` its users must have had their first responses."""
    place = side.place
    load: Load = UserLoad(users=int(place.level))
    model = plan.scenarios[place.scenario].load
    if isinstance(model, OpenLoad):
        load = RateLoad(
            rate_rps=place.level,
            arrivals=model.arrivals,
            connections=model.connections,
            # All arms of a block have the same arrivals, as they are paired; a second attempt has others.
            seed=f"{plan.rounds.seed}/{place.block}/{place.scenario}/{place.level:g}/{place.attempt}",
        )
    order = _make_order(plan, place.scenario, load, side.server, side.expectations)
    return replace(order, warmup_max_s=min(order.warmup_max_s, max(left_s, LEAST_WAIT_S)))


def _make_order(
    plan: Plan, scenario: str, load: Load, server: RunningServer, expectations: Mapping[int, Expectation]
) -> RunRound:
    return RunRound(
        scenario=scenario,
        url=server.url,
        load=load,
        delay_s=plan.scenarios[scenario].delay_s,
        warmup_s=plan.rounds.warmup_s,
        warmup_max_s=plan.rounds.warmup_max_s,
        window_s=plan.window_s(scenario),
        timeout_s=plan.rounds.timeout_s,
        expectations=dict(expectations),
    )


def load_target(
    generator: LoadGenerator,
    url: str,
    load: Load,
    window_s: float,
    *,
    request: RequestSpec,
    warmup_s: float = 0.5,
    on_window: Callable[[], None] = lambda: None,
) -> RoundDone:
    """Load one server with a request that can be sent."""
    scenario = "load"
    source = ScenarioSource(requests=((request, 1.0),))
    generator.prepare(Prepare(locustfile=None, scenarios={scenario: source}))
    generator.begin_round(
        RunRound(
            scenario=scenario,
            url=url,
            load=load,
            warmup_s=warmup_s,
            warmup_max_s=30.0,
            window_s=window_s,
            timeout_s=30.0,
        )
    )
    on_window()
    return generator.end_round()
