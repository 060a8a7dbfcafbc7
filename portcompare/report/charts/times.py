"""Where the response time goes: handler, queue and the rest, as stacked bars, one chart a scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt

from portcompare import units
from portcompare.analyse.summaries import find_courses
from portcompare.report.charts.svg import (
    FAINT,
    FONT_SIZE,
    ROW_HEIGHT,
    ROWS,
    TEXT,
    TICKS,
    Figure,
    arm_axis,
    arm_colour,
    by_level,
    draw,
    find_looks,
    guide,
    legend,
    overlay,
    told,
)
from portcompare.report.wording import known, level_text, plan_value, visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portcompare.analyse.summaries import Course
    from portcompare.records.results import Results, Summary
    from portcompare.report.charts.svg import Look


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
    """Draw what the median response time of a scenario is made of."""
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


_WIDTH, _HEIGHT = 820, 84
_MS_PER_S_timeline = 1e3
_HOW_TO_READ = (
    "A short line is a round. Vertical lines: a block begins, on servers started afresh. Cross: the round is"
    " discarded. Triangle: not yet steady when the window opened."
)
_HEADER = ("Start", "Block", "Level", "Arm", "Rate of each slice", "p99 of each slice", "Events")
_RATE, _P99 = "answers per second", "p99 in ms"


def timeline_chart(results: Results, scenario: str) -> tuple[Figure, ...]:
    """Draw the course of a scenario."""
    everything = find_courses(results.rounds)
    courses = [one for one in everything if one.round.scenario == scenario]
    drawn = [one for one in courses if any(moment.rate_rps for moment in one.moments)]
    if not drawn:
        return ()
    looks = find_looks(results)
    title, subtitle = "Time line", "what each slice of each round saw; logarithmic"
    description = (
        f"Line charts for scenario {visible(scenario)} over the run: each line is a round, its points the"
        " slices of its window. Vertical lines stand where blocks begin, crosses on rounds that were"
        " discarded, triangles on windows that opened before the rate was steady."
    )
    drifts = [visible(warning) for warning in results.warnings if warning.startswith("drift:")]
    data = [datum for one in drawn for datum in _data_timeline(results, one, looks[one.round.arm])]
    begun = {one.round.block: one.at_s for one in reversed(everything)}
    panels = dict.fromkeys(datum["level"] for datum in data)
    data += [{"level": panel, "kind": "block", "at_s": at_s} for panel in panels for at_s in begun.values()]
    figure = Figure(
        name="timeline",
        title=title,
        scenario=visible(scenario),
        subtitle=subtitle,
        description=description,
        svg=draw(_chart_timeline(looks), {"rows": data}, f"{title}, {subtitle}", description),
        header=_HEADER,
        rows=tuple(_row_timeline(results, one) for one in courses),
        arms=legend(looks, [one.round.arm for one in drawn]),
        note=" ".join((_HOW_TO_READ, *(f"{drift[0].upper()}{drift[1:]}." for drift in drifts))),
        wide=True,
    )
    return (figure,)


def _chart_timeline(looks: dict[str, Look]) -> alt.FacetChart:
    base = alt.Chart().encode(
        x=alt.X("at_s:Q", title="seconds since the first window", axis=guide(format="~r", tickCount=10)),
        y=alt.Y(
            "value:Q",
            title=None,
            scale=guide(type="log"),
            axis=guide(format="~r", values=TICKS, grid=True, gridOpacity=0.6),
        ),
        color=arm_colour(looks),
        description="told:N",
    )
    lines = base.transform_filter("datum.kind == 'slice'").mark_line(strokeWidth=1.6).encode(detail="round:N")
    blocks = (
        alt.Chart()
        .transform_filter("datum.kind == 'block'")
        .mark_rule(color=FAINT, strokeDash=[2, 2])
        .encode(x="at_s:Q")
    )
    event = base.mark_point(size=60, strokeWidth=2, opacity=1)
    discarded = event.transform_filter("datum.event == 'discarded'").encode(
        color=alt.value("var(--worse)"), shape=alt.value("cross")
    )
    unsteady = event.transform_filter("datum.event == 'unsteady'").encode(shape=alt.value("triangle-up"))
    chart = overlay(blocks, lines, discarded, unsteady, data=ROWS, width=_WIDTH, height=_HEIGHT)
    return by_level(chart, own="y")


def _data_timeline(results: Results, course: Course, look: Look) -> Iterator[dict[str, Any]]:
    one = course.round
    number = f"{one.block}-{one.order}-{one.level}-{one.arm}"
    level = _level(results, course)
    texts = (look.label, level, f"block {one.block + 1}", units.rate(one.load.rate_rps), *_events(course))
    what = told(", ".join(filter(None, texts)), look.colour)
    for quantity in (_RATE, _P99):
        panel = ": ".join(filter(None, (level, quantity)))
        event = "discarded" if one.discarded else "" if one.load.steady else "unsteady"
        for moment in course.moments:
            value = moment.rate_rps if quantity == _RATE else (moment.p99_s or 0) * _MS_PER_S_timeline
            if value:
                yield {
                    "level": panel,
                    "kind": "slice",
                    "at_s": moment.at_s,
                    "value": value,
                    "arm": look.label,
                    "round": number,
                    "event": event,
                    "told": what,
                }
                event = ""


def _level(results: Results, course: Course) -> str:
    """The level of a round; of a search, which tries many, none."""
    one = course.round
    if plan_value(results, "scenarios", one.scenario, "load", "objective"):
        return ""
    return level_text(results, one.scenario, one.level)


def _events(course: Course) -> list[str]:
    one = course.round
    discarded = [f"discarded: {visible(one.discarded)}"] if one.discarded else []
    return discarded + ([] if one.load.steady else ["not yet steady"])


def _row_timeline(results: Results, course: Course) -> tuple[str, ...]:
    one = course.round
    return (
        units.duration(course.at_s),
        f"{one.block + 1:,}",
        level_text(results, one.scenario, one.level),
        visible(one.arm),
        " ".join(units.significant(moment.rate_rps) for moment in course.moments),
        ", ".join(known(moment.p99_s, units.duration) for moment in course.moments),
        "; ".join(_events(course)),
    )
