"""Where a candidate begins to win, over delay and users: the grid of ratios and the border in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from portcompare.analyse.comparisons import compare
from portcompare.analyse.rounds import order_rounds
from portcompare.records.estimates import Estimate
from portcompare.records.sweeps import Border, BreakEven, BreakEvenCell

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from portcompare.plan import Plan
    from portcompare.records.estimates import Comparison
    from portcompare.records.rounds import Round
    from portcompare.records.sweeps import CellState

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
    return BreakEven(
        candidate=candidate,
        cells=tuple(
            replace(cell, implied=is_won) if cell.ratio.point is None else cell
            for row, wins in zip(grid, known, strict=True)
            for cell, is_won in zip(row, wins, strict=True)
        ),
        borders=tuple(
            _border(delay_s, users, wins) for delay_s, wins in zip(delays_s.values(), known, strict=True)
        ),
    )


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
