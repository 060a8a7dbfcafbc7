"""The highest rates that keep an objective, one chart a scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt

from portcompare import units
from portcompare.report.charts.svg import (
    FONT_SIZE,
    ROW_HEIGHT,
    ROWS,
    TEXT,
    Figure,
    arm_axis,
    arm_colour,
    draw,
    find_looks,
    guide,
    overlay,
    told,
)
from portcompare.report.files import safe_name
from portcompare.report.wording import NOT_KNOWN, known, objective_text, visible

if TYPE_CHECKING:
    from portcompare.records.results import Results
    from portcompare.records.sweeps import Capacity
    from portcompare.report.charts.svg import Look

_WIDTH = 250


def capacity_charts(results: Results) -> tuple[Figure, ...]:
    """Draw the capacities of a run."""
    scenarios = dict.fromkeys(one.scenario for one in results.sweeps.capacities)
    return tuple(_figure(results, scenario) for scenario in scenarios)


def _figure(results: Results, scenario: str) -> Figure:
    found = [one for one in results.sweeps.capacities if one.scenario == scenario]
    looks = find_looks(results)
    title, subtitle = (
        f"Capacity: {visible(scenario)}",
        f"requests per second with {objective_text(results, scenario)}",
    )
    description = (
        "Dot plot: one row for each arm, a point at the highest rate that keeps the objective, a line over"
        " its 95% interval."
    )
    data = [_datum(one, looks[one.arm]) for one in found]
    return Figure(
        name=f"capacity-{safe_name(scenario)}",
        title=title,
        subtitle=subtitle,
        description=description,
        svg=draw(_chart(looks), {"rows": data}, f"{title}, {subtitle}", description),
        header=("Arm", "Capacity", "Low", "High"),
        rows=tuple(_row(one) for one in found),
    )


def _chart(looks: dict[str, Look]) -> alt.LayerChart:
    names = [look.label for look in looks.values()]
    base = alt.Chart(ROWS).encode(
        y=alt.Y("arm:N", sort=names, title=None, axis=arm_axis()),
        color=arm_colour(looks),
        description="told:N",
    )
    known_ones = base.transform_filter("isValid(datum.rate_rps)")
    axis = guide(format="~s", grid=True, gridOpacity=0.6, tickCount=5)
    x = alt.X("rate_rps:Q", title="requests per second", scale=guide(zero=True), axis=axis)
    return overlay(
        known_ones.mark_rule(strokeWidth=2).encode(x="low:Q", x2="high:Q"),
        known_ones.mark_point(filled=True, size=60, opacity=1).encode(x=x),
        base.mark_text(align="left", dx=8, fontSize=FONT_SIZE).encode(
            x=alt.value("width"), text="text:N", color=alt.value(TEXT)
        ),
        width=_WIDTH,
        height=alt.Step(ROW_HEIGHT),
    )


def _text(one: Capacity) -> str:
    if one.rate_rps.point is None:
        return NOT_KNOWN
    return ("at least " if one.is_at_least else "") + units.rate(one.rate_rps.point)


def _datum(one: Capacity, look: Look) -> dict[str, Any]:
    rate = one.rate_rps
    return {
        "arm": look.label,
        "rate_rps": rate.point,
        "low": rate.low,
        "high": rate.high,
        "text": _text(one),
        "told": told(f"{look.label}: {_text(one)}", look.colour),
    }


def _row(one: Capacity) -> tuple[str, ...]:
    ends = (one.rate_rps.low, one.rate_rps.high)
    return (visible(one.arm), _text(one), *(known(end, units.rate) for end in ends))
