"""A whole comparison: serve, prove alike, measure block by block, until it is known or time is up."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from portcompare.analyse.break_even import find_grids
from portcompare.analyse.capacity import find_plan_capacities, find_search_bracket, find_unsure_searches
from portcompare.analyse.comparisons import find_undecided_levels
from portcompare.browser import find_chromium, launch_chromium
from portcompare.errors import InputError
from portcompare.measure import (
    Timekeeper,
    measure_round,
    measure_visit,
    order_visits,
    plan_blocks,
    plan_break_even,
    plan_searches,
)
from portcompare.run.parity import (
    capture_requests,
    check_parity,
    expect,
    find_writing,
    recheck_differences,
    warn_of_unchecked,
)
from portcompare.serve import (
    SETTLE_LIMIT_S,
    measure_idle,
    prepare_arms,
    serve_deployments,
    wait_until_settled,
)
from portcompare.units import duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from portcompare.errors import Problem
    from portcompare.measure import Place
    from portcompare.parity.checker import ParityOutcome
    from portcompare.plan import Plan
    from portcompare.records.sweeps import Bracket
    from portcompare.run.progress import Progress
    from portcompare.run.recording import Recording
    from portcompare.run.session import Session
    from portcompare.serve import RunningServer


class Settling:
    """Knows how quickly each server of a block answers when it has nothing else to do."""

    def __init__(
        self,
        plan: Plan,
        servers: Mapping[str, RunningServer],
        recording: Recording,
        timekeeper: Timekeeper,
    ) -> None:
        """Measure how fast idle servers respond, where rounds may overload them or pages are loaded."""
        asked = servers if plan.searches or plan.pages else {}
        self._idle_s = {arm: measure_idle(server, server.ready_target) for arm, server in asked.items()}
        self._servers = servers
        self._recording = recording
        self._timekeeper = timekeeper

    def settle(self, arm: str, scenario: str) -> None:
        """Wait until a server answers quickly again, and note if it does not."""
        if arm not in self._idle_s:
            return
        left_s = self._timekeeper.deadline_s - self._timekeeper.clock()
        limit_s = min(SETTLE_LIMIT_S, left_s)
        server = self._servers[arm]
        settled = wait_until_settled(server, server.ready_target, self._idle_s[arm], limit_s)
        if not settled and limit_s != left_s:  # else nothing follows that it could slow down
            self._recording.add_warning(
                f"{arm} ({scenario}) was still slow {duration(SETTLE_LIMIT_S)} after a round: "
                "what that left in its queues may have slowed down what was measured next"
            )


def find_browser_problems(plan: Plan) -> tuple[Problem, ...]:
    """Check that there is a browser for a plan's pages."""
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

    Raises InputError: there is no browser.
    Raises ServerError: A server died.
    Raises LoadGeneratorError: the load generator died.
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


CLOSING_S = 2.0
"""What is kept of a run's time for the servers' end and the report."""

CHARTS_S = 0.8
"""And so much more for the charts of each scenario; a break-even grid has as many as one."""

_TOO_SHORT = (
    "before everything was measured once, the comparison of the answers included: give it more time "
    "(--budget, rounds.budget_s), or fewer scenarios and levels"
)


