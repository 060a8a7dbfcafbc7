"""Where a candidate begins to win, as a grid of delays and users."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcompare import units
from portcompare.report.tables import TextTable
from portcompare.report.wording import visible

if TYPE_CHECKING:
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
            (
                units.duration(border.delay_s) if border.delay_s else "none",
                *(_cell(cell) for cell in grid.cells if cell.delay_s == border.delay_s),
                _border(border),
            )
            for border in grid.borders
        ),
    )


def _cell(cell: BreakEvenCell) -> str:
    if cell.ratio is None or cell.low is None or cell.high is None:
        state = "not measured" if cell.state == "not measured" else "not known"
        return state + {True: ", wins around it", False: ", no win around it", None: ""}[cell.implied]
    return f"{units.ratio(cell.ratio)} [{units.ratio(cell.low)}, {units.ratio(cell.high)}] {cell.state}"


def _border(border: Border) -> str:
    if border.wins_from_users is None:
        return "at no number of users that was tried"
    text = f"from {units.count(border.wins_from_users, 'user')} on"
    return text if border.not_at_users is None else f"{text}, not at {border.not_at_users:,}"
