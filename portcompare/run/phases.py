"""The phases of a run: compare the responses, measure block by block, compare the responses again."""

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace

from portcompare.analyse.comparisons import find_undecided_levels
from portcompare.analyse.sweeps import (
    find_grids,
    find_plan_capacities,
    find_search_bracket,
    find_unsure_searches,
)
from portcompare.browser import launch_chromium
from portcompare.doctor.machine import have_worked, read_other_generators
from portcompare.measure.blocks import Level, Place, Timekeeper, order_visits, plan_blocks
from portcompare.measure.rounds import MeasuredRound, Side, measure_round, measure_visit
from portcompare.measure.sweeps import plan_break_even, plan_searches
from portcompare.measure.turns import TurnsNotPossible, find_why_window, measure_turns
from portcompare.parity.outcome import ParityOutcome
from portcompare.parity.survey import Limits
from portcompare.plan import Plan
from portcompare.records.rounds import LoadReport
from portcompare.run.parity import (
    capture_requests,
    check_parity,
    expect,
    find_writing,
    recheck_differences,
    warn_of_unchecked,
    without_faulty_scenarios,
)
from portcompare.run.progress import Progress
from portcompare.run.recording import Recording
from portcompare.run.session import Session
from portcompare.run.slots import observe_in_run
from portcompare.run.work import count_in_run
from portcompare.serve import (
    SETTLE_LIMIT_S,
    RunningServer,
    measure_idle,
    prepare_arms,
    serve_deployments,
    wait_until_settled,
)
from portcompare.units import count, duration

# Kept of a run's time for the servers' end and the report, and for the charts of each scenario; a break-even
# grid has as many charts as one.
CLOSING_S = 3.5
CHARTS_S = 0.8

# So much of a run's time may go into comparing responses before the load.
PARITY_SHARE = 0.25

_TOO_SHORT = (
    "before everything was measured once, the comparison of the responses included: give it more time "
    "(--budget, rounds.budget_s), or fewer scenarios and levels"
)


