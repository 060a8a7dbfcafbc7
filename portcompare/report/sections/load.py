"""What more load does: capacities and knees, and from where on a candidate wins in a break-even grid."""

from collections.abc import Sequence

from portcompare import units
from portcompare.records.results import Results
from portcompare.records.sweeps import Border, BreakEven, BreakEvenCell, Capacity, Knee
from portcompare.report.wording import (
    NO_RESULT,
    NOT_KNOWN,
    TextTable,
    ends_text,
    interval,
    level_text,
    objective_text,
    plan_value,
    visible,
    with_ends,
)

_BREAK_EVEN_NOTE = (
    "Throughput of the candidate divided by the baseline's, with its 95% interval. It wins where the whole"
    " interval lies above 1 and not inside the equivalence margin. Cells beside no border are not measured:"
    " for them stands what their nearest neighbours on both sides have in common."
)


def break_even_tables(results: Results) -> tuple[TextTable, ...]:
    """The grids, with a row for each delay and a column for each number of users."""
    return tuple(_table(grid) for grid in results.sweeps.break_even)


def _table(grid: BreakEven) -> TextTable:
    users = dict.fromkeys(cell.users for cell in grid.cells)
    rows = []
    for border in grid.borders:
        cells = [cell for cell in grid.cells if cell.delay_s == border.delay_s]
        delay = units.duration(border.delay_s) if border.delay_s else "none"
        rows.append((delay, *map(_cell, cells), _border(border, cells)))
    return TextTable(
        title=f"Break-even of {visible(grid.candidate)}",
        note=_BREAK_EVEN_NOTE,
        header=("Delay", *(units.count(number, "user") for number in users), "Wins"),
        rows=tuple(rows),
    )


def _cell(cell: BreakEvenCell) -> str:
    ratio = cell.ratio
    if ratio.point is None or ratio.interval is None:
        state = "not measured" if cell.state == "not measured" else "not known"
        return state + {True: ", wins around it", False: ", no win around it", None: ""}[cell.implied]
    return f"{units.ratio(ratio.point)} {interval(ratio)} {cell.state}"


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


_CAPACITY_NOTE = (
    "The highest rate at which the objective is kept, no response has a wrong status, no more than 1% of the"
    " requests fail and at least 99% of those offered receive a response; searched anew in every block."
)
_KNEE_NOTE = (
    "The load at which the rate of the lowest level, carried on in proportion, meets the highest rate: beyond"
    " it more load brings waiting and no rate."
)


def capacity_tables(results: Results) -> tuple[TextTable, ...]:
    """The tables of capacities and knees."""
    sweeps = results.sweeps
    tables = (
        TextTable(
            title="Capacity",
            note=_CAPACITY_NOTE,
            header=("Scenario", "Objective", "Arm", "Rate", "Against the baseline", "Blocks", "Reason"),
            rows=tuple(_capacity(results, one) for one in sweeps.capacities),
        ),
        TextTable(
            title="Knee",
            note=_KNEE_NOTE,
            header=("Scenario", "Arm", "Knee", "95% interval", "Highest rate", "Blocks"),
            rows=tuple(_knee(results, one) for one in sweeps.knees),
        ),
    )
    return tuple(table for table in tables if table.rows)


def _capacity(results: Results, one: Capacity) -> tuple[str, ...]:
    rate = NOT_KNOWN
    if one.rate_rps.point is not None:
        rate = ("at least " if one.is_at_least else "") + with_ends(one.rate_rps, units.rate)
    against = "baseline"
    if one.ratio is not None:
        against = f"{with_ends(one.ratio, units.ratio)} {one.ratio.verdict}".strip()
        if one.ratio.interval and not one.ratio.is_result:
            against = NO_RESULT
    place = visible(one.scenario), objective_text(results, one.scenario), visible(one.arm)
    return (*place, rate, against, str(one.rate_rps.blocks), visible(one.reason))


def _knee(results: Results, one: Knee) -> tuple[str, ...]:
    point = one.load.point or 0.0
    knee, ends = f"beyond {level_text(results, one.scenario, point)}", ends_text(one.load, units.significant)
    if one.is_reached:
        model = plan_value(results, "scenarios", one.scenario, "load", "model")
        knee = f"{units.significant(point)} {'users' if model == 'closed' else 'requests/s'}"
    place = visible(one.scenario), visible(one.arm)
    return (*place, knee, ends, units.rate(one.rate_rps), str(one.load.blocks))
