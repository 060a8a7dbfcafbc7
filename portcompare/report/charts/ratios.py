"""Forest plots: the candidates' ratios to the baseline with 95% intervals, one a scenario and metric."""

from __future__ import annotations

import math
from math import log
from typing import TYPE_CHECKING, Any

import altair as alt

from portcompare import units
from portcompare.records.results import METRICS
from portcompare.report.charts.svg import (
    FAINT,
    FONT_SIZE,
    FONT_SLACK,
    ROW_HEIGHT,
    ROWS,
    TEXT,
    Figure,
    arm_axis,
    by_level,
    draw,
    guide,
    overlay,
    told,
)
from portcompare.report.files import safe_name
from portcompare.report.rows import comparison_rows, outcome
from portcompare.report.sections.load import break_even_tables
from portcompare.report.wording import METRIC_GOALS, METRIC_NAMES, margin_of, percent, visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portcompare.records.results import Comparison, Metric, Results
    from portcompare.records.sweeps import BreakEven, BreakEvenCell, CellState
    from portcompare.report.rows import ComparisonRow
    from portcompare.report.wording import Tone


_PLOT_WIDTH = 170
_TICKS = {
    1.3: [0.8, 0.85, 0.9, 0.95, 1, 1.05, 1.1, 1.15, 1.2],
    4.0: [0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.25, 1.5, 2, 2.5, 3],
    math.inf: [step * 10.0**power for power in range(-3, 4) for step in (1, 2, 5)],
}
"""Where an axis has ticks, by the greatest ratio between its ends: a log scale's own choice leaves out either
what lies above 1 or what lies between."""

_TONES = ["better", "worse", "same", "unsure"]
_HEADER = ("Level", "Candidate", "Ratio", "95% interval", "Verdict")


def forest_plots(
    results: Results, scenario: str, ratio_of: str = "candidate divided by baseline"
) -> tuple[Figure, ...]:
    """One plot for each metric in which the scenario was compared."""
    return tuple(_plots(results, scenario, ratio_of))


def _plots(results: Results, scenario: str, ratio_of: str) -> Iterator[Figure]:
    rows = list(zip(results.comparisons, comparison_rows(results), strict=True))
    for metric in METRICS:
        chosen = [(c, row) for c, row in rows if c.scenario == scenario and c.metric == metric]
        if chosen:
            yield _plot(results, metric, chosen, ratio_of)


def _plot(
    results: Results, metric: Metric, rows: list[tuple[Comparison, ComparisonRow]], ratio_of: str
) -> Figure:
    title = METRIC_NAMES[metric]
    subtitle = f"{ratio_of}; {METRIC_GOALS[metric]}"
    description = (
        f"Forest plot for scenario {visible(rows[0][0].scenario)}: one row for each level and candidate,"
        " a point at the ratio, a line over its 95% interval."
    )
    margin = margin_of(results, metric)
    if margin is not None:
        description += f" In the shaded band, the margin of {percent(margin)}, ratios count as equivalent."
    data = [_datum(c, row) for c, row in rows]
    return Figure(
        name=f"ratio-{metric}",
        title=title,
        scenario=visible(rows[0][0].scenario),
        subtitle=subtitle,
        description=description,
        svg=draw(_chart(data, margin), {"rows": data, "once": [{}]}, f"{title}, {subtitle}", description),
        header=_HEADER,
        rows=tuple((row.level, row.candidate, row.ratio, row.interval, row.verdict) for _, row in rows),
    )


def _chart(data: list[dict[str, Any]], margin: float | None) -> alt.FacetChart:
    scale = guide(type="log", nice=False, padding=8)
    axis = guide(format="~r", values=alt.ExprRef(f"{_ticks(data)}"))
    ratio = alt.X("low:Q", scale=scale, title="ratio (log scale)", axis=axis)
    colour = alt.Color(
        "tone:N", legend=None, scale=guide(domain=_TONES, range=[f"var(--{tone})" for tone in _TONES])
    )
    line = alt.Chart().encode(
        y=alt.Y("candidate:N", sort=None, title=None, axis=arm_axis()), description="told:N"
    )
    drawable = line.transform_filter("isValid(datum.low)")
    rows_of_a_level = overlay(
        *_equivalence(margin),
        drawable.mark_rule(strokeWidth=2).encode(x=ratio, x2="high:Q", color=colour),
        drawable.mark_point(size=55, filled=True, opacity=1).encode(x="ratio:Q", color=colour),
        line.mark_text(align="left", dx=8, fontSize=FONT_SIZE, color=TEXT).encode(
            x=alt.value("width"), text="text:N"
        ),
        data=ROWS,
        width=_PLOT_WIDTH,
        height=alt.Step(ROW_HEIGHT),
    )
    return by_level(rows_of_a_level)


