"""What more load does: throughput and response time over the load, and the highest rates that were found."""

from collections.abc import Iterator, Sequence
from typing import Any

import altair as alt

from portcompare import units
from portcompare.records.results import Results, Summary
from portcompare.records.sweeps import Capacity, Knee
from portcompare.report.charts import svg
from portcompare.report.charts.svg import Figure, Looks
from portcompare.report.formats.results_file import safe_name
from portcompare.report.wording import (
    arm_at,
    known,
    latencies,
    objective_text,
    plan_value,
    visible,
)

_SIZE = {"width": 400, "height": 170}
_MS_PER_S = 1e3
_LEAST_LEVELS = 2
_BOUND = "Dotted: the bound, the most that theory allows."
_KNEE = "Ring: the knee, beyond which more load brings waiting and no rate."


def load_chart(results: Results, scenario: str) -> Iterator[Figure]:
    """Draw what an arm does as the load grows, with bounds and knees."""
    summaries = [one for one in results.summaries if one.scenario == scenario]
    levels = sorted({one.level for one in summaries})
    if len(levels) < _LEAST_LEVELS:
        return
    looks = svg.find_looks(results)
    knees = [one for one in results.sweeps.knees if one.scenario == scenario and one.is_reached]
    is_closed = plan_value(results, "scenarios", scenario, "load", "model") == "closed"
    load = "users" if is_closed else "requests offered per second"
    x = alt.X(
        "level:Q",
        title=f"{load} (log scale)",
        scale=svg.guide(type="log", nice=False, padding=8),
        axis=svg.grid_axis(values=levels),
    )
    data = [datum for one in summaries for datum in _load_data(results, one)]
    yield svg.draw(
        alt.vconcat(_rates(looks, x, has_knees=bool(knees)), _times(looks, x), data=svg.ROWS),
        {"rows": data, "knees": [_knee_datum(one) for one in knees]},
        looks=looks,
        name="load",
        title="Throughput and response time over the load",
        scenario=visible(scenario),
        subtitle=f"responses per second and ms, by {load}",
        description=f"Two line charts for scenario {visible(scenario)} over the load, one line for each arm."
        " Above, the throughput, with thin dotted lines at the most that theory allows and a ring at each"
        " knee; below, the median response time, and thinner the 99th percentile.",
        header=("Level", "Arm", "Rate", "Bound", "p50", "p99"),
        rows=tuple(
            (
                *arm_at(results, one),
                known(one.rate_rps, units.rate),
                known(one.bound.rate_rps if one.bound else None, units.rate),
                latencies(one.latency_s)["p50"],
                latencies(one.latency_s)["p99"],
            )
            for one in summaries
        ),
        arms=svg.legend(looks, data),
        note=_BOUND + (f" {_KNEE}" if knees else ""),
    )


def _rates(looks: Looks, x: alt.X, *, has_knees: bool) -> alt.LayerChart:
    y = alt.Y("rate_rps:Q", title="responses per second", axis=svg.grid_axis(format="~s", tickCount=5))
    base = alt.Chart().encode(x=x, color=svg.arm_colour(looks), description="rate_tip:N")
    bound = base.mark_line(strokeWidth=1.2, strokeDash=[1, 3])
    layers = [bound.encode(y="bound_rps:Q", description="bound_tip:N"), *_lines_and_points(base, looks, y)]
    if has_knees:
        knees = alt.Chart(alt.NamedData(name="knees"))
        marked = knees.encode(y="rate_rps:Q", color=svg.arm_colour(looks), description="tip:N")
        layers += [
            marked.mark_rule(strokeWidth=1.5).encode(x="low:Q", x2="high:Q"),
            marked.mark_point(size=160, strokeWidth=2, opacity=1).encode(x="load:Q"),
        ]
    return svg.overlay(*layers, **_SIZE)


def _times(looks: Looks, x: alt.X) -> alt.LayerChart:
    y = svg.log_y("p50_ms:Q", "p50 and p99 in ms (log)")
    base = alt.Chart().encode(x=x, color=svg.arm_colour(looks), description="times_tip:N")
    p99 = base.mark_line(strokeWidth=1, opacity=0.8).encode(y="p99_ms:Q", strokeDash=svg.arm_dash(looks))
    return svg.overlay(p99, *_lines_and_points(base, looks, y), **_SIZE)


