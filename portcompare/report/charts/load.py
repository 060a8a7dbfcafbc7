"""What more load does, and what was measured of each arm at each level, as rows of charts and tables."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from portcompare import units
from portcompare.records.results import Results, Summary
from portcompare.records.sweeps import Capacity, Knee
from portcompare.report.charts import svg
from portcompare.report.charts.svg import Figure, Spec
from portcompare.report.formats.results_file import safe_name
from portcompare.report.wording import arm_at, known, objective_text, plan_value, visible

_MS_PER_S, _US_PER_S = 1e3, 1e6
_MIB = 1024**2

MEASURES: dict[str, tuple[Callable[[Summary], float | None], float, Callable[[float], str]]] = {
    "Rate": (lambda one: one.rate_rps, 1, units.rate),
    "Bound": (lambda one: one.bound.rate_rps if one.bound else None, 1, units.rate),
    "p50": (lambda one: one.latency_s.p50 if one.latency_s else None, _MS_PER_S, units.duration),
    "p99": (lambda one: one.latency_s.p99 if one.latency_s else None, _MS_PER_S, units.duration),
    "In the handler": (lambda one: one.handler_s, _MS_PER_S, units.duration),
    "Outside it": (lambda one: one.outside_handler_s, _MS_PER_S, units.duration),
    "Of that in line": (lambda one: one.queue_s, _MS_PER_S, units.duration),
    "CPU per request": (lambda one: one.cpu_s_per_request, _US_PER_S, units.duration),
    "Peak memory": (lambda one: one.rss_peak_bytes, 1 / _MIB, units.size),
    "Cost per million": (lambda one: one.cost_per_million, 1, units.significant),
}
"""Where a value comes from, what it is multiplied by on an axis, and how it is written."""

Row = dict[str, Any]
"""Of each measure the value by its name, None if it is not known, and with ` text` and ` tip` behind its name
how it is written; beside them `arm`, `level` in words and `load`, the same as a number."""


def summary_rows(results: Results, scenario: str) -> list[Row]:
    """A row for each arm at each level of a scenario."""
    rows = []
    for one in results.summaries:
        if one.scenario == scenario:
            level, arm = arm_at(results, one)
            row: Row = {"level": level, "arm": arm, "load": one.level}
            for name, (value_of, factor, show) in MEASURES.items():
                value = value_of(one)
                text = known(value, show)
                tip = f"{arm} at {level}: {name} {text}"
                row |= {name: value and value * factor, f"{name} text": text, f"{name} tip": tip}
            rows.append(row)
    return rows


def table(rows: Iterable[Row], *measures: str) -> dict[str, Any]:
    """Header and rows of the table of some measures."""
    cells = ((row["level"], row["arm"], *(row[f"{measure} text"] for measure in measures)) for row in rows)
    return {"header": ("Level", "Arm", *measures), "rows": tuple(cells)}


_SIZE = {"width": 400, "height": 170}
_LEAST_LEVELS = 2
_BOUND = "Dotted: the bound, the most that theory allows."
_KNEE = "Ring: the knee, beyond which more load brings waiting and no rate."


def load_chart(results: Results, scenario: str) -> Iterator[Figure]:
    """Draw what an arm does as the load grows, with bounds and knees."""
    rows = summary_rows(results, scenario)
    levels = sorted({row["load"] for row in rows})
    if len(levels) < _LEAST_LEVELS:
        return
    looks = svg.find_looks(results)
    knees = [one for one in results.sweeps.knees if one.scenario == scenario and one.is_reached]
    is_closed = plan_value(results, "scenarios", scenario, "load", "model") == "closed"
    load = "users" if is_closed else "requests offered per second"
    x = svg.quantity(
        "load",
        title=f"{load} (log scale)",
        scale={"type": "log", "nice": False, "padding": 8},
        axis=svg.grid_axis(values=levels),
    )
    yield svg.draw(
        {"vconcat": [_rates(x), _times(x)]},
        {
            "rows": [row for row in rows if None not in (row["Rate"], row["p50"])],
            "knees": list(map(_knee_datum, knees)),
        },
        looks=looks,
        name="load",
        title="Throughput and response time over the load",
        scenario=visible(scenario),
        subtitle=f"responses per second and ms, by {load}",
        description=f"Two line charts for scenario {visible(scenario)} over the load, one line for each arm."
        " Above, the throughput, with thin dotted lines at the most that theory allows and a ring at each"
        " knee; below, the median response time, and thinner the 99th percentile.",
        arms=svg.legend(looks, rows),
        note=_BOUND + (f" {_KNEE}" if knees else ""),
        **table(rows, "Rate", "Bound", "p50", "p99"),
    )


def _rates(x: Spec) -> Spec:
    y = svg.quantity("Rate", title="responses per second", axis=svg.grid_axis(format="~s", tickCount=5))
    rate = svg.BY_ARM | {"x": x, "y": y, "description": svg.category("Rate tip")}
    bound = rate | {"y": svg.quantity("Bound"), "description": svg.category("Bound tip")}
    knee = svg.BY_ARM | {"y": y}
    ends = {"x": svg.quantity("low"), "x2": {"field": "high"}}
    knees = [
        svg.mark("rule", knee | ends, strokeWidth=1.5),
        svg.mark("point", knee | {"x": svg.quantity("load")}, size=160, strokeWidth=2, opacity=1),
    ]
    layers = [
        svg.mark("line", bound, strokeWidth=1.2, strokeDash=[1, 3]),
        *svg.course(rate),
        *(one | {"data": {"name": "knees"}} for one in knees),
    ]
    return {"layer": layers, **_SIZE}


def _times(x: Spec) -> Spec:
    y = svg.log_y("p50", "p50 and p99 in ms (log)")
    p50 = svg.BY_ARM | {"x": x, "y": y, "description": svg.category("p50 tip")}
    dashed = {"y": svg.quantity("p99"), "strokeDash": svg.as_given("dash")}
    p99 = svg.mark(
        "line", p50 | dashed | {"description": svg.category("p99 tip")}, strokeWidth=1, opacity=0.8
    )
    return {"layer": [p99, *svg.course(p50)], **_SIZE}


def _knee_datum(one: Knee) -> dict[str, Any]:
    point, arm = one.load.point or 0.0, visible(one.arm)
    low, high = (point if end is None else end for end in (one.load.low, one.load.high))
    tip = f"{arm}: knee at {units.significant(point)}, {units.rate(one.rate_rps)}"
    return {"arm": arm, "load": point, "low": low, "high": high, "Rate": one.rate_rps, "tip": tip}


def capacity_charts(results: Results) -> Iterator[Figure]:
    """Draw the highest rates that keep an objective, one chart a scenario."""
    for scenario in dict.fromkeys(one.scenario for one in results.sweeps.capacities):
        found = [one for one in results.sweeps.capacities if one.scenario == scenario]
        yield _capacity_chart(results, scenario, found)


def _capacity_chart(results: Results, scenario: str, found: Sequence[Capacity]) -> Figure:
    looks = svg.find_looks(results)
    axis = svg.grid_axis(format="~s", tickCount=5)
    x = svg.quantity("rate_rps", title="requests per second", scale={"zero": True}, axis=axis)
    base = svg.BY_ARM | {"y": svg.arm_y(looks)}
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
