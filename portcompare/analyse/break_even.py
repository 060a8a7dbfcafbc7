"""Where a candidate begins to win, over delay and users: the grid of ratios and the border in it."""

from __future__ import annotations

from dataclasses import replace
from math import log
from statistics import median
from typing import TYPE_CHECKING

from portcompare.records.estimates import Estimate
from portcompare.records.sweeps import Border, BreakEven, BreakEvenCell, Knee
from portcompare.stats.intervals import LEAST_BLOCKS, paired_ratio

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from portcompare.records.estimates import Comparison
    from portcompare.records.rounds import Round
    from portcompare.records.sweeps import CellState


if TYPE_CHECKING:
    Known = list[list[bool | None]]


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
    return tuple(_lay_out(candidate, cells, delays_s, users) for candidate, cells in found.items())


def _lay_out(
    candidate: str,
    comparisons: Mapping[tuple[str, float], Comparison],
    delays_s: Mapping[str, float],
    users: Sequence[int],
) -> BreakEven:
    grid = [
        [_cell(delay_s, level, comparisons.get((scenario, level))) for level in users]
        for scenario, delay_s in delays_s.items()
    ]
    known = _imply([[cell.is_win for cell in row] for row in grid])
    cells = [
        replace(cell, implied=is_won) if cell.ratio.point is None else cell
        for row, wins in zip(grid, known, strict=True)
        for cell, is_won in zip(row, wins, strict=True)
    ]
    return BreakEven(
        candidate=candidate,
        cells=tuple(cells),
        borders=tuple(
            _border(delay_s, users, wins) for delay_s, wins in zip(delays_s.values(), known, strict=True)
        ),
    )


def _cell(delay_s: float, users: int, comparison: Comparison | None) -> BreakEvenCell:
    return BreakEvenCell(
        delay_s=delay_s,
        users=users,
        ratio=comparison.ratio if comparison else Estimate(reason="not measured"),
        state=_state(comparison),
        implied=None,
    )


def _state(comparison: Comparison | None) -> CellState:
    if comparison is None:
        return "not measured"
    if comparison.ratio.interval is None:
        return "undecided"
    if comparison.ratio.verdict == "equivalent":
        return "equal"
    low, high = comparison.ratio.interval
    if low > 1:
        return "wins"
    return "loses" if high < 1 else "undecided"


def _imply(measured: Known) -> Known:
    """Fill what lies between neighbours that agree, until nothing more follows."""
    known = measured
    while True:
        transposed = [list(column) for column in zip(*known, strict=True)]
        along_rows = [_between(line) for line in known]
        along_columns = zip(*(_between(line) for line in transposed), strict=True)
        filled = [
            [_agreed(cell) for cell in zip(*lines, strict=True)]
            for lines in zip(known, along_rows, along_columns, strict=True)
        ]
        if filled == known:
            return known
        known = filled


def _between(line: Sequence[bool | None]) -> list[bool | None]:
    """For each cell of a line, what its nearest known neighbours on both sides agree on."""
    before, after = _carry(line), _carry(line[::-1])[::-1]
    return [one if one == other else None for one, other in zip(before, after, strict=True)]


def _carry(line: Sequence[bool | None]) -> list[bool | None]:
    last, carried = None, []
    for one in line:
        last = last if one is None else one
        carried.append(last)
    return carried


def _agreed(said: tuple[bool | None, ...]) -> bool | None:
    """What is known of a cell already, or else what its row and its column say if they do not disagree."""
    known, *implied = said
    found = {one for one in implied if one is not None}
    return known if known is not None or len(found) != 1 else found.pop()


def _border(delay_s: float, users: Sequence[int], wins: Sequence[bool | None]) -> Border:
    wins_from = None
    for level, is_won in zip(reversed(users), reversed(wins), strict=True):
        if not is_won:
            break
        wins_from = level
    below = [
        level
        for level, is_won in zip(users, wins, strict=True)
        if is_won is False and wins_from is not None and level < wins_from
    ]
    return Border(delay_s=delay_s, wins_from_users=wins_from, not_at_users=max(below, default=None))


if TYPE_CHECKING:
    ByLevel = Mapping[float, Mapping[int, float]]

LEAST_LEVELS = 3
"""A light load, one at the ceiling, and one that shows that it is the ceiling."""

MOST_GAIN = 0.1
"""The ceiling counts as reached if, over the last doubling of the load, one percent more load brought less
than this many percent more rate (the elasticity). 0.1 means 7% for twice the load; 1 is proportional."""


def find_knees(rounds: Iterable[Round]) -> tuple[Knee, ...]:
    """Find the knee of every arm in every scenario that was measured at three levels or more.

    It is the load at which the two asymptotes of the rate meet: the line along which the rate rises while
    nobody waits for anybody, through the lowest level, and the ceiling, the highest of the levels' rates. In
    the closed model that is N* = X_max R_0 users, with R_0 the response time and think time at the lowest
    level (N_1 / X_1, by Little's law); in the open model it is the ceiling itself. Rates alone are needed.
    """
    knees = [
        _find_knee(scenario, arm, by_level)
        for (scenario, arm), by_level in rates_by_level(rounds).items()
        if len(by_level) >= LEAST_LEVELS
    ]
    return tuple(knee for knee in knees if knee is not None)


def rates_by_level(rounds: Iterable[Round]) -> dict[tuple[str, str], dict[float, dict[int, float]]]:
    """The rates of each scenario and arm, by level and block.

    Returns requests per second; the levels of each in rising order.
    """
    found: dict[tuple[str, str], dict[float, dict[int, float]]] = {}
    for one in sorted(rounds, key=lambda one: one.level):
        if one.discarded is None and one.load.rate_rps > 0:
            by_level = found.setdefault((one.scenario, one.arm), {})
            by_level.setdefault(one.level, {})[one.block] = one.load.rate_rps
    return found


def _find_knee(scenario: str, arm: str, by_level: ByLevel) -> Knee | None:
    rates_rps = {level: median(by_block.values()) for level, by_block in by_level.items()}
    lowest, highest = min(rates_rps), max(rates_rps)
    top = max(rates_rps, key=lambda level: rates_rps[level])
    blocks = sorted(by_level[lowest].keys() & by_level[top].keys())
    if not blocks:
        return None
    is_reached = _gain(rates_rps) < MOST_GAIN
    return Knee(
        scenario=scenario,
        arm=arm,
        levels=len(by_level),
        load=_meeting_point(lowest, by_level[lowest], by_level[top], blocks)
        if is_reached
        else Estimate(point=highest, blocks=len(blocks)),
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


def _meeting_point(
    lowest: float, light: Mapping[int, float], ceiling: Mapping[int, float], blocks: Sequence[int]
) -> Estimate:
    """Where the asymptotes meet, block by block."""
    light_rps, ceiling_rps = [light[block] for block in blocks], [ceiling[block] for block in blocks]
    if len(blocks) < LEAST_BLOCKS:
        return Estimate(point=lowest * ceiling_rps[0] / light_rps[0], blocks=len(blocks))
    ratio = paired_ratio(light_rps, ceiling_rps)
    point, low, high = (None if one is None else lowest * one for one in (ratio.point, ratio.low, ratio.high))
    return replace(ratio, point=point, low=low, high=high)
