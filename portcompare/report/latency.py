"""Latency charts: the response time's percentiles of every arm, one chart a scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt

from portcompare.report.svg import FONT_SIZE, ROW_HEIGHT, TEXT, Figure, arm_axis, draw
from portcompare.report.wording import PERCENTILES, latencies, level_text, visible

if TYPE_CHECKING:
    from portcompare.model import Results, Summary

_PLOT_WIDTH = 270
_MS_PER_S = 1e3
_TICKS_MS = [step * 10.0**power for power in range(-3, 7) for step in (1, 2, 5)]
_SHAPES = ["circle", "square", "diamond", "triangle-right", "M0,-0.8V0.8"]


def latency_chart(results: Results, scenario: str) -> Figure:
    """Draw the response times of a scenario.

    Args:
        results: The run.
        scenario: Name of the scenario.

    Returns:
        The figure; an arm without a successful request has a row without marks.
    """
    summaries = [s for s in results.summaries if s.scenario == scenario]
    title, subtitle = "Response time", "in milliseconds; medians over the rounds, maximum over all"
    description = (
        f"Dot plot for scenario {visible(scenario)}: one row for each level and arm, with marks from"
        " left to right at the 50th, 95th, 99th and 99.9th percentile and the maximum, on a log scale."
    )
    return Figure(
        title=title,
        subtitle=subtitle,
        description=description,
        svg=draw(_chart(results, summaries), f"{title}, {subtitle}", description),
        header=("Level", "Arm", *PERCENTILES),
        rows=tuple(
            (level_text(results, s.scenario, s.level), visible(s.arm), *latencies(s.latency_s).values())
            for s in summaries
        ),
    )


def _chart(results: Results, summaries: list[Summary]) -> alt.FacetChart:
    time = alt.X(
        "ms:Q",
        title="response time in ms (log scale)",
        scale=alt.Scale(type="log", nice=False, padding=8),
        axis=alt.Axis(format="~r", values=_TICKS_MS, grid=True, gridOpacity=0.6),
    )
    shape = alt.Shape(
        "percentile:N",
        title=None,
        scale=alt.Scale(domain=list(PERCENTILES), range=_SHAPES),
        legend=alt.Legend(
            orient="top", labelColor=TEXT, labelFontSize=FONT_SIZE, symbolStrokeColor="var(--accent)"
        ),
    )
    line = alt.Chart().encode(y=alt.Y("arm:N", sort=None, title=None, axis=arm_axis()), x=time)
    return (
        alt.layer(
            line.mark_line(color="var(--line)", strokeWidth=1.5).encode(detail="arm:N"),
            line.mark_point(size=60, color="var(--accent)", opacity=1, strokeWidth=2).encode(shape=shape),
            data=alt.InlineData([datum for s in summaries for datum in _data(results, s)]),
        )
        .properties(width=_PLOT_WIDTH, height=alt.Step(ROW_HEIGHT))
        .facet(
            facet=alt.Facet("level:N", sort=None, title=None, header=alt.Header(labelAnchor="start")),
            columns=1,
        )
    )


def _data(results: Results, summary: Summary) -> list[dict[str, Any]]:
    latency = summary.latency_s
    return [
        {
            "level": level_text(results, summary.scenario, summary.level),
            "arm": visible(summary.arm),
            "percentile": name,
            "ms": None if latency is None else getattr(latency, field) * _MS_PER_S,
        }
        for name, field in PERCENTILES.items()
    ]
