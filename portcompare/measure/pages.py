"""Page visits: a browser loads pages from each arm in turn, idle and while the server is under load."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from random import Random
from typing import TYPE_CHECKING

from portcompare.browser import visit_page
from portcompare.measure.blocks import Place, shuffled
from portcompare.measure.rounds import make_order
from portcompare.records.pages import PageVisit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playwright.sync_api import Browser

    from portcompare.measure.blocks import Level
    from portcompare.measure.generator import LoadGenerator
    from portcompare.plan import Plan
    from portcompare.records.requests import Expectation
    from portcompare.serve import RunningServer

LONGEST_HOLD_S = 3600.0  # of a load while pages load; each load of a page has a limit of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePlace:
    """Where in a run pages are loaded."""

    block: int  # from 0
    order: int  # the visit's position among the visits of the block, from 0
    arm: str
    page: str
    users: int  # how many users of the page's scenario are served meanwhile; 0 for none

    @property
    def at(self) -> Level:
        """The visit as a level, for the timekeeper."""
        return f"page {self.page}", float(self.users)


def order_visits(plan: Plan, block: int) -> tuple[PagePlace, ...]:
    """The visits of a block in the random order in which they are made.

    Pages and conditions come in random order, and each from all arms one after the other in random order, as
    rounds do.
    """
    random = Random(f"{plan.rounds.seed}/{block}/pages")  # noqa: S311 - an order, not a secret
    conditions = [(name, users) for name, page in plan.pages.items() for users in page.conditions]
    visits = [
        (arm.name, page, users)
        for page, users in shuffled(random, conditions)
        for arm in shuffled(random, plan.arms)
    ]
    return tuple(
        PagePlace(block=block, order=order, arm=arm, page=page, users=users)
        for order, (arm, page, users) in enumerate(visits)
    )


def measure_visit(
    plan: Plan,
    place: PagePlace,
    server: RunningServer,
    browser: Browser,
    *,
    generator: LoadGenerator,
    expectations: Mapping[int, Expectation],
) -> PageVisit:
    """Load a page from one arm, as often as the plan asks.

    Raises ServerError: the server died.
    Raises LoadGeneratorError: the load generator died.
    """
    page = plan.pages[place.page]
    server.check_alive()
    if place.users:
        load = Place(
            block=place.block,
            order=place.order,
            arm=place.arm,
            scenario=str(page.scenario),
            level=float(place.users),
        )
        order = make_order(plan, load, server, expectations)
        generator.begin_round(replace(order, window_s=LONGEST_HOLD_S, is_held=True))
    loads = tuple(
        chain.from_iterable(
            visit_page(browser, server.url + page.path, page.timeout_s) for _ in range(page.loads)
        )
    )
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
        loads=loads,
        users_load=done.load if done else None,
        discarded=done.load.failure if done else None,
    )
