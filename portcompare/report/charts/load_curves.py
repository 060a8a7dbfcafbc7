"""Throughput and response time over the load, with bounds and knees, one chart a scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt

from portcompare import units
from portcompare.report.charts.svg import (
    ROWS,
    TICKS,
    Figure,
    arm_colour,
    arm_dash,
    arm_shape,
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

    from portcompare.records.results import Results, Summary
    from portcompare.records.sweeps import Knee
    from portcompare.report.charts.svg import Look

_WIDTH, _HEIGHT = 400, 170
_MS_PER_S = 1e3
_LEAST_LEVELS = 2
_BOUND = "Dotted: the bound, the most that theory allows."
_KNEE = "Ring: the knee, beyond which more load brings waiting and no rate."
_HEADER = ("Level", "Arm", "Rate", "Bound", "p50", "p99")


def load_chart(results: Results, scenario: str) -> tuple[Figure, ...]:
    """Draw what an arm does as the load grows."""
    summaries = [one for one in results.summaries if one.scenario == scenario]
    levels = sorted({one.level for one in summaries})
    if len(levels) < _LEAST_LEVELS:
        return ()
    looks = find_looks(results)
    knees = [one for one in results.sweeps.knees if one.scenario == scenario and one.is_reached]
    is_closed = plan_value(results, "scenarios", scenario, "load", "model") == "closed"
    load = "users" if is_closed else "requests offered per second"
    title, subtitle = "Throughput and response time over the load", f"answers per second and ms, by {load}"
    description = (
        f"Two line charts for scenario {visible(scenario)} over the load, one line for each arm. Above, the"
        " throughput, with thin dotted lines at the most that theory allows and a ring at each knee; below,"
        " the median response time, and thinner the 99th percentile."
    )
    data = [datum for one in summaries for datum in _data(results, one, looks[one.arm])]
    tables = {"rows": data, "knees": [_knee(one, looks[one.arm]) for one in knees]}
    x = alt.X(
        "level:Q",
        title=f"{load} (log scale)",
        scale=guide(type="log", nice=False, padding=8),
        axis=guide(values=levels, format="~r", grid=True, gridOpacity=0.6),
    )
    chart = alt.vconcat(_rates(looks, x, has_knees=bool(knees)), _times(looks, x), data=ROWS)
    figure = Figure(
        name="load",
        title=title,
        scenario=visible(scenario),
        subtitle=subtitle,
        description=description,
        svg=draw(chart, tables, f"{title}, {subtitle}", description),
        header=_HEADER,
        rows=tuple(_row(results, one) for one in summaries),
        arms=legend(looks, [one.arm for one in summaries]),
        note=_BOUND + (f" {_KNEE}" if knees else ""),
    )
    return (figure,)


def _rates(looks: dict[str, Look], x: alt.X, *, has_knees: bool) -> alt.LayerChart:
    axis = guide(format="~s", grid=True, gridOpacity=0.6, tickCount=5)
    y = alt.Y("rate_rps:Q", title="answers per second", axis=axis)
    base = alt.Chart().encode(x=x, color=arm_colour(looks), description="rate_told:N")
    bound = base.mark_line(strokeWidth=1.2, strokeDash=[1, 3]).encode(
        y="bound_rps:Q", description="bound_told:N"
    )
    line = base.mark_line(strokeWidth=2).encode(y=y, strokeDash=arm_dash(looks))
    point = base.mark_point(filled=True, size=40, opacity=1).encode(y=y, shape=arm_shape(looks))
    marked = alt.Chart(alt.NamedData(name="knees")).encode(color=arm_colour(looks), description="told:N")
    layers = [bound, line, point]
    if has_knees:
        layers += [
            marked.mark_rule(strokeWidth=1.5).encode(x="low:Q", x2="high:Q", y="rate_rps:Q"),
            marked.mark_point(size=160, strokeWidth=2, opacity=1).encode(x="load:Q", y="rate_rps:Q"),
        ]
    return overlay(*layers, width=_WIDTH, height=_HEIGHT)


def _times(looks: dict[str, Look], x: alt.X) -> alt.LayerChart:
    y = alt.Y(
        "p50_ms:Q",
        title="p50 and p99 in ms (log)",
        scale=guide(type="log"),
        axis=guide(format="~r", values=TICKS, grid=True, gridOpacity=0.6),
    )
    base = alt.Chart().encode(x=x, color=arm_colour(looks), description="times_told:N")
    return overlay(
        base.mark_line(strokeWidth=1, opacity=0.8).encode(y="p99_ms:Q", strokeDash=arm_dash(looks)),
        base.mark_line(strokeWidth=2).encode(y=y, strokeDash=arm_dash(looks)),
        base.mark_point(filled=True, size=40, opacity=1).encode(y=y, shape=arm_shape(looks)),
        width=_WIDTH,
        height=_HEIGHT,
    )


def _data(results: Results, one: Summary, look: Look) -> Iterator[dict[str, Any]]:
    at = f"{look.label} at {level_text(results, one.scenario, one.level)}"
    latency, bound = one.latency_s, one.bound
    if latency is None or one.rate_rps is None:
        return
    yield {
        "level": one.level,
        "arm": look.label,
        "rate_rps": one.rate_rps,
        "bound_rps": bound.rate_rps if bound else None,
        "p50_ms": latency.p50 * _MS_PER_S,
        "p99_ms": latency.p99 * _MS_PER_S,
        "rate_told": told(f"{at}: {units.rate(one.rate_rps)}", look.colour),
        "bound_told": told(f"{at}: bound {units.rate(bound.rate_rps) if bound else ''}", look.colour),
        "times_told": told(
            f"{at}: p50 {units.duration(latency.p50)}, p99 {units.duration(latency.p99)}", look.colour
        ),
    }


def _knee(one: Knee, look: Look) -> dict[str, Any]:
    point = one.load.point or 0.0
    return {
        "arm": look.label,
        "load": point,
        "low": point if one.load.low is None else one.load.low,
        "high": point if one.load.high is None else one.load.high,
        "rate_rps": one.rate_rps,
        "told": told(
            f"{look.label}: knee at {units.significant(point)}, {units.rate(one.rate_rps)}",
            look.colour,
        ),
    }


def _row(results: Results, one: Summary) -> tuple[str, ...]:
    latency = one.latency_s
    return (
        level_text(results, one.scenario, one.level),
        visible(one.arm),
        known(one.rate_rps, units.rate),
        known(one.bound.rate_rps if one.bound else None, units.rate),
        known(latency.p50 if latency else None, units.duration),
        known(latency.p99 if latency else None, units.duration),
    )