def _equivalence(margin: float | None) -> list[alt.Chart]:
    """The line of no difference, and around it the band in which ratios count as equivalent."""
    once = alt.Chart(alt.NamedData(name="once"))
    one = once.mark_rule(color=FAINT, strokeWidth=1.5).encode(x=alt.XDatum(1))
    if margin is None:
        return [one]
    # The same ends as those by which `analyse` judges.
    ends = {"x": alt.XDatum(1 / (1 + margin)), "x2": alt.X2Datum(1 + margin)}
    band = once.mark_rect(color="var(--band)").encode(**ends)
    return [band, one]


def _ticks(data: list[dict[str, Any]]) -> list[float]:
    ends = [1.0, *(datum[end] for datum in data for end in ("low", "high") if datum[end] is not None)]
    return next(ticks for widest, ticks in _TICKS.items() if max(ends) / min(ends) <= widest)


def _datum(comparison: Comparison, row: ComparisonRow) -> dict[str, Any]:
    """What is drawn of a comparison; one without a ratio, or with one a log scale lacks, is only told."""
    is_drawable = comparison.low is not None and comparison.low > 0
    return {
        "level": row.level,
        "candidate": row.candidate,
        "tone": row.tone,
        "text": outcome(row),
        "told": told(
            f"{row.candidate}: {outcome(row)} {row.interval}, {units.count(comparison.blocks, 'block')}"
        ),
        "ratio": comparison.ratio if is_drawable else None,
        "low": comparison.low if is_drawable else None,
        "high": comparison.high if is_drawable else None,
    }


_STEP_X, _STEP_Y = 58, 30
_CELL_TONES: dict[CellState, Tone] = {
    "wins": "better",
    "loses": "worse",
    "equal": "same",
    "undecided": "unsure",
}
_IMPLIED: dict[bool | None, str] = {True: "wins", False: "no win", None: "?"}
_FULL = 4.0
"""A ratio so far from 1 is shown in the full colour."""
_FAINTEST, _STRONGEST, _IMPLIED_OPACITY = 0.14, 0.6, 0.08


def heat_maps(results: Results) -> tuple[Figure, ...]:
    """Draw the break-even grids."""
    tables = break_even_tables(results)
    return tuple(
        _figure(grid, table.header, table.rows)
        for grid, table in zip(results.sweeps.break_even, tables, strict=True)
    )


def _figure(grid: BreakEven, header: tuple[str, ...], rows: tuple[tuple[str, ...], ...]) -> Figure:
    title = f"Break-even of {visible(grid.candidate)}"
    subtitle = "throughput divided by the baseline's, by delay and users"
    description = (
        "Heat map: a row for each delay, a column for each number of users, in each cell the ratio; coloured"
        " where the candidate wins, loses or is equal, the stronger the further the ratio is from 1."
    )
    return Figure(
        name=f"break-even-{safe_name(grid.candidate)}",
        title=title,
        subtitle=subtitle,
        description=description,
        svg=draw(
            _grid_chart(),
            {"rows": [_grid_datum(cell) for cell in grid.cells]},
            f"{title}, {subtitle}",
            description,
        ),
        header=header,
        rows=rows,
        note="Cells without a ratio were not measured: what stands there their neighbours share.",
    )


def _grid_chart() -> alt.LayerChart:
    tones = list(_CELL_TONES.values())
    axis = guide(ticks=False, labelAngle=0)
    base = alt.Chart(ROWS).encode(
        x=alt.X("users:O", title="users", axis=axis),
        y=alt.Y("delay:N", sort=None, title="delay", axis=axis | {"titlePadding": FONT_SLACK}),
    )
    cells = base.mark_rect(stroke="var(--panel)", strokeWidth=2).encode(
        color=alt.Color(
            "tone:N", legend=None, scale=guide(domain=tones, range=[f"var(--{tone})" for tone in tones])
        ),
        opacity=alt.Opacity("opacity:Q", legend=None, scale=None),
        description="told:N",
    )
    text = base.mark_text(fontSize=FONT_SIZE, color=TEXT).encode(text="text:N")
    return overlay(cells, text, width=alt.Step(_STEP_X), height=alt.Step(_STEP_Y))


def _grid_datum(cell: BreakEvenCell) -> dict[str, Any]:
    delay = units.duration(cell.delay_s) if cell.delay_s else "none"
    datum: dict[str, Any] = {"delay": delay, "users": cell.users}
    where = f"delay {delay}, {units.count(cell.users, 'user')}"
    if cell.ratio is None or cell.low is None or cell.high is None:
        text = _IMPLIED[cell.implied]
        tone = "better" if cell.implied else "unsure"
        return datum | {
            "text": text,
            "tone": tone,
            "opacity": _IMPLIED_OPACITY,
            "told": told(f"{where}: not measured, {text} around it"),
        }
    strength = min(abs(log(cell.ratio)) / log(_FULL), 1.0) if cell.ratio > 0 else 1.0
    interval = f"[{units.ratio(cell.low)}, {units.ratio(cell.high)}]"
    return datum | {
        "text": units.ratio(cell.ratio),
        "tone": _CELL_TONES.get(cell.state, "unsure"),
        "opacity": _FAINTEST + (_STRONGEST - _FAINTEST) * strength,
        "told": told(f"{where}: {units.ratio(cell.ratio)} {interval}, {cell.state}"),
    }
