"""What varying the load shows: the knee of the rates, the capacity, and where a candidate begins to win."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from math import log
from statistics import median

from portcompare.analyse.comparisons import compare, ratio_of_blocks
from portcompare.analyse.rounds import find_outcome, order_rounds
from portcompare.plan import Plan
from portcompare.records.estimates import Comparison, Estimate
from portcompare.records.rounds import BASELINE, Round
from portcompare.records.sweeps import (
    Border,
    Bracket,
    BreakEven,
    BreakEvenCell,
    Capacity,
    CellState,
    Knee,
    Outcome,
    Trial,
)
from portcompare.stats.intervals import LEAST_BLOCKS, mean_estimate, paired_ratio
from portcompare.units import rate

ByLevel = Mapping[float, Mapping[int, float]]
Brackets = Mapping[int, Bracket]

Search = tuple[int, str, str]  # a search by its block, scenario and arm

LEAST_LEVELS = 3  # a light load, one at the ceiling, and one that shows that it is the ceiling

MOST_GAIN = 0.1
"""The ceiling counts as reached if, over the last doubling of the load, one percent more load brought less
than this many percent more rate (the elasticity). 0.1 means 7% for twice the load; 1 is proportional."""

_ENOUGH = 2  # so many failures at a rate, and no success, make it one that fails


def find_knees(rounds: Iterable[Round]) -> tuple[Knee, ...]:
    """Find the knee of every arm in every scenario that was measured at three levels or more.

    It is the load at which the two asymptotes of the rate meet: the line along which the rate rises while
    nobody waits for anybody, through the lowest level, and the ceiling, the highest of the levels' rates. In
    the closed model that is N* = X_max R_0 users, with R_0 the response time and think time at the lowest
    level (N_1 / X_1, by Little's law); in the open model it is the ceiling itself. Rates alone are needed.
    """
    rates_rps: dict[tuple[str, str], dict[float, dict[int, float]]] = {}
    for one in sorted(rounds, key=lambda one: one.level):
        if one.discarded is None and one.load.rate_rps > 0:
            by_level = rates_rps.setdefault((one.scenario, one.arm), {})
            by_level.setdefault(one.level, {})[one.block] = one.load.rate_rps
    swept = {key: by_level for key, by_level in rates_rps.items() if len(by_level) >= LEAST_LEVELS}
    knees = (_find_knee(*key, by_level) for key, by_level in swept.items())
    return tuple(knee for knee in knees if knee is not None)


def _find_knee(scenario: str, arm: str, by_level: ByLevel) -> Knee | None:
    rates_rps = {level: median(by_block.values()) for level, by_block in by_level.items()}
    lowest, highest = min(rates_rps), max(rates_rps)
    top = max(rates_rps, key=lambda level: rates_rps[level])
    light_rps, ceiling_rps = by_level[lowest], by_level[top]
    blocks = sorted(light_rps.keys() & ceiling_rps.keys())
    if not blocks:
        return None
    is_reached = _gain(rates_rps) < MOST_GAIN
    load = Estimate(point=highest, blocks=len(blocks))
    if is_reached and len(blocks) < LEAST_BLOCKS:
        load = replace(load, point=lowest * ceiling_rps[blocks[0]] / light_rps[blocks[0]])
    elif is_reached:
        ratio = paired_ratio([light_rps[block] for block in blocks], [ceiling_rps[block] for block in blocks])
        point, *ends = (lowest * (one or 0.0) for one in (ratio.point, ratio.low, ratio.high))
        load = replace(ratio, point=point, low=ends[0], high=ends[1])
    return Knee(
        scenario=scenario,
        arm=arm,
        levels=len(by_level),
        load=load,
        rate_rps=rates_rps[top],
        is_reached=is_reached,
    )


def _gain(rates_rps: Mapping[float, float]) -> float:
    """The elasticity of the rate over the last doubling of the load; 1 if the levels do not span one."""
    highest = max(rates_rps)
    before = max((level for level in rates_rps if level <= highest / 2), default=None)
    if before is None:
        return 1.0
    return log(rates_rps[highest] / rates_rps[before]) / log(highest / before)


def find_bracket(trials: Iterable[Trial], *, is_over: bool) -> Bracket:
    """Narrow a capacity down by the rounds of one arm in one block.

    A rate fails when two rounds did not keep the objective there, and none did: one hiccup of the machine
    must not end a search far below the capacity.
    """
    outcomes: dict[float, list[Outcome]] = {}
    reasons: dict[float, str | None] = {}
    last_rps = None
    for one in trials:
        outcomes.setdefault(one.rate_rps, []).append(one.outcome)
        reasons[one.rate_rps] = one.discarded
        last_rps = one.rate_rps
    kept = [rate_rps for rate_rps, found in outcomes.items() if "kept" in found]
    failed = [rate for rate, found in outcomes.items() if "kept" not in found and len(found) >= _ENOUGH]
    failed_rps = min(failed, default=None)
    failed_for: Outcome | None = None
    if failed_rps is not None:
        failed_for = "missed" if "missed" in outcomes[failed_rps] else "unknown"
    return Bracket(
        kept_rps=max(kept, default=None),
        failed_rps=failed_rps,
        failed_for=failed_for,
        failed_why=reasons[failed_rps] if failed_rps is not None and failed_for == "unknown" else None,
        doubtful_rps=None if last_rps in {*kept, *failed} else last_rps,
        is_over=is_over,
    )


def find_search_bracket(
    plan: Plan, rounds: Iterable[Round], ended: Collection[Search], search: Search
) -> Bracket:
    """What one of a plan's searches has found until now."""
    own = (
        one
        for one in rounds
        if (one.block, one.scenario, one.arm) == search and not one.load.lost_workers  # it is measured again
    )
    return find_bracket((_trial(one, find_outcome(plan, one)) for one in own), is_over=search in ended)


def find_plan_capacities(
    plan: Plan, rounds: Iterable[Round], ended: Collection[Search]
) -> tuple[Capacity, ...]:
    """The capacities of a plan's searches, in the plan's order."""
    scenarios, arms = list(plan.searches), [arm.name for arm in plan.arms]
    searched = sorted(
        (one for one in rounds if one.scenario in scenarios and not one.load.lost_workers),
        key=lambda one: (scenarios.index(one.scenario), arms.index(one.arm)),
    )
    margin = plan.rounds.margins["throughput"]
    return find_capacities(searched, lambda one: find_outcome(plan, one), ended, margin)


def find_capacities(
    rounds: Iterable[Round], outcome_of: Callable[[Round], Outcome], ended: Collection[Search], margin: float
) -> tuple[Capacity, ...]:
    """Find each arm's capacity, and each candidate's in relation to the baseline's.

    Every block searches anew, from another start: so the searches' coarseness and each round's luck show in
    how much the blocks differ, and the interval over the blocks contains both.
    """
    trials: dict[tuple[str, str], dict[int, list[Trial]]] = {}
    for one in rounds:
        blocks = trials.setdefault((one.scenario, one.arm), {})
        blocks.setdefault(one.block, []).append(_trial(one, outcome_of(one)))
    brackets = {
        key: {block: find_bracket(found, is_over=(block, *key) in ended) for block, found in blocks.items()}
        for key, blocks in trials.items()
    }
    return tuple(
        _capacity(scenario, arm, found, brackets.get((scenario, BASELINE), {}), margin)
        for (scenario, arm), found in brackets.items()
    )


def find_unsure_searches(capacities: Iterable[Capacity], precision: float) -> frozenset[str]:
    """The scenarios whose capacities are not yet known well enough."""
    return frozenset(one.scenario for one in capacities if half_width(one.compared) > 1 + precision)


def half_width(ratio: Estimate) -> float:
    """The factor from a ratio to the end of its interval, by the end that is known; 1 where none is."""
    if ratio.point is None:
        return 1.0
    if ratio.high is not None:
        return ratio.high / ratio.point
    return 1.0 if ratio.low is None else ratio.point / ratio.low


def _trial(one: Round, outcome: Outcome) -> Trial:
    return Trial(rate_rps=one.level, outcome=outcome, discarded=one.discarded)


def _capacity(scenario: str, arm: str, own: Brackets, baseline: Brackets, margin: float) -> Capacity:
    rates_rps, is_at_least = _rates(own), any(one.is_at_least for one in own.values())
    values = list(rates_rps.values())
    rate_rps = Estimate(point=values[0] if values else None, blocks=len(values))
    if len(values) >= LEAST_BLOCKS:
        rate_rps = mean_estimate(values)
    high, reason = None if is_at_least else rate_rps.high, _ended_by(own) if values else _nothing(own)
    rate_rps = replace(rate_rps, high=high, reason=reason)
    ratio = None
    if arm != BASELINE:
        than_at_least = any(one.is_at_least for one in baseline.values())
        ratio = ratio_of_blocks("throughput", _rates(baseline), rates_rps, margin, needed="both capacities")
        ratio = _open(ratio, is_at_least=is_at_least, than_at_least=than_at_least)
    return Capacity(scenario=scenario, arm=arm, rate_rps=rate_rps, is_at_least=is_at_least, ratio=ratio)


def _rates(brackets: Brackets) -> dict[int, float]:
    found = {block: bracket.estimate_rps for block, bracket in brackets.items()}
    return {block: rate_rps for block, rate_rps in found.items() if rate_rps is not None}


def _ended_by(brackets: Brackets) -> str:
    at_least = [one for one in brackets.values() if one.is_at_least]
    if unknown := [one for one in at_least if one.failed_rps is not None]:
        return f"{_why(unknown[0])}: the capacity may be higher"
    if at_least:
        return "no rate that the connections suffice for missed the objective: the capacity may be higher"
    return "the objective was missed at higher rates"


def _nothing(brackets: Brackets) -> str:
    ended = [one for one in brackets.values() if one.is_over]
    if unknown := [one for one in ended if one.failed_for == "unknown"]:
        return f"nothing is known: {_why(unknown[0])}"
    lowest = min((one.failed_rps for one in ended if one.failed_rps is not None), default=None)
    if lowest is None:
        return "no search came to its end"
    return (
        f"the objective was missed even at {rate(lowest)}, the lowest rate whose rounds hold enough requests"
    )


def _why(bracket: Bracket) -> str:
    """Why the lowest rate that failed could not be judged."""
    at = "" if bracket.failed_rps is None else f" at {rate(bracket.failed_rps)}"
    return f"{bracket.failed_why or 'no round could be judged'}{at}"


def _open(ratio: Estimate, *, is_at_least: bool, than_at_least: bool) -> Estimate:
    """A ratio without what no longer holds if a capacity may be higher: ends of its interval, its verdict."""
    may_be_wrong = (is_at_least and ratio.verdict in ("slower", "equivalent")) or (
        than_at_least and ratio.verdict in ("faster", "equivalent")
    )
    whose = "the" if is_at_least else "the baseline's"
    return replace(
        ratio,
        low=None if than_at_least else ratio.low,
        high=None if is_at_least else ratio.high,
        verdict="inconclusive" if may_be_wrong else ratio.verdict,
        reason=ratio.reason + (f", but {whose} capacity may be higher" if may_be_wrong else ""),
    )


Known = list[list[bool | None]]


def find_grids(plan: Plan, rounds: Iterable[Round]) -> tuple[BreakEven, ...]:
    """What is known of a plan's break-even grid; nothing if it has none."""
    if plan.break_even is None:
        return ()
    comparisons = compare(order_rounds(plan, rounds), plan.rounds.margins)
    return find_break_even(comparisons, plan.break_even.delays_s, plan.break_even.levels)


def find_break_even(
    comparisons: Iterable[Comparison], delays_s: Mapping[str, float], users: Sequence[int]
) -> tuple[BreakEven, ...]:
    """Lay the ratios of throughput out as grids, and find the borders in them.

    A cell that was not measured takes after its nearest neighbours on both sides, in its row or column, where
    these agree: more users and longer delays are taken to change who wins once at most between two of them.
    """
    found: dict[str, dict[tuple[str, float], Comparison]] = {}
    for one in comparisons:
        if one.metric == "throughput" and one.scenario in delays_s:
            found.setdefault(one.candidate, {})[one.scenario, one.level] = one
    grids = []
    for candidate, measured in found.items():
        rows = [
            [_cell(delay_s, level, measured.get((scenario, level))) for level in users]
            for scenario, delay_s in delays_s.items()
        ]
        known = _imply([[cell.is_win for cell in row] for row in rows])
        cells = zip(chain(*rows), chain(*known), strict=True)
        implied = (replace(cell, implied=won) if cell.ratio.point is None else cell for cell, won in cells)
        borders = (_border(at_s, users, wins) for at_s, wins in zip(delays_s.values(), known, strict=True))
        grids.append(BreakEven(candidate=candidate, cells=tuple(implied), borders=tuple(borders)))
    return tuple(grids)


def _cell(delay_s: float, users: int, comparison: Comparison | None) -> BreakEvenCell:
    ratio = comparison.ratio if comparison else Estimate(reason="not measured")
    state: CellState = "undecided" if comparison else "not measured"
    if ratio.verdict == "equivalent":
        state = "equal"
    elif ratio.low is not None and ratio.low > 1:
        state = "wins"
    elif ratio.high is not None and ratio.high < 1:
        state = "loses"
    return BreakEvenCell(delay_s=delay_s, users=users, ratio=ratio, state=state, implied=None)


def _imply(measured: Known) -> Known:
    """Fill what lies between neighbours that agree, until nothing more follows."""
    known = measured
    while True:
        filled = [
            [_guess(known, row, column) if cell is None else cell for column, cell in enumerate(line)]
            for row, line in enumerate(known)
        ]
        if filled == known:
            return known
        known = filled


def _guess(known: Known, row: int, column: int) -> bool | None:
    """What the nearest known neighbours on both sides agree on, in the row or the column; None if nothing."""
    along, across = _between(known[row], column), _between([line[column] for line in known], row)
    if along is None or across is None:
        return across if along is None else along
    return along if along == across else None


def _between(line: Sequence[bool | None], place: int) -> bool | None:
    before = next((one for one in reversed(line[:place]) if one is not None), None)
    after = next((one for one in line[place + 1 :] if one is not None), None)
    return before if before == after else None


def _border(delay_s: float, users: Sequence[int], wins: Sequence[bool | None]) -> Border:
    first = len(users)
    while first and wins[first - 1]:
        first -= 1
    is_found = first < len(users)
    below = [level for level, is_won in zip(users[:first], wins, strict=False) if is_won is False]
    return Border(
        delay_s=delay_s,
        wins_from_users=users[first] if is_found else None,
        not_at_users=max(below, default=None) if is_found else None,
    )