def measure_all(session: Session, recording: Recording, progress: Progress, deadline_s: float) -> None:
    """Measure a plan from the first server's start to the last round.

    The answers are compared on the first block's servers before the load, and on the last block's after it.

    `deadline_s`: when the whole run must have ended, in seconds of `time.monotonic()`.
    Raises InputError: A user class cannot be used.
    Raises ServerError: A server did not start, or died; so may an upstream.
    Raises LoadGeneratorError: the load generator died.
    """
    plan = session.plan
    session = capture_requests(session, recording.folder, progress, recording.add_warning)
    outcome: ParityOutcome | None = None
    charted = 1 if plan.break_even else len(plan.scenarios)
    timekeeper = Timekeeper(deadline_s - CLOSING_S - CHARTS_S * charted)
    blocks = _plan_blocks(plan, recording, timekeeper)
    number, block = next(blocks, (0, None))
    while block is not None:
        progress.start_servers(number)
        timekeeper.begin_block()
        with serve(session, recording.folder) as servers:
            if outcome is None:
                outcome = _ask_first(session, servers, recording, progress, timekeeper)
                if not outcome.parity.equal:
                    break
            settling = Settling(plan, servers, recording, timekeeper)
            progress.start_block(number, len(block) if isinstance(block, tuple) else None)
            for place in block:
                if not timekeeper.begin_round(place):
                    break
                progress.start_round(place, plan.level_text(place.scenario, place.level))
                expectations = expect(session, place.scenario, place.arm, outcome)
                server = servers[place.arm]
                session.check_upstreams()
                recording.add_round(measure_round(plan, place, server, session.generator, expectations))
                recording.save_now_and_then()
                settling.settle(place.arm, place.scenario)
                timekeeper.end_round(place)
                progress.advance()
            load_pages(
                session,
                number,
                servers,
                outcome,
                recording=recording,
                timekeeper=timekeeper,
                settling=settling,
                progress=progress,
            )
            number, block = next(blocks, (number, None))
            if block is None:
                _note_end(recording, timekeeper, number)
                if not find_writing(session):
                    recording.add_parity(check_parity(session, servers, progress).parity)
    if outcome is not None and not outcome.parity.equal:
        recording.add_parity(recheck_differences(session, outcome, recording.folder, progress))


def _note_end(recording: Recording, timekeeper: Timekeeper, block: int) -> None:
    recording.stop_reason = timekeeper.reason
    if timekeeper.is_up and block == 0:
        recording.add_warning(f"{timekeeper.reason}, {_TOO_SHORT}")


def _ask_first(
    session: Session,
    servers: Mapping[str, RunningServer],
    recording: Recording,
    progress: Progress,
    timekeeper: Timekeeper,
) -> ParityOutcome:
    """Compare the answers before the load, and keep the time to do so again after it."""
    began_s = time.monotonic()
    outcome = check_parity(session, servers, progress)
    recording.add_parity(outcome.parity)
    if not outcome.parity.equal:
        recording.stop_reason = "the answers differ"
        return outcome
    if not find_writing(session):
        timekeeper.deadline_s -= time.monotonic() - began_s
    for warning in warn_of_unchecked(session, outcome):
        recording.add_warning(warning)
    return outcome


def _plan_blocks(
    plan: Plan, recording: Recording, timekeeper: Timekeeper
) -> Iterator[tuple[int, Iterable[Place]]]:
    """The numbered blocks of what a plan asks for: its grid, its searches or its levels."""
    rounds, ended = recording.rounds, recording.ended_searches

    def find_bracket(*search: Any) -> Bracket:  # noqa: ANN401 - block, scenario and arm
        return find_search_bracket(plan, rounds, ended, search)

    def find_unsure() -> frozenset[str]:
        return find_unsure_searches(find_plan_capacities(plan, rounds, ended), plan.rounds.precision)

    blocks: Iterator[Iterable[Place]]
    if plan.break_even is not None:
        blocks = plan_break_even(plan, plan.break_even, lambda: find_grids(plan, rounds), timekeeper)
    elif plan.searches:
        blocks = plan_searches(plan, find_bracket, lambda *search: ended.add(search), find_unsure, timekeeper)
    else:
        blocks = plan_blocks(plan, lambda blocks: find_undecided_levels(plan, rounds, blocks), timekeeper)
    return enumerate(blocks)


def prepare(session: Session, folder: Path, progress: Progress) -> AbstractContextManager[None]:
    """Have all that is done once in a run done for all arms of a plan: setup now, teardown at the end."""
    if any(session.plan.app_of(arm.deployment).setup for arm in session.plan.arms):
        progress.start_setup()
    return prepare_arms(session.plan, _deployments(session), folder=folder, cpus=session.cpus)


def serve(session: Session, folder: Path) -> AbstractContextManager[dict[str, RunningServer]]:
    """Serve all arms of a plan."""
    return serve_deployments(session.plan, _deployments(session), folder=folder, cpus=session.cpus)


def _deployments(session: Session) -> dict[str, str]:
    return {arm.name: arm.deployment for arm in session.plan.arms}
