"""The history as rich renderables; only the command line prints them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from portcompare import units
from portcompare.records.metrics import METRICS
from portcompare.report import timestamp, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from portcompare.history.records import IndexedRun, Point, Trend


def state_text(run: IndexedRun) -> str:
    """Whether a run may be relied on."""
    if run.broken is not None:
        return "broken"
    words = [word for word, holds in (("NOT VALID", not run.valid), ("PARTIAL", run.partial)) if holds]
    return " ".join(words) or "valid"


def gates_cell(run: IndexedRun) -> str:
    """What a run's gates came to."""
    if not run.gates:
        return ""
    gates = units.count(run.gates, "gate")
    return f"{run.gates_missed} of {gates} missed" if run.gates_missed else f"{gates} passed"


def started_text(run: IndexedRun | Point) -> str:
    """When a run was started."""
    return timestamp(run.started_at)


def trend_title(trend: Trend) -> str:
    """What a trend is of."""
    of = " / baseline" if trend.is_ratio else ""
    place = f"{visible(trend.scenario)}, {trend.level_text}"
    return f"{METRICS[trend.metric].label} of {visible(trend.deployment)}{of} ({place})"


def show(trend: Trend) -> Callable[[float], str]:
    """How a trend's values are written."""
    return units.ratio if trend.is_ratio else METRICS[trend.metric].show


def interval_text(trend: Trend, point: Point) -> str:
    """A value's 95% interval."""
    written = show(trend)
    return f"[{written(point.low)}, {written(point.high)}]"


def step_text(trend: Trend) -> str:
    """Where a trend changed, and by how much."""
    if trend.step is None:
        return ""
    written = show(trend)
    factor = trend.step.after / trend.step.before
    return (
        f"Changed from {written(trend.step.before)} to {written(trend.step.after)}"
        f" ({'+' if factor > 1 else ''}{units.share(factor - 1)}) at {visible(trend.step.folder)}."
    )


_PLOT_WIDTH = 20
_TO_THE_MINUTE = len("2026-03-02 09:41")


def render_runs(runs: Iterable[IndexedRun]) -> Table:
    """The list of runs."""
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
    """A trend with its intervals drawn, a line a run, and the change marked."""
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
