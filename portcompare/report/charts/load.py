"""What more load does: throughput and response time over the load, and the highest rates that were found."""

from collections.abc import Iterator, Sequence
from typing import Any

from portcompare import units
from portcompare.records.results import Results, Summary
from portcompare.records.sweeps import Capacity, Knee
from portcompare.report.charts import svg
from portcompare.report.charts.svg import Figure, Looks, Spec
from portcompare.report.formats.results_file import safe_name
from portcompare.report.wording import arm_at, known, latencies, objective_text, plan_value, visible

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
    x = svg.quantity(
        "level",
        title=f"{load} (log scale)",
        scale={"type": "log", "nice": False, "padding": 8},
        axis=svg.grid_axis(values=levels),
    )
    data = [datum for one in summaries for datum in _load_data(results, one)]
    yield svg.draw(
        {"vconcat": [_rates(looks, x), _times(looks, x)]},
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


def _rates(looks: Looks, x: Spec) -> Spec:
    y = svg.quantity("rate_rps", title="responses per second", axis=svg.grid_axis(format="~s", tickCount=5))
    base = {"x": x, "color": svg.arm_colour(looks), "description": svg.category("rate_tip")}
    bound = base | {"y": svg.quantity("bound_rps"), "description": svg.category("bound_tip")}
    knee = svg.TOOLTIP | {"y": y, "color": svg.arm_colour(looks)}
    low, load = svg.quantity("low"), svg.quantity("load")
    knees = [
        svg.mark("rule", knee | {"x": low, "x2": {"field": "high"}}, strokeWidth=1.5),
        svg.mark("point", knee | {"x": load}, size=160, strokeWidth=2, opacity=1),
    ]
    layers = [
        svg.mark("line", bound, strokeWidth=1.2, strokeDash=[1, 3]),
        *svg.arm_course(base | {"y": y}, looks),
        *(one | {"data": {"name": "knees"}} for one in knees),
    ]
    return {"layer": layers, **_SIZE}


def _times(looks: Looks, x: Spec) -> Spec:
    y = svg.log_y("p50_ms", "p50 and p99 in ms (log)")
    base = {"x": x, "color": svg.arm_colour(looks), "description": svg.category("times_tip")}
    p99 = base | {"y": svg.quantity("p99_ms"), "strokeDash": svg.arm_dash(looks)}
    layers = [svg.mark("line", p99, strokeWidth=1, opacity=0.8), *svg.arm_course(base | {"y": y}, looks)]
    return {"layer": layers, **_SIZE}


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
    axis = svg.grid_axis(format="~s", tickCount=5)
    x = svg.quantity("rate_rps", title="requests per second", scale={"zero": True}, axis=axis)
    base = svg.TOOLTIP | {"y": svg.arm_y(looks), "color": svg.arm_colour(looks)}
    return svg.draw(
        svg.by_rows(
            *svg.interval(base, x), svg.text_beside(base | {"color": {"value": svg.TEXT}}), width=250
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
