"""Lists of runs and trends as tables for the terminal, and as an index page without a script."""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text

from portcompare import units
from portcompare.history.trends import History, Point, Trend
from portcompare.records.metrics import METRICS
from portcompare.records.run_summary import REPORT_FILE, RunSummary
from portcompare.report.charts import svg
from portcompare.report.charts.svg import Figure, Spec
from portcompare.report.formats.results_file import write_atomically
from portcompare.report.templating import render_template
from portcompare.report.wording import timestamp, visible

INDEX_FILE = "index.html"
_BAR_WIDTH = 20
_TO_THE_MINUTE = len("2026-03-02 09:41")


def state_text(run: RunSummary) -> str:
    """Whether a run can be relied on."""
    if run.broken is not None:
        return "broken"
    words = [word for word, holds in (("NOT VALID", not run.valid), ("PARTIAL", run.partial)) if holds]
    return " ".join(words) or "valid"


def gates_text(run: RunSummary) -> str:
    """How many of a run's gates were passed."""
    if not run.gates:
        return ""
    gates = units.count(run.gates, "gate")
    return f"{run.gates_missed} of {gates} missed" if run.gates_missed else f"{gates} passed"


def render_runs(runs: Iterable[RunSummary]) -> Table:
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
            cell.append(f"\n{gates_text(run)}", "bold red" if run.gates_missed else "green")
        deployments = "\n".join(map(visible, [run.broken] if run.broken is not None else run.deployments))
        started = timestamp(run.started_at)[:_TO_THE_MINUTE]
        table.add_row(Text(visible(run.folder)), Text(deployments), Text(started), cell)
    return table


def render_trend(trend: Trend) -> Table:
    """A trend with its intervals as bars, a line a run, and the change marked."""
    low, high = min(point.low for point in trend.points), max(point.high for point in trend.points)
    write = _writer(trend)
    of = f"{visible(trend.deployment)}{' / baseline' if trend.is_ratio else ''}"
    title = f"{METRICS[trend.metric].label} of {of} ({visible(trend.scenario)}, {trend.level_text})"
    caption = f"{_step_text(trend)} On {visible(trend.machine)}.".strip()
    table = Table(box=box.SIMPLE_HEAD, expand=True, title=Text(title, "bold"), caption=Text(caption))
    table.add_column("Run", ratio=1, overflow="fold")
    for name in ("Value", "95% interval", f"{write(low)} to {write(high)}"):
        table.add_column(name, no_wrap=True)
    for point in trend.points:
        if _is_step(trend, point):
            table.add_row(Text("changed here:", "bold yellow"))
        cells = (visible(point.folder), write(point.value), _interval_text(trend, point))
        table.add_row(*map(Text, cells), Text(_bar(point, low, high)))
    return table


def _bar(point: Point, low: float, high: float) -> str:
    """An interval as a line with its value on it: `  |--o---|  `."""
    first, last, value = (
        round((value - low) / (high - low or 1.0) * (_BAR_WIDTH - 1))
        for value in (point.low, point.high, point.value)
    )
    cells = [" "] * first + ["-"] * (last + 1 - first)
    cells[first] = cells[last] = "|"
    cells[value] = "o"
    return "".join(cells)


def _writer(trend: Trend) -> Callable[[float], str]:
    return units.ratio if trend.is_ratio else METRICS[trend.metric].show


def _interval_text(trend: Trend, point: Point) -> str:
    return f"[{', '.join(map(_writer(trend), (point.low, point.high)))}]"


def _is_step(trend: Trend, point: Point) -> bool:
    return trend.step is not None and trend.step.folder == point.folder


def _step_text(trend: Trend) -> str:
    if trend.step is None:
        return ""
    before, after = map(_writer(trend), (trend.step.before, trend.step.after))
    change = trend.step.after / trend.step.before - 1
    share = f"{'+' if change > 0 else ''}{units.share(change)}"
    return f"Changed from {before} to {after} ({share}) at {visible(trend.step.folder)}."


