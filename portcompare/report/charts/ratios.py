"""Ratios: forest plots of a scenario's metrics with 95% intervals, and heat maps of break-even grids."""

from collections.abc import Sequence
from math import inf, log
from typing import Any

from portcompare import units
from portcompare.records.estimates import Change, Comparison
from portcompare.records.metrics import METRICS, MetricName
from portcompare.records.results import Results
from portcompare.records.rounds import CONTROL
from portcompare.records.sweeps import BreakEvenCell, CellState
from portcompare.report.charts import svg
from portcompare.report.charts.svg import Figure, Spec
from portcompare.report.formats.results_file import safe_name
from portcompare.report.sections.load import break_even_tables
from portcompare.report.sections.measured import outcome
from portcompare.report.wording import (
    TONES,
    Tone,
    interval,
    level_text,
    margin_of,
    percent,
    ratio_cells,
    visible,
)

Named = tuple[str, Comparison | Change]  # a ratio, and the name of the arm it is of

_PLOT_WIDTH = 170
_TICKS = {
    1.3: [0.8, 0.85, 0.9, 0.95, 1, 1.05, 1.1, 1.15, 1.2],
    4.0: [0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.25, 1.5, 2, 2.5, 3],
    inf: [step * 10.0**power for power in range(-3, 4) for step in (1, 2, 5)],
}
"""Where an axis has ticks, by the greatest ratio between its ends: a log scale's own choice leaves out either
what lies above 1 or what lies between."""


def ratio_plots(results: Results, scenario: str) -> tuple[Figure, ...]:
    """One plot for each metric in which a scenario was compared."""
    named = [(one.candidate, one) for one in results.comparisons]
    return forest_plots(results, named, scenario, "candidate divided by baseline")


def forest_plots(
    results: Results, named: Sequence[Named], scenario: str, ratio_of: str
) -> tuple[Figure, ...]:
    """One plot for each metric of a scenario's ratios; `results` gives the levels' units and the margins."""
    found = [each for each in named if each[1].scenario == scenario]
    return tuple(
        _plot(results, metric, [each for each in found if each[1].metric == metric], ratio_of)
        for metric in METRICS
        if any(one.metric == metric for _, one in found)
    )


def _plot(results: Results, metric: MetricName, named: Sequence[Named], ratio_of: str) -> Figure:
    scenario = visible(named[0][1].scenario)
    margin = margin_of(results, metric)
    description = (
        f"Forest plot for scenario {scenario}: one row for each level and candidate,"
        " a point at the ratio, a line over its 95% interval."
        f" In the shaded band, the margin of {percent(margin)}, ratios count as equivalent."
    )
    data = [_datum(results, name, one) for name, one in named]
    return svg.draw(
        _chart(data, margin),
        {"rows": data},
        name=f"ratio-{metric}",
        title=METRICS[metric].label,
        scenario=scenario,
        subtitle=f"{ratio_of}; {METRICS[metric].goal}",
        description=description,
        header=("Level", "Candidate", "Ratio", "95% interval", "Verdict"),
        rows=tuple(
            (level_text(results, one.scenario, one.level), visible(name), *ratio_cells(one))
            for name, one in named
        ),
        folded_as=_fold(metric, named),
    )


def _fold(metric: MetricName, named: Sequence[Named]) -> str:
    """What a plot is called if it is folded: for want of a result, or because the headline leaves it out."""
    title = METRICS[metric].label
    if all(TONES[one.ratio.verdict or "invalid"] == "unsure" for name, one in named if name != CONTROL):
        return f"{title} (no result)"
    return "" if METRICS[metric].in_headline else title


def _chart(data: list[dict[str, Any]], margin: float) -> Spec:
    ends = [1.0, *(datum[end] for datum in data for end in ("low", "high") if datum[end])]
    ticks = next(ticks for widest, ticks in _TICKS.items() if max(ends) / min(ends) <= widest)
    axis = {"format": "~r", "values": ticks} | svg.APART
    scale = {"type": "log", "nice": False, "padding": 8}
    ratio = svg.quantity("ratio", scale=scale, title="ratio (log scale)", axis=axis)
    row = svg.TOOLTIP | {"y": svg.arm_y(dict.fromkeys(one["candidate"] for one in data), field="candidate")}
    # The band in which ratios count as equivalent, its ends as `analyse` has them.
    band = {"x": {"datum": 1 / (1 + margin)}, "x2": {"datum": 1 + margin}}
    once: Spec = {"data": {"values": [{}]}}
    rows_of_a_level = svg.by_rows(
        svg.mark("rect", band, color="var(--band)") | once,
        svg.mark("rule", {"x": {"datum": 1}}, color=svg.FAINT, strokeWidth=1.5) | once,
        *svg.interval(row | {"color": svg.as_given("colour")}, ratio),
        svg.text_beside(row),
        width=_PLOT_WIDTH,
    )
    return svg.below_each_other(rows_of_a_level)