_SHARED_MACHINE = (
    "another load test worked on this machine during the run, such as one of `portcompare ui`: what it used, "
    "the deployments lacked; measure again without it"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What all phases of a run share."""

    session: Session
    recording: Recording
    progress: Progress
    timekeeper: Timekeeper
    # Why a level is measured in windows instead of turns, once that is known; empty for turns
    why_windows: dict[Level, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One start of all servers."""

    number: int  # from 0
    servers: Mapping[str, RunningServer]  # by arm
    outcome: ParityOutcome
    # Response time of each idle server, by arm; empty if no round can leave a queue that slows down the next
    idle_s: Mapping[str, float]


def measure(session: Session, recording: Recording, progress: Progress) -> None:
    """Measure a plan from the first server's start to the last round.

    The responses are compared on the first block's servers before the load, and on the last block's after it.

    Raises InputError: a user class cannot be used, or there is no browser.
    Raises ServerError: a server or an upstream did not start, or died.
    Raises LoadGeneratorError: the load generator died.
    """
    session = capture_requests(session, progress, recording.add_warning)
    plan = session.plan
    charted = 1 if plan.break_even else len(plan.scenarios)
    deadline_s = recording.began_s + plan.rounds.budget_s
    timekeeper = Timekeeper(deadline_s - CLOSING_S - CHARTS_S * charted)
    timekeeper.recall(recording.longest_s, recording.spent_s)
    run = Run(session=session, recording=recording, progress=progress, timekeeper=timekeeper)
    run.why_windows.update({(one.scenario, one.level): one.why_window for one in recording.rounds})
    outcome: ParityOutcome | None = None
    blocks: Iterator[tuple[int, Iterable[Place]]] = iter(())
    number = recording.blocks
    places: Iterable[Place] | None = ()
    others, since_s = read_other_generators(os.getpid()), time.monotonic()
    while outcome is None or places is not None:
        progress.start(f"block {number + 1}: starting servers")
        timekeeper.begin_block()
        with serve(session) as servers:
            if outcome is None:
                outcome = _compare_first(run, servers)
                if not outcome.parity.equal:
                    break
                session = without_faulty_scenarios(session, outcome)
                count_in_run(session, recording, progress, timekeeper.left_s())
                observe_in_run(session, recording, progress, servers)
                recording.plan, run = session.plan, replace(run, session=session)
                blocks = enumerate(_plan_blocks(run), number)
                number, places = next(blocks, (number, None))
            if places is not None:  # else a run was resumed that had measured all
                _measure_block(run, servers, outcome, number, places)
                number, places = next(blocks, (number, None))
            if places is None:
                recording.stop_reason = timekeeper.reason
                if timekeeper.is_up and number == 0:
                    recording.add_warning(f"{timekeeper.reason}, {_TOO_SHORT}")
                if not find_writing(session):
                    recording.add_parity(
                        check_parity(session, servers, progress, _parity_limits(plan)).parity
                    )
        if have_worked(others, read_other_generators(os.getpid()), time.monotonic() - since_s):
            recording.add_warning(_SHARED_MACHINE)
    if outcome is not None and not outcome.parity.equal:
        recording.add_parity(recheck_differences(session, outcome, progress))


def _measure_block(
    run: Run,
    servers: Mapping[str, RunningServer],
    outcome: ParityOutcome,
    number: int,
    places: Iterable[Place],
) -> None:
    plan = run.session.plan
    may_overload = servers if plan.searches or plan.pages else {}
    idle_s = {arm: measure_idle(server, server.ready_target) for arm, server in may_overload.items()}
    block = Block(number=number, servers=servers, outcome=outcome, idle_s=idle_s)
    measure_rounds(run, block, places)
    load_pages(run, block)
    if not run.timekeeper.is_up:
        run.recording.end_block(number, run.timekeeper.longest_s)


def _plan_blocks(run: Run) -> Iterator[Iterable[Place]]:
    plan, timekeeper = run.session.plan, run.timekeeper
    rounds, ended = run.recording.rounds, run.recording.ended_searches
    measured = [
        {(one.scenario, one.level) for one in rounds if one.block == number}
        for number in range(run.recording.blocks)
    ]
    if plan.break_even is not None:
        grid = plan.break_even
        return plan_break_even(plan, grid, lambda: find_grids(plan, rounds), timekeeper, measured=measured)
    if plan.searches:
        return plan_searches(
            plan,
            lambda search: find_search_bracket(plan, rounds, ended, search),
            lambda: find_unsure_searches(find_plan_capacities(plan, rounds, ended), plan.rounds.precision),
            ended,
            timekeeper,
            measured=measured,
        )
    return plan_blocks(
        plan, lambda blocks: find_undecided_levels(plan, rounds, blocks), timekeeper, measured=measured
    )


def _compare_first(run: Run, servers: Mapping[str, RunningServer]) -> ParityOutcome:
    """Compare the responses before the load, and keep the time to do so again after it."""
    began_s = time.monotonic()
    limits = _parity_limits(run.session.plan)
    outcome = check_parity(run.session, servers, run.progress, limits)
    if unsent := sum(limits.budget in each.reason for each in outcome.parity.coverage.not_compared):
        run.progress.note(f"{count(unsent, 'case')} not sent within {limits.budget}")
    run.recording.add_parity(outcome.parity)
    if not outcome.parity.equal:
        run.recording.stop_reason = "the responses differ"
        return outcome
    if not find_writing(run.session):
        run.timekeeper.deadline_s -= time.monotonic() - began_s
    for warning in warn_of_unchecked(run.session, outcome):
        run.recording.add_warning(warning)
    return outcome


def _parity_limits(plan: Plan) -> Limits:
    budget_s = PARITY_SHARE * plan.rounds.budget_s
    budget = f"{budget_s:.0f} s, a quarter of rounds.budget_s"
    return Limits(deadline_s=time.monotonic() + budget_s, budget=budget)


def measure_rounds(run: Run, block: Block, places: Iterable[Place]) -> None:
    """Measure the rounds of a block, as far as there is time for them."""
    session, progress, timekeeper = run.session, run.progress, run.timekeeper
    plan = session.plan
    title, measured = f"block {block.number + 1}", len(run.recording.rounds)
    if isinstance(places, tuple):
        levels = plan.levels if plan.break_even is None else ()  # of a grid, not all cells are measured
        least = plan.rounds.min_blocks * len(levels) * len(plan.arms)
        progress.start(f"{title}: measuring {len(places)} rounds")
        progress.count(max(least, measured + len(places)), measured)
    else:  # a search, which ends when it has found something
        progress.start(f"{title}: searching")
        progress.count(None, measured)
    for together in _by_level(run, places):
        first = together[0]
        # Turns end with the budget; a window is as long as it is.
        least_s = _least_s(plan, first) if run.why_windows.get(first.at) else 0.0
        if not timekeeper.begin_round(first.at, least_s):
            break
        level = plan.level_text(first.scenario, first.level)
        arms = first.arm if len(together) == 1 else f"{len(together)} deployments in turn"
        progress.show(f"{title}: {arms}, {first.scenario}, {level}")
        session.check_upstreams()
        for one in _measure_together(run, block, together):
            run.recording.add_round(one)
            _settle(run, block, one.round.arm, first.scenario)
        timekeeper.end_round(first.at, len(together))
        progress.advance(len(together))


def _by_level(run: Run, places: Iterable[Place]) -> Iterator[tuple[Place, ...]]:
    """The places whose arms take turns together, and each other place by itself."""
    plan, why_windows = run.session.plan, run.why_windows
    together: set[Level] = set()
    for place in places:
        if place.at in together:
            continue
        if place.at not in why_windows:
            why_windows[place.at] = find_why_window(plan, run.session.can_take_turns, place.at)
        if why_windows[place.at] or not isinstance(places, tuple):
            yield (place,)
        else:
            together.add(place.at)
            yield tuple(one for one in places if one.at == place.at)


def _measure_together(run: Run, block: Block, places: tuple[Place, ...]) -> Iterator[MeasuredRound]:
    """Measure places by turns; or one after the other where that is not possible."""
    session, why_windows = run.session, run.why_windows
    plan, at = session.plan, places[0].at
    sides = {
        place.arm: Side(
            place=place,
            server=block.servers[place.arm],
            expectations=expect(session, place.scenario, place.arm, block.outcome),
        )
        for place in places
    }
    if not why_windows[at]:
        try:
            yield from measure_turns(plan, sides, session.generator, run.timekeeper.left_s)
        except TurnsNotPossible as why:
            why_windows[at] = str(why)
    if why_windows[at]:
        for side in sides.values():
            if len(sides) > 1 and run.timekeeper.left_s() < _least_s(plan, side.place):
                run.timekeeper.is_up = True
                return
            # The orders of all other rounds of the block are below.
            beyond = len(plan.levels) * len(plan.arms)
            again = replace(side.place, order=beyond + side.place.order, attempt=1)
            for attempt in (side, replace(side, place=again)):
                left_s = run.timekeeper.left_s()
                measured = measure_round(plan, attempt, session.generator, why_windows[at], left_s)
                yield measured
                # Searches repeat such rounds themselves.
                if not _is_to_be_repeated(run, measured.round.load) or at[0] in plan.searches:
                    break


def _is_to_be_repeated(run: Run, load: LoadReport | None) -> bool:
    """Whether a load worker was lost, and there is time to measure again what that has touched."""
    if load is None or not load.lost_workers:
        return False
    run.timekeeper.restart_round()
    return run.timekeeper.left_s() > 0


def _least_s(plan: Plan, place: Place) -> float:
    """How long a round takes at least."""
    return plan.rounds.warmup_s + plan.window_s(place.scenario)


def load_pages(run: Run, block: Block) -> None:
    """Load the plan's pages from each arm in a browser, as far as there is time for it.

    The browser runs where the load generator runs: this process is kept off the servers' CPUs, and what it
    starts is as well.
    """
    session, timekeeper = run.session, run.timekeeper
    plan = session.plan
    visits = order_visits(plan, block.number)
    if not visits or timekeeper.is_up:
        return
    began_s = timekeeper.clock()
    with launch_chromium() as browser:
        run.recording.browser = f"Chromium {browser.version}"
        for place in visits:
            if not timekeeper.begin_round(place.at):
                break
            condition = f"{count(place.users, 'user')} meanwhile" if place.users else "idle"
            run.progress.show(f"block {block.number + 1}: {place.arm}, page {place.page}, {condition}")
            session.check_upstreams()
            scenario = plan.pages[place.page].scenario
            for attempt in (place, replace(place, order=len(visits) + place.order)):
                visit = measure_visit(
                    plan,
                    attempt,
                    block.servers[place.arm],
                    browser,
                    generator=session.generator,
                    expectations=expect(session, scenario, place.arm, block.outcome) if scenario else {},
                )
                run.recording.add_visit(visit)
                if not _is_to_be_repeated(run, visit.users_load):
                    break
            if place.users:
                _settle(run, block, place.arm, f"page {place.page}")
            timekeeper.end_round(place.at)
    timekeeper.beside_s = max(timekeeper.beside_s, timekeeper.clock() - began_s)


def _settle(run: Run, block: Block, arm: str, measured: str) -> None:
    """Wait until a server responds as fast as when it was idle, and warn if it does not."""
    if arm not in block.idle_s:
        return
    server = block.servers[arm]
    left_s = run.timekeeper.left_s()
    limit_s = min(SETTLE_LIMIT_S, left_s)
    settled = wait_until_settled(server, server.ready_target, block.idle_s[arm], limit_s)
    if not settled and limit_s != left_s:  # else nothing follows that it could slow down
        run.recording.add_warning(
            f"{arm} ({measured}) was still slow {duration(SETTLE_LIMIT_S)} after a round: "
            "what that left in its queues may have slowed down what was measured next"
        )


def prepare(session: Session, progress: Progress) -> AbstractContextManager[None]:
    """Run the setup commands of all arms now, and their teardown commands at the end of the context."""
    if any(session.plan.app_of(arm.deployment).setup for arm in session.plan.arms):
        progress.start("running the setup of each arm")
    return prepare_arms(session.plan, _deployments(session), folder=session.folder, cpus=session.cpus)


def serve(session: Session) -> AbstractContextManager[dict[str, RunningServer]]:
    """Serve all arms of a plan."""
    return serve_deployments(session.plan, _deployments(session), folder=session.folder, cpus=session.cpus)


def _deployments(session: Session) -> dict[str, str]:
    return {arm.name: arm.deployment for arm in session.plan.arms}
