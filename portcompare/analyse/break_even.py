"""Where a candidate begins to win, over delay and users: the grid of ratios and the border in it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from portcompare.analyse.comparisons import compare
from portcompare.analyse.rounds import order_rounds
from portcompare.plan import Plan
from portcompare.records.estimates import Comparison, Estimate
from portcompare.records.rounds import Round
from portcompare.records.sweeps import Border, BreakEven, BreakEvenCell, CellState

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