def _datum(results: Results, name: str, one: Comparison | Change) -> dict[str, Any]:
    """What is drawn of a ratio; one without an interval, or with one that a log scale lacks, is only text."""
    ratio = one.ratio
    is_drawable = ratio.is_result and ratio.low is not None and ratio.low > 0
    shown, ends, verdict = ratio_cells(one)
    text = outcome(shown, verdict)
    tip = f"{visible(name)}: {text} {ends}, {units.count(ratio.blocks, 'block')}"
    drawn = {"ratio": ratio.point, "low": ratio.low, "high": ratio.high}
    return {
        "level": level_text(results, one.scenario, one.level),
        "candidate": visible(name),
        "colour": f"var(--{TONES[ratio.verdict or 'invalid']})",
        "text": text,
        "tip": tip,
        **(drawn if is_drawable else dict.fromkeys(drawn)),
    }


_STEP_X, _STEP_Y = 53, 30
_CELL_TONES: dict[CellState, Tone] = {
    "wins": "better",
    "loses": "worse",
    "equal": "same",
    "undecided": "unsure",
}
_IMPLIED: dict[bool | None, str] = {True: "wins", False: "no win", None: "?"}
_FULL = 4.0  # a ratio so far from 1 is shown in the full colour
_FAINTEST, _STRONGEST, _IMPLIED_OPACITY = 0.14, 0.6, 0.08


def heat_maps(results: Results) -> tuple[Figure, ...]:
    """Draw the break-even grids."""
    description = (
        "Heat map: a row for each delay, a column for each number of users, in each cell the ratio; coloured"
        " where the candidate wins, loses or is equal, the stronger the further the ratio is from 1."
    )
    return tuple(
        svg.draw(
            _grid_chart(),
            {"rows": [_grid_datum(cell) for cell in grid.cells]},
            name=f"break-even-{safe_name(grid.candidate)}",
            title=f"Break-even of {visible(grid.candidate)}",
            subtitle="throughput divided by the baseline's, by delay and users",
            description=description,
            header=table.header,
            rows=table.rows,
            note="Cells without a ratio were not measured: what stands there their neighbours share.",
        )
        for grid, table in zip(results.sweeps.break_even, break_even_tables(results), strict=True)
    )


def _grid_chart() -> Spec:
    axis = {"ticks": False, "labelAngle": 0}
    delay_axis = axis | {"titlePadding": svg.FONT_SLACK}
    base = {
        "x": {"field": "users", "type": "ordinal", "title": "users", "axis": axis},
        "y": svg.category("delay", sort=None, title="delay", axis=delay_axis),
    }
    look = svg.TOOLTIP | {"color": svg.as_given("colour"), "opacity": svg.as_given("opacity")}
    cells = svg.mark("rect", base | look, stroke="var(--panel)", strokeWidth=2)
    text = svg.mark("text", base | {"text": svg.category("text")}, fontSize=svg.FONT_SIZE, color=svg.TEXT)
    return {"layer": [cells, text], "width": {"step": _STEP_X}, "height": {"step": _STEP_Y}}


def _grid_datum(cell: BreakEvenCell) -> dict[str, Any]:
    delay = units.duration(cell.delay_s) if cell.delay_s else "none"
    where = f"delay {delay}, {units.count(cell.users, 'user')}"
    ratio = cell.ratio
    if ratio.point is None or ratio.interval is None:
        text = _IMPLIED[cell.implied]
        tone: Tone = "better" if cell.implied else "unsure"
        opacity, tip = _IMPLIED_OPACITY, f"{where}: not measured, {text} around it"
    else:
        text, tone = units.ratio(ratio.point), _CELL_TONES.get(cell.state, "unsure")
        strength = min(abs(log(ratio.point)) / log(_FULL), 1.0) if ratio.point > 0 else 1.0
        opacity = _FAINTEST + (_STRONGEST - _FAINTEST) * strength
        tip = f"{where}: {text} {interval(ratio)}, {cell.state}"
    look = {"text": text, "colour": f"var(--{tone})", "opacity": opacity, "tip": tip}
    return look | {"delay": delay, "users": cell.users}
