"""Searching the highest rate that keeps an objective: in every block anew, for every arm."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import exp, inf, log, sqrt
from random import Random
from statistics import fmean
from typing import TYPE_CHECKING

from portcompare.measure.blocks import all_blocks, ended_in_block, nothing_fits
from portcompare.measure.rounds import Place
from portcompare.records.sweeps import RESOLUTION
from portcompare.units import share

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from portcompare.measure.blocks import Timekeeper
    from portcompare.plan import Plan
    from portcompare.records.sweeps import Bracket

    FindBracket = Callable[[int, str, str], Bracket]
    NoteEnd = Callable[[int, str, str], None]

FIRST_STEP = 2.0
"""By this factor the first block climbs from the lowest rate, whatever the server can bear."""

LATER_STEP = 1.1
"""By this factor later blocks move away from what the blocks before them found."""

LEAST_REQUESTS = 100
"""Requests that a round holds at least, so that 1% of them is one."""


def find_start(quantile: float, window_s: float) -> float:
    """The lowest rate at which a round has enough requests for a percentile.

    Returns requests per second: 100 requests in a round, or more if the percentile needs them (a p99.9:
    1,000).
    """
    return max(LEAST_REQUESTS, 1 / (1 - quantile)) / window_s


def find_limit(connections: int, delay_s: float) -> float:
    """The highest rate at which it is never for want of connections that a request waits.

    With a Poisson number under way of mean a = rate x delay, a + 3 sqrt(a) are as good as never exceeded.

    Returns requests per second; infinite without a delay. References: Little, "A proof for the queuing
    formula L = lambda W", Operations Research 9 (3), 1961.
    """
    if not delay_s:
        return inf
    return (sqrt(connections + 2.25) - 1.5) ** 2 / delay_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """One arm's search in one scenario and block."""

    scenario: str  # Name of the scenario
    arm: str  # Name of the arm
    start_rps: float  # The first rate to try
    step: float  # The factor by which to move while the capacity is not bracketed
    least_rps: float  # The lowest rate to try
    most_rps: float  # The highest


def propose_rate(search: Search, bracket: Bracket) -> float | None:
    """Say what to try next: doubtful rates again, then outwards by steps, then the middle of the bracket.

    Returns requests per second, to three digits; None if the search is over.
    """
    kept, failed = bracket.kept_rps, bracket.failed_rps
    if bracket.doubtful_rps is not None:
        return bracket.doubtful_rps
    if kept is None:
        wanted = search.start_rps if failed is None else failed / search.step
    elif failed is None:
        wanted = kept * search.step
    elif failed > kept * RESOLUTION:
        wanted = sqrt(kept * failed)
    else:
        return None
    rate_rps = float(f"{min(max(wanted, search.least_rps), search.most_rps):.3g}")
    return None if rate_rps in (kept, failed) else rate_rps


def plan_searches(
    plan: Plan,
    find_bracket: FindBracket,
    note_end: NoteEnd,
    find_undecided: Callable[[], frozenset[str]],
    timekeeper: Timekeeper,
) -> Iterator[Iterator[Place]]:
    """The blocks of a search, until the capacities are known well enough or the plan's limits are reached."""
    scenarios = tuple(plan.searches)
    for block in range(plan.rounds.max_blocks):
        began_s = timekeeper.clock()
        yield _search_block(plan, block, scenarios, find_bracket, note_end)
        now_s = timekeeper.clock()
        if timekeeper.is_up:
            timekeeper.reason = ended_in_block(plan, block)
            return
        if block + 1 < plan.rounds.min_blocks:
            continue
        undecided = find_undecided()
        scenarios = tuple(name for name in scenarios if name in undecided)
        # The next block is taken to last as long as this one: all but the first begin near the capacity.
        if not scenarios:
            timekeeper.reason = f"every capacity is known within {share(plan.rounds.precision)}"
            return
        is_last = block + 1 == plan.rounds.max_blocks
        if now_s + (now_s - began_s) > timekeeper.deadline_s and not is_last:
            timekeeper.reason = nothing_fits(plan, "block")
            return
    timekeeper.reason = all_blocks(plan)


def _search_block(
    plan: Plan, block: int, scenarios: tuple[str, ...], find_bracket: FindBracket, note_end: NoteEnd
) -> Iterator[Place]:
    """The rounds of a block: all arms search side by side, one round of each at a time, in random order."""
    random = Random(f"{plan.rounds.seed}/{block}")  # noqa: S311 - an order, not a secret
    arms = [(scenario, arm.name) for scenario in scenarios for arm in plan.arms]
    searches = [_begin_search(plan, block, pair, find_bracket, random) for pair in arms]
    order = 0
    attempts: Counter[tuple[str, str, float]] = Counter()
    while searches:
        random.shuffle(searches)
        for search in tuple(searches):
            rate_rps = propose_rate(search, find_bracket(block, search.scenario, search.arm))
            if rate_rps is None:
                searches.remove(search)
                note_end(block, search.scenario, search.arm)
                continue
            tried = (search.scenario, search.arm, rate_rps)
            yield Place(
                block=block,
                order=order,
                arm=search.arm,
                scenario=search.scenario,
                level=rate_rps,
                attempt=attempts[tried],
            )
            attempts[tried] += 1
            order += 1


def _begin_search(
    plan: Plan, block: int, pair: tuple[str, str], find_bracket: FindBracket, random: Random
) -> Search:
    """Begin at what the blocks before found; the first at the lowest rate."""
    name, arm = pair
    scenario = plan.scenarios[name]
    least_rps = find_start(plan.searches[name].quantile, plan.window_s(name))
    known = [find_bracket(before, name, arm).estimate_rps for before in range(block)]
    found = [log(rate_rps) for rate_rps in known if rate_rps is not None]
    # Anywhere within a bracket's width: so where the ends of brackets fall is chance, and averages out.
    shift = RESOLUTION ** random.uniform(-0.5, 0.5)
    return Search(
        scenario=name,
        arm=arm,
        start_rps=exp(fmean(found)) * shift if found else least_rps,
        step=LATER_STEP if found else FIRST_STEP,
        least_rps=least_rps,
        most_rps=find_limit(scenario.load.concurrency(least_rps), scenario.delay_s),
    )
