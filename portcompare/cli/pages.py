"""The pages of a block: loaded by a browser started for them, after the block's rounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcompare.browser import find_chromium, launch_chromium
from portcompare.cli.asking import expect
from portcompare.errors import InputError
from portcompare.measure import measure_visit, order_visits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from portcompare.cli.progress import Progress
    from portcompare.cli.recording import Recording
    from portcompare.cli.session import Session
    from portcompare.cli.settling import Settling
    from portcompare.errors import Problem
    from portcompare.measure import Timekeeper
    from portcompare.parity import ParityOutcome
    from portcompare.plan import Plan
    from portcompare.serve import RunningServer


def find_browser_problems(plan: Plan) -> tuple[Problem, ...]:
    """Check that there is a browser for a plan's pages.

    Args:
        plan: The plan.

    Returns:
        What is missing; empty if nothing is, or if the plan has no pages.
    """
    if plan.pages:
        try:
            find_chromium()
        except InputError as error:
            return error.problems
    return ()


def load_pages(
    session: Session,
    block: int,
    servers: Mapping[str, RunningServer],
    outcome: ParityOutcome,
    *,
    recording: Recording,
    timekeeper: Timekeeper,
    settling: Settling,
    progress: Progress,
) -> None:
    """Make the visits of a block, as far as there is time for them.

    The browser runs where the load generator runs: this process is kept off the servers' CPUs, and what it
    starts is as well.

    Args:
        session: The plan and its load generator.
        block: Number of the block, from 0.
        servers: The running servers by arm.
        outcome: What the load's answers must look like.
        recording: Where everything goes.
        timekeeper: Knows how long visits take, and when time is up.
        settling: Waits until a server has worked off the load that it had.
        progress: Told what is being done.

    Raises:
        InputError: There is no browser.
        ServerError: A server died.
        LoadGeneratorError: The load generator died.
    """
    plan = session.plan
    visits = order_visits(plan, block)
    if not visits or timekeeper.is_up:
        return
    began_s = timekeeper.clock()
    with launch_chromium() as browser:
        recording.browser = f"Chromium {browser.version}"
        for place in visits:
            if not timekeeper.begin_round(place.budgeted):
                break
            progress.start_visit(place)
            session.check_upstreams()
            scenario = plan.pages[place.page].scenario
            visit = measure_visit(
                plan,
                place,
                servers[place.arm],
                browser,
                generator=session.generator,
                expectations=expect(session, scenario, place.arm, outcome) if scenario else {},
            )
            recording.add_visit(visit)
            if place.users:
                settling.settle(place.arm, f"page {place.page}")
            recording.save_now_and_then()
            timekeeper.end_round(place.budgeted)
    timekeeper.beside_s = max(timekeeper.beside_s, timekeeper.clock() - began_s)
