"""A whole comparison: serve, prove alike, measure block by block, until it is known or time is up."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from portcompare.measure import Timekeeper, measure_round, plan_blocks, plan_break_even, plan_searches
from portcompare.model import BASELINE
from portcompare.parity import check_parity, derive_cases
from portcompare.serve import SETTLE_LIMIT_S, measure_idle, serve_deployments, wait_until_settled
from portcompare.units import duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from portcompare.cli.progress import Progress
    from portcompare.cli.recording import Recording
    from portcompare.cli.session import Session
    from portcompare.measure import Place
    from portcompare.model import Expectation
    from portcompare.parity import ParityOutcome
    from portcompare.plan import Plan
    from portcompare.serve import RunningServer


CLOSING_S = 2.0
"""What is kept of a run's time for the servers' end and the report."""

CHARTS_S = 0.4
"""And so much more for the charts of each scenario."""


def measure_all(session: Session, recording: Recording, progress: Progress, deadline_s: float) -> None:
    """Measure a plan from the first server's start to the last round.

    The answers are compared on the first block's servers before the load, and on the last block's after it.

    Args:
        session: The plan and its load generator.
        recording: Where everything goes.
        progress: Told what is being done.
        deadline_s: When the whole run must have ended, in seconds of `time.monotonic()`.

    Raises:
        ServerError: A server did not start, or died.
        LoadGeneratorError: The load generator died.
    """
    plan = session.plan
    outcome: ParityOutcome | None = None
    timekeeper = Timekeeper(deadline_s - CLOSING_S - CHARTS_S * len(plan.scenarios))
    blocks = _plan_blocks(plan, recording, timekeeper)
    number, block = next(blocks, (0, None))
    while block is not None:
        progress.start_servers(number)
        timekeeper.begin_block()
        with serve(session, recording.folder) as servers:
            if outcome is None:
                asked_s = time.monotonic()
                outcome = ask_everything(session, servers, progress)
                timekeeper.deadline_s -= time.monotonic() - asked_s  # the last comparison takes as long
                recording.add_parity(outcome.parity)
                if not outcome.parity.equal:
                    recording.stop_reason = "the answers differ"
                    return
            idle_s = _measure_idle(plan, servers)
            progress.start_block(number, len(block) if isinstance(block, tuple) else None)
            for place in block:
                if not timekeeper.begin_round(place):
                    break
                progress.start_round(place, plan.level_text(place.scenario, place.level))
                expectations = _expectations(session, place.scenario, outcome)
                server = servers[place.arm]
                recording.add_round(measure_round(plan, place, server, session.generator, expectations))
                recording.save_now_and_then()
                if place.arm in idle_s and not _settle(plan, server, idle_s[place.arm], timekeeper):
                    recording.add_warning(
                        f"{place.arm} ({place.scenario}) was still slow {duration(SETTLE_LIMIT_S)} after a "
                        "round: what that left in its queues may have slowed down the next rounds"
                    )
                timekeeper.end_round(place)
                progress.advance()
            number, block = next(blocks, (number, None))
            if block is None:
                recording.stop_reason = timekeeper.reason
                recording.add_parity(ask_everything(session, servers, progress).parity)


def _plan_blocks(
    plan: Plan, recording: Recording, timekeeper: Timekeeper
) -> Iterator[tuple[int, Iterable[Place]]]:
    """The numbered blocks of what a plan asks for: its grid, its searches or its levels."""
    blocks: Iterator[Iterable[Place]]
    if plan.break_even is not None:
        blocks = plan_break_even(plan, plan.break_even, recording.find_grids, timekeeper)
    elif plan.searches:
        blocks = plan_searches(
            plan, recording.find_bracket, recording.note_end, recording.find_unsure_searches, timekeeper
        )
    else:
        blocks = plan_blocks(plan, recording.find_undecided, timekeeper)
    return enumerate(blocks)


def _measure_idle(plan: Plan, servers: Mapping[str, RunningServer]) -> dict[str, float]:
    """How long each arm's idle server takes to answer; none where no round is a search for an overload."""
    if not plan.searches:
        return {}
    return {arm: measure_idle(server, _ready_path(plan, server)) for arm, server in servers.items()}


def _settle(plan: Plan, server: RunningServer, idle_s: float, timekeeper: Timekeeper) -> bool:
    """Wait until a server answers quickly again; False if it does not, and other rounds may follow."""
    left_s = timekeeper.deadline_s - timekeeper.clock()
    limit_s = min(SETTLE_LIMIT_S, left_s)
    return wait_until_settled(server, _ready_path(plan, server), idle_s, limit_s) or limit_s == left_s


def _ready_path(plan: Plan, server: RunningServer) -> str:
    return plan.apps[plan.deployments[server.deployment].app].ready_path


def serve(session: Session, folder: Path) -> AbstractContextManager[dict[str, RunningServer]]:
    """Serve all arms of a plan.

    Args:
        session: The plan.
        folder: Where the servers' logs go.

    Returns:
        A context of running servers by arm.
    """
    arms = {arm.name: arm.deployment for arm in session.plan.arms}
    return serve_deployments(session.plan, arms, folder=folder, cpus=session.cpus)


def ask_everything(
    session: Session, servers: Mapping[str, RunningServer], progress: Progress
) -> ParityOutcome:
    """Compare the answers of all arms, the control's too.

    Args:
        session: The plan and what its scenarios ask for.
        servers: The running servers by arm.
        progress: Told of each case.

    Returns:
        What was found, and what to expect under load.
    """
    scenario_requests = [request for requests in session.requests.values() for request in requests]
    extra = [request.spec() for request in session.plan.parity.requests]
    cases = derive_cases(scenario_requests, extra)
    progress.start_parity(len(cases))
    others = {arm: server.url for arm, server in servers.items() if arm != BASELINE}
    return check_parity(
        servers[BASELINE].url,
        others,
        cases,
        timeout_s=session.plan.rounds.timeout_s,
        on_case=progress.advance,
    )


def _expectations(session: Session, scenario: str, outcome: ParityOutcome) -> dict[str, Expectation]:
    """What the baseline answered to each of a scenario's requests."""
    return {
        request.name: expected
        for request in session.requests[scenario]
        if (expected := outcome.expectation(request)) is not None
    }
