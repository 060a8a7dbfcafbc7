"""Waterfalls: the parts of each arm's page load, one after the other, the arms below each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt

from portcompare import units
from portcompare.report.charts.svg import (
    FONT_SIZE,
    FONT_SLACK,
    ROW_HEIGHT,
    ROWS,
    TEXT,
    Figure,
    arm_axis,
    draw,
    guide,
    told,
)
from portcompare.report.files import safe_name
from portcompare.report.sections.pages import STAGE_NAMES, meanwhile
from portcompare.report.wording import visible

if TYPE_CHECKING:
    from portcompare.records.pages import PageSummary
    from portcompare.records.results import Results

_PLOT_WIDTH = 270


def waterfalls(results: Results) -> tuple[Figure, ...]:
    """Draw where the time of each page goes."""
    summaries = [one for one in results.pages.summaries if one.parts]
    return tuple(
        _waterfall(page, [one for one in summaries if one.page == page])
        for page in dict.fromkeys(one.page for one in summaries)
    )


def _waterfall(page: str, summaries: list[PageSummary]) -> Figure:
    title, subtitle = visible(page), "until the largest contentful paint, in seconds"
    description = (
        f"Bars for the page {title}: one for each condition and arm, its parts from left to right in the"
        " order in which they happen in the load in the middle, coloured by whose time it is."
    )
    data = [datum for one in summaries for datum in _data(one)]
    return Figure(
        name=f"page-{safe_name(page)}",
        title=title,
        subtitle=subtitle,
        description=description,
        svg=draw(_chart(summaries), {"rows": data}, f"{title}, {subtitle}", description),
        header=("Condition", "Arm", "Part", "Whose time", "From", "To"),
        rows=tuple(
            (
                _condition(one),
                visible(one.arm),
                part.what,
                STAGE_NAMES[part.stage],
                units.duration(part.start_s),
                units.duration(part.end_s),
            )
            for one in summaries
            for part in one.parts
        ),
    )


def _chart(summaries: list[PageSummary]) -> alt.FacetChart:
    present = {part.stage for one in summaries for part in one.parts}
    shown = [stage for stage in STAGE_NAMES if stage in present]
    bars = (
        alt.Chart()
        .mark_bar(height=ROW_HEIGHT * 0.6)
        .encode(
            y=alt.Y("arm:N", sort=None, title=None, axis=arm_axis()),
            x=alt.X(
                "start:Q",
                title="seconds",
                scale=guide(zero=True, nice=False),
                axis=guide(grid=True, gridOpacity=0.6, tickCount=5),
            ),
            x2="end:Q",
            color=alt.Color(
                "stage:N",
                title=None,
                scale=guide(
                    domain=[STAGE_NAMES[stage] for stage in shown],
                    range=[f"var(--stage-{stage})" for stage in shown],
                ),
                legend=guide(
                    orient="top",
                    columns=2,
                    columnPadding=2 * FONT_SLACK,
                    labelColor=TEXT,
                    labelFontSize=FONT_SIZE,
                    labelLimit=0,
                ),
            ),
            description="told:N",
        )
    )
    chart = alt.layer(bars, data=ROWS).properties(width=_PLOT_WIDTH, height=alt.Step(ROW_HEIGHT))
    order = list(dict.fromkeys(map(_condition, summaries)))
    facet = alt.Facet("condition:N", sort=order, title=None, header=guide(labelAnchor="start"))
    return chart.facet(facet=facet, columns=1)


def _data(one: PageSummary) -> list[dict[str, Any]]:
    return [
        {
            "condition": _condition(one),
            "arm": visible(one.arm),
            "stage": STAGE_NAMES[part.stage],
            "start": part.start_s,
            "end": part.end_s,
            "told": told(f"{visible(one.arm)}, {part.what}: {units.duration(part.end_s - part.start_s)}"),
        }
        for part in one.parts
    ]


def _condition(one: PageSummary) -> str:
    return f"{one.kind}, {meanwhile(one.users)} meanwhile" if one.users else f"{one.kind}, idle"