def write_index_page(history: History, runs: Path) -> Path:
    """Write the page beside the run folders; raises OSError if it cannot be written."""
    lasting = sorted(
        (trend for trend in history.trends if len(trend.points) > 1),
        key=lambda one: (one.scenario, one.machine, one.level, list(METRICS).index(one.metric)),
    )
    parts = []
    for (scenario, machine), trends in groupby(lasting, key=lambda one: (one.scenario, one.machine)):
        by_figure = groupby(trends, key=lambda one: (one.level, one.metric))
        figures = [trend_figure(list(group)) for _, group in by_figure]
        parts.append({"scenario": scenario, "machine": machine, "figures": figures})
    page = render_template(
        "history.html.j2",
        runs=history.runs,
        parts=parts,
        report=REPORT_FILE,
        has_report=lambda run: (runs / run.folder / REPORT_FILE).is_file(),
        state=state_text,
        gates=gates_text,
    )
    write_atomically(runs / INDEX_FILE, page)
    return runs / INDEX_FILE


def trend_figure(trends: Sequence[Trend]) -> Figure:
    """Draw one metric of several deployments at one level on one machine."""
    metric = METRICS[trends[0].metric]
    runs = sorted({(point.started_at, point.folder) for trend in trends for point in trend.points})
    places = {folder: place for place, (_, folder) in enumerate(runs, 1)}
    steps = [
        f"{visible(trend.deployment)}: {_step_text(trend)}" for trend in trends if trend.step is not None
    ]
    description = (
        "A panel for each deployment, from the first run to the last: a point at the value, a line over its"
        f" 95% interval, a dashed line where it changed. {' '.join(steps) or 'No change is certain.'}"
    )
    data, rows = [], []
    for trend in trends:
        for point in trend.points:
            run, deployment = visible(point.folder), visible(trend.deployment)
            value, is_step = _writer(trend)(point.value), _is_step(trend, point)
            data.append(
                {
                    "deployment": deployment,
                    "run": places[point.folder],
                    "value": point.value * metric.per_unit,
                    "low": point.low * metric.per_unit,
                    "high": point.high * metric.per_unit,
                    "step": is_step,
                    "tip": f"{run}: {value}",
                }
            )
            interval, change = _interval_text(trend, point), "here" if is_step else ""
            rows.append((run, timestamp(point.started_at), deployment, value, interval, change))
    return svg.draw(
        _chart(metric.unit, len(places)),
        {"rows": data},
        name=f"trend-{trends[0].metric}",
        title=f"{metric.label}, {trends[0].level_text}",
        subtitle=f"{metric.unit}, by run; {metric.goal}",
        description=description,
        header=("Run", "Started", "Deployment", "Value", "95% interval", "Changed"),
        rows=tuple(rows),
    )


def _chart(unit: str, runs: int) -> Spec:
    scale, axis = {"domain": [0.5, runs + 0.5], "nice": False}, {"tickMinStep": 1, "format": "d"}
    title = "run, from the first to the last"
    base = svg.TOOLTIP | {"x": svg.quantity("run", title=title, scale=scale, axis=axis)}
    value = svg.quantity("value", title=unit, scale={"zero": False}, axis={"grid": True, "tickCount": 4})
    interval = {"y": svg.quantity("low"), "y2": {"field": "high"}}
    layers = [
        svg.mark("rule", base, where="datum.step", color="var(--worse)", strokeDash=[4, 3], strokeWidth=1.5),
        svg.mark("rule", base | interval, color="var(--accent)", strokeWidth=1.5),
        svg.mark("line", base | {"y": value}, color="var(--line)", strokeWidth=1),
        svg.dot(base | {"y": value}, color="var(--accent)", size=40),
    ]
    chart = {"layer": layers, "width": 420, "height": 90}
    return svg.below_each_other(chart, "deployment", own="y")
