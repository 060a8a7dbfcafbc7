"""Where a candidate begins to win, as a grid of delays and users."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcompare import units
from portcompare.report.tables import TextTable
from portcompare.report.wording import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portcompare.model import Results
    from portcompare.sweeps import Border, BreakEven, BreakEvenCell

_NOTE = (
    "Throughput of the candidate divided by the baseline's, with its 95% interval. It wins where the whole"
    " interval lies above 1 and not inside the equivalence margin. Cells beside no border are not measured:"
    " for them stands what their nearest neighbours on both sides have in common."
)


def break_even_tables(results: Results) -> tuple[TextTable, ...]:
    """The grids, with a row for each delay and a column for each number of users.

    Args:
        results: The run.

    Returns:
        A table for the control and each candidate; none if the plan did not ask for it.
    """
    return tuple(_table(grid) for grid in results.sweeps.break_even)


def _table(grid: BreakEven) -> TextTable:
    users = list(dict.fromkeys(cell.users for cell in grid.cells))
    return TextTable(
        title=f"Break-even of {visible(grid.candidate)}",
        note=_NOTE,
        header=("Delay", *(units.count(level, "user") for level in users), "Wins"),
        rows=tuple(
            _row(border, [cell for cell in grid.cells if cell.delay_s == border.delay_s])
            for border in grid.borders
        ),
    )


def _row(border: Border, cells: Sequence[BreakEvenCell]) -> tuple[str, ...]:
    delay = units.duration(border.delay_s) if border.delay_s else "none"
    return (delay, *map(_cell, cells), _border(border, cells))


def _cell(cell: BreakEvenCell) -> str:
    if cell.ratio is None or cell.low is None or cell.high is None:
        state = "not measured" if cell.state == "not measured" else "not known"
        return state + {True: ", wins around it", False: ", no win around it", None: ""}[cell.implied]
    return f"{units.ratio(cell.ratio)} [{units.ratio(cell.low)}, {units.ratio(cell.high)}] {cell.state}"


def _border(border: Border, cells: Sequence[BreakEvenCell]) -> str:
    """From where on the candidate wins; where it does not, that is not the same as not to be shown to."""
    by_users = {cell.users: cell for cell in cells}
    if border.wins_from_users is not None:
        text = f"from {units.count(border.wins_from_users, 'user')} on"
        return text if border.not_at_users is None else f"{text}, {_not(by_users[border.not_at_users])}"
    wins = [f"{cell.users:,}" for cell in cells if cell.is_win]
    if wins:
        return f"at {' and '.join(wins)}, {_not(cells[-1])}"
    if any(cell.is_win is None for cell in cells):
        return "not known"
    shown = all(cell.state != "undecided" for cell in cells)
    return "at no number of users that was tried" if shown else "not shown at any number of users"


def _not(cell: BreakEvenCell) -> str:
    if cell.is_win is None:
        return f"not known at {cell.users:,}"
    return f"not shown at {cell.users:,}" if cell.state == "undecided" else f"not at {cell.users:,}"
