"""The history as rich renderables; only the command line prints them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from portcompare.history.words import (
    gates_cell,
    interval_text,
    show,
    started_text,
    state_text,
    step_text,
    trend_title,
)
from portcompare.report import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portcompare.history.records import IndexedRun, Point, Trend

_PLOT_WIDTH = 20
_TO_THE_MINUTE = len("2026-03-02 09:41")


def render_runs(runs: Iterable[IndexedRun]) -> Table:
    """The list of runs.

    Args:
        runs: The runs.

    Returns:
        A table for a terminal of 80 columns or more.
    """
    table = Table(box=box.SIMPLE_HEAD, expand=True, show_edge=False)
    for name in ("Run", "Deployments"):
        table.add_column(name, ratio=1, overflow="fold")
    for name in ("Started, UTC", "State"):
        table.add_column(name, no_wrap=True)
    for run in runs:
        state = state_text(run)
        cell = Text(state, "" if state == "valid" else "bold red")
        if run.gates:
            cell.append(f"\n{gates_cell(run)}", "bold red" if run.gates_missed else "green")
        what = visible(run.broken) if run.broken is not None else "\n".join(map(visible, run.deployments))
        table.add_row(Text(visible(run.folder)), Text(what), Text(started_text(run)[:_TO_THE_MINUTE]), cell)
    return table


def render_trend(trend: Trend) -> Table:
    """A trend with its intervals drawn, a line a run, and the change marked.

    Args:
        trend: The trend.

    Returns:
        A table for a terminal of 80 columns or more.
    """
    low, high = min(point.low for point in trend.points), max(point.high for point in trend.points)
    caption = " ".join(filter(None, [step_text(trend), f"On {visible(trend.machine)}."]))
    table = Table(
        box=box.SIMPLE_HEAD, expand=True, title=Text(trend_title(trend), "bold"), caption=Text(caption)
    )
    table.add_column("Run", ratio=1, overflow="fold")
    for name in ("Value", "95% interval"):
        table.add_column(name, no_wrap=True)
    written = show(trend)
    table.add_column(Text(f"{written(low)} to {written(high)}"), no_wrap=True)
    for point in trend.points:
        if trend.step is not None and point.folder == trend.step.folder:
            table.add_row(Text("changed here:", "bold yellow"))
        table.add_row(
            Text(visible(point.folder)),
            Text(written(point.value)),
            Text(interval_text(trend, point)),
            Text(_draw(point, low, high)),
        )
    return table


def _draw(point: Point, low: float, high: float) -> str:
    """An interval as a line with its value on it: `  |--o---|  `."""

    def place(value: float) -> int:
        return round((value - low) / (high - low) * (_PLOT_WIDTH - 1)) if high > low else 0

    cells = [" "] * _PLOT_WIDTH
    first, last = place(point.low), place(point.high)
    cells[first : last + 1] = "-" * (last + 1 - first)
    cells[first] = cells[last] = "|"
    cells[place(point.value)] = "o"
    return "".join(cells)