def _lines_and_points(base: alt.Chart, looks: Looks, y: alt.Y) -> list[alt.Chart]:
    return [
        base.mark_line(strokeWidth=2).encode(y=y, strokeDash=svg.arm_dash(looks)),
        base.mark_point(filled=True, size=40, opacity=1).encode(y=y, shape=svg.arm_shape(looks)),
    ]


def _load_data(results: Results, one: Summary) -> Iterator[dict[str, Any]]:
    level, arm = arm_at(results, one)
    at, latency, bound = f"{arm} at {level}", one.latency_s, one.bound
    if latency is None or one.rate_rps is None:
        return
    yield {
        "level": one.level,
        "arm": arm,
        "rate_rps": one.rate_rps,
        "bound_rps": bound.rate_rps if bound else None,
        "p50_ms": latency.p50 * _MS_PER_S,
        "p99_ms": latency.p99 * _MS_PER_S,
        "rate_tip": f"{at}: {units.rate(one.rate_rps)}",
        "bound_tip": f"{at}: bound {units.rate(bound.rate_rps) if bound else ''}",
        "times_tip": f"{at}: p50 {units.duration(latency.p50)}, p99 {units.duration(latency.p99)}",
    }


def _knee_datum(one: Knee) -> dict[str, Any]:
    point, arm = one.load.point or 0.0, visible(one.arm)
    low, high = (point if end is None else end for end in (one.load.low, one.load.high))
    tip = f"{arm}: knee at {units.significant(point)}, {units.rate(one.rate_rps)}"
    return {"arm": arm, "load": point, "low": low, "high": high, "rate_rps": one.rate_rps, "tip": tip}


def capacity_charts(results: Results) -> Iterator[Figure]:
    """Draw the highest rates that keep an objective, one chart a scenario."""
    for scenario in dict.fromkeys(one.scenario for one in results.sweeps.capacities):
        found = [one for one in results.sweeps.capacities if one.scenario == scenario]
        yield _capacity_chart(results, scenario, found)


def _capacity_chart(results: Results, scenario: str, found: Sequence[Capacity]) -> Figure:
    looks = svg.find_looks(results)
    base = alt.Chart(svg.ROWS).encode(y=svg.arm_y(looks), color=svg.arm_colour(looks), description="tip:N")
    known_ones = base.transform_filter("isValid(datum.rate_rps)")
    axis = svg.grid_axis(format="~s", tickCount=5)
    x = alt.X("rate_rps:Q", title="requests per second", scale=svg.guide(zero=True), axis=axis)
    return svg.draw(
        svg.overlay(
            known_ones.mark_rule(strokeWidth=2).encode(x="low:Q", x2="high:Q"),
            known_ones.mark_point(filled=True, size=60, opacity=1).encode(x=x),
            svg.text_beside(base, color=alt.value(svg.TEXT)),
            width=250,
            height=alt.Step(svg.ROW_HEIGHT),
        ),
        {"rows": [_capacity_datum(one) for one in found]},
        looks=looks,
        name=f"capacity-{safe_name(scenario)}",
        title=f"Capacity: {visible(scenario)}",
        subtitle=f"requests per second with {objective_text(results, scenario)}",
        description="Dot plot: one row for each arm, a point at the highest rate that keeps the objective, a"
        " line over its 95% interval.",
        header=("Arm", "Capacity", "Low", "High"),
        rows=tuple(
            (
                visible(one.arm),
                _capacity_text(one),
                known(one.rate_rps.low, units.rate),
                known(one.rate_rps.high, units.rate),
            )
            for one in found
        ),
    )


def _capacity_text(one: Capacity) -> str:
    return known(one.rate_rps.point, lambda rate: ("at least " * one.is_at_least) + units.rate(rate))


def _capacity_datum(one: Capacity) -> dict[str, Any]:
    text, arm = _capacity_text(one), visible(one.arm)
    ends = {"low": one.rate_rps.low, "high": one.rate_rps.high}
    return {"arm": arm, "rate_rps": one.rate_rps.point, **ends, "text": text, "tip": f"{arm}: {text}"}
