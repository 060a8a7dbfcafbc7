"""Forest plots: the candidates' ratios to the baseline with 95% intervals, one a scenario and metric."""

from __future__ import annotations

import math
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, Any

import altair as alt

from portcompare import units
from portcompare.records.estimates import Estimate
from portcompare.records.metrics import METRICS, MetricName
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
from portcompare.report.rows import outcome
from portcompare.report.sections.load import break_even_tables
from portcompare.report.wording import TONES, interval, known, level_text, margin_of, percent, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portcompare.records.changes import Change
    from portcompare.records.estimates import Comparison
    from portcompare.records.results import Results
    from portcompare.records.sweeps import BreakEven, BreakEvenCell, CellState
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A ratio that a forest plot shows, and what it is of."""

    scenario: str
    level: float
    metric: MetricName
    name: str  # Whose ratio it is
    ratio: Estimate

    @classmethod
    def of_comparison(cls, one: Comparison) -> Drawn:
        """A candidate's ratio to the baseline."""
        return cls(
            scenario=one.scenario, level=one.level, metric=one.metric, name=one.candidate, ratio=one.ratio
        )

    @classmethod
    def of_change(cls, one: Change) -> Drawn:
        """A deployment's ratio of two runs."""
        return cls(
            scenario=one.scenario, level=one.level, metric=one.metric, name=one.deployment, ratio=one.ratio
        )


def ratio_plots(results: Results, scenario: str) -> tuple[Figure, ...]:
    """One plot for each metric in which a scenario was compared."""
    drawn = [Drawn.of_comparison(one) for one in results.comparisons]
    return forest_plots(results, drawn, scenario, "candidate divided by baseline")


def forest_plots(
    results: Results, drawn: Sequence[Drawn], scenario: str, ratio_of: str
) -> tuple[Figure, ...]:
    """One plot for each metric of a scenario's ratios.

    `results`: tells the levels' units and the margins.
    """
    by_metric = {
        metric: [one for one in drawn if one.scenario == scenario and one.metric == metric]
        for metric in METRICS
    }
    return tuple(_plot(results, metric, ones, ratio_of) for metric, ones in by_metric.items() if ones)


def _plot(results: Results, metric: MetricName, drawn: Sequence[Drawn], ratio_of: str) -> Figure:
    title = METRICS[metric].label
    subtitle = f"{ratio_of}; {METRICS[metric].goal}"
    scenario = visible(drawn[0].scenario)
    description = (
        f"Forest plot for scenario {scenario}: one row for each level and candidate,"
        " a point at the ratio, a line over its 95% interval."
    )
    margin = margin_of(results, metric)
    if margin is not None:
        description += f" In the shaded band, the margin of {percent(margin)}, ratios count as equivalent."
    data = [_datum(results, one) for one in drawn]
    return Figure(
        name=f"ratio-{metric}",
        title=title,
        scenario=scenario,
        subtitle=subtitle,
        description=description,
        svg=draw(_chart(data, margin), {"rows": data, "once": [{}]}, f"{title}, {subtitle}", description),
        header=_HEADER,
        rows=tuple(
            (
                level_text(results, one.scenario, one.level),
                visible(one.name),
                known(one.ratio.point, units.ratio),
                interval(one.ratio),
                METRICS[metric].word(one.ratio.verdict or "invalid"),
            )
            for one in drawn
        ),
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


def _datum(results: Results, one: Drawn) -> dict[str, Any]:
    """What is drawn of a ratio; one without an interval, or with one that a log scale lacks, is only told."""
    ratio, verdict = one.ratio, one.ratio.verdict or "invalid"
    is_drawable = ratio.low is not None and ratio.low > 0
    text = outcome(known(ratio.point, units.ratio), METRICS[one.metric].word(verdict))
    return {
        "level": level_text(results, one.scenario, one.level),
        "candidate": visible(one.name),
        "tone": TONES[verdict],
        "text": text,
        "told": told(f"{visible(one.name)}: {text} {interval(ratio)}, {units.count(ratio.blocks, 'block')}"),
        "ratio": ratio.point if is_drawable else None,
        "low": ratio.low if is_drawable else None,
        "high": ratio.high if is_drawable else None,
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
    ratio = cell.ratio
    if ratio.point is None or ratio.interval is None:
        text = _IMPLIED[cell.implied]
        tone = "better" if cell.implied else "unsure"
        return datum | {
            "text": text,
            "tone": tone,
            "opacity": _IMPLIED_OPACITY,
            "told": told(f"{where}: not measured, {text} around it"),
        }
    strength = min(abs(log(ratio.point)) / log(_FULL), 1.0) if ratio.point > 0 else 1.0
    return datum | {
        "text": units.ratio(ratio.point),
        "tone": _CELL_TONES.get(cell.state, "unsure"),
        "opacity": _FAINTEST + (_STRONGEST - _FAINTEST) * strength,
        "told": told(f"{where}: {units.ratio(ratio.point)} {interval(ratio)}, {cell.state}"),
    }
