"""Where the response time goes: handler, queue and the rest, as stacked bars, one chart a scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt

from portcompare import units
from portcompare.report.arms import find_looks
from portcompare.report.svg import (
    FONT_SIZE,
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
from portcompare.report.wording import known, level_text, visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portcompare.model import Results, Summary

_WIDTH = 250
_MS_PER_S = 1e3
HANDLER, REST, QUEUE = "in the handler", "server and network", "in line"
OUTSIDE, WHOLE = "outside the handler", "not told apart"
_COLOURS = {
    HANDLER: "var(--part-1)",
    REST: "var(--part-2)",
    QUEUE: "var(--stage-queue)",
    OUTSIDE: "var(--part-2)",
    WHOLE: "var(--line)",
}
_NOTE = (
    "The handler's time is what the server itself tells (Server-Timing: app). What a request takes outside it"
    " at one user, when it waits for no other, is the server's own work and the network; what it takes more"
    " among others is waiting in line. Without a level of one user the two are not told apart. An arm whose"
    " server tells nothing has one part."
)


def time_chart(results: Results, scenario: str) -> tuple[Figure, ...]:
    """Draw what the median response time of a scenario is made of.

    Args:
        results: The run.
        scenario: Name of the scenario.

    Returns:
        The figure, alone; none where no request was answered.
    """
    summaries = [one for one in results.summaries if one.scenario == scenario]
    data = [datum for one in summaries for datum in _data(results, one)]
    if not data:
        return ()
    title, subtitle = "Where the time goes", "median response time in ms"
    description = (
        f"Stacked bars for scenario {visible(scenario)}: one row for each level and arm, the time in the"
        " handler first, then the server's own work and the network, then waiting in line."
    )
    figure = Figure(
        name="time",
        title=title,
        scenario=visible(scenario),
        subtitle=subtitle,
        description=description,
        svg=draw(_chart(results, data), {"rows": data}, f"{title}, {subtitle}", description),
        header=("Level", "Arm", "Response time p50", "In the handler", "Outside it", "Of that in line"),
        rows=tuple(_row(results, one) for one in summaries),
        note=_NOTE,
    )
    return (figure,)


def _chart(results: Results, data: list[dict[str, Any]]) -> alt.FacetChart:
    names = [look.label for look in find_looks(results).values()]
    parts = [part for part in _COLOURS if any(datum["part"] == part for datum in data)]
    bars = (
        alt.Chart()
        .mark_bar(height=13)
        .encode(
            x=alt.X(
                "ms:Q",
                title="ms",
                stack="zero",
                axis=guide(format="~r", grid=True, gridOpacity=0.6, tickCount=4),
            ),
            y=alt.Y("arm:N", sort=names, title=None, axis=arm_axis()),
            color=alt.Color(
                "part:N",
                title=None,
                scale=guide(domain=parts, range=[_COLOURS[part] for part in parts]),
                legend=guide(orient="top", labelColor=TEXT, labelFontSize=FONT_SIZE, columnPadding=22),
            ),
            order="order:O",
            description="told:N",
        )
    )
    chart = overlay(bars, data=ROWS, width=_WIDTH, height=alt.Step(ROW_HEIGHT))
    return by_level(chart, own="x")


def _data(results: Results, one: Summary) -> Iterator[dict[str, Any]]:
    if one.latency_s is None:
        return
    if one.handler_s is None or one.outside_handler_s is None:
        parts = {WHOLE: one.latency_s.p50}
    elif one.queue_s is None or one.overhead_s is None:
        parts = {HANDLER: one.handler_s, OUTSIDE: one.outside_handler_s}
    else:
        parts = {HANDLER: one.handler_s, REST: one.overhead_s, QUEUE: one.queue_s}
    for order, (part, value_s) in enumerate(parts.items()):
        yield {
            "level": level_text(results, one.scenario, one.level),
            "arm": visible(one.arm),
            "part": part,
            "order": order,
            "ms": value_s * _MS_PER_S,
            "told": told(f"{visible(one.arm)}, {part}: {units.duration(value_s)}"),
        }


def _row(results: Results, one: Summary) -> tuple[str, ...]:
    return (
        level_text(results, one.scenario, one.level),
        visible(one.arm),
        known(one.latency_s.p50 if one.latency_s else None, units.duration),
        known(one.handler_s, units.duration),
        known(one.outside_handler_s, units.duration),
        known(one.queue_s, units.duration),
    )
