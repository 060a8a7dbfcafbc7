"""How response times are distributed and how a run went: the latency spectrum and the time line."""

from collections.abc import Iterator
from typing import Any

from portcompare import units
from portcompare.analyse.summaries import find_moments
from portcompare.records.results import Results, Spectrum
from portcompare.records.rounds import Round
from portcompare.report.charts import svg
from portcompare.report.charts.svg import Figure
from portcompare.report.wording import NOT_KNOWN, arm_at, known, level_text, plan_value, visible

_MS_PER_S = 1e3
_PERCENTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999, "p99.99": 0.9999}
"""The percentiles that the axis and the table name."""
_NAMES = {quantile: name for name, quantile in _PERCENTILES.items()}


def spectrum_chart(results: Results, scenario: str) -> Iterator[Figure]:
    """Draw how the response times of a scenario are distributed."""
    spectra = [one for one in results.spectra if one.scenario == scenario]
    if not spectra:
        return
    looks = svg.find_looks(results)
    data = [datum for one in spectra for datum in _spectrum_data(results, one)]
    yield svg.draw(
        svg.below_each_other(_SPECTRUM, own="y"),
        {"rows": data},
        looks=looks,
        name="latency-spectrum",
        title="Latency spectrum",
        scenario=visible(scenario),
        subtitle="response time in ms by percentile, both axes logarithmic",
        description=f"Line chart for scenario {visible(scenario)}: from left to right the percentiles from"
        " the minimum to p99.99, upwards the response time; one line for each arm, one panel for each level.",
        header=("Level", "Arm", "Requests", *_PERCENTILES),
        rows=tuple(_spectrum_row(results, one) for one in spectra),
        arms=svg.legend(looks, data),
        note="All requests of all rounds that count, merged; a line ends where no request lies beyond.",
    )


_AXIS = {"values": [2, 10, 100, 1000, 10_000], "labelExpr": "'p' + format(100 - 100 / datum.value, '~r')"}
_SPECTRUM_ENCODING = svg.BY_ARM | {
    "x": svg.quantity(
        "beyond", title="percentile", axis=svg.grid_axis(**_AXIS), scale={"type": "log", "nice": False}
    ),
    "y": svg.log_y("ms", "response time in ms"),
}
_SPECTRUM = {
    # One of n requests lies beyond the quantile 1 - 1/n: that spreads the tail out.
    "transform": [{"calculate": "1 / (1 - datum.quantile)", "as": "beyond"}],
    "layer": svg.course(_SPECTRUM_ENCODING, where="datum.named"),
    "width": 400,
    "height": 190,
}


def _spectrum_data(results: Results, one: Spectrum) -> Iterator[dict[str, Any]]:
    level, arm = arm_at(results, one)
    for point in one.points:
        if point.latency_s > 0:
            tip = f"{arm}, {_NAMES.get(point.quantile, '')} {units.duration(point.latency_s)}"
            place = {"level": level, "arm": arm, "quantile": point.quantile}
            value = {"ms": point.latency_s * _MS_PER_S, "named": point.quantile in _NAMES}
            yield place | value | {"tip": tip}


def _spectrum_row(results: Results, one: Spectrum) -> tuple[str, ...]:
    found = {point.quantile: units.duration(point.latency_s) for point in one.points}
    return (
        *arm_at(results, one),
        f"{one.requests:,}",
        *(found.get(quantile, NOT_KNOWN) for quantile in _PERCENTILES.values()),
    )


_HOW_TO_READ = (
    "A short line is a round. Vertical lines: a block begins, on servers started afresh. Cross: the round is"
    " discarded. Triangle: not yet steady when the window opened."
)
_RATE, _P99 = "responses per second", "p99 in ms"


def timeline_chart(results: Results, scenario: str) -> Iterator[Figure]:
    """Draw the course of a scenario."""
    ordered = sorted(results.rounds, key=lambda one: one.load.started_at_s)
    rounds = [one for one in ordered if one.scenario == scenario]
    start_s = ordered[0].load.started_at_s if ordered else 0.0
    data = [datum for one in rounds for datum in _slice_data(results, one, start_s)]
    if not data:
        return
    looks = svg.find_looks(results)
    drifts = [visible(warning) for warning in results.warnings if warning.startswith("drift:")]
    begun = {one.block: one.load.started_at_s - start_s for one in reversed(ordered)}
    panels = dict.fromkeys(datum["level"] for datum in data)
    data += [{"level": panel, "kind": "block", "at_s": at_s} for panel in panels for at_s in begun.values()]
    yield svg.draw(
        svg.below_each_other(_TIMELINE, own="y"),
        {"rows": data},
        looks=looks,
        name="timeline",
        title="Time line",
        scenario=visible(scenario),
        subtitle="what each slice of each round saw; logarithmic",
        description=f"Line charts for scenario {visible(scenario)} over the run: each line is a round, its"
        " points the slices of its window. Vertical lines stand where blocks begin, crosses on rounds that"
        " were discarded, triangles on windows that opened before the rate was steady.",
        header=("Start", "Block", "Level", "Arm", "Rate of each slice", "p99 of each slice", "Events"),
        rows=tuple(
            (
                units.duration(one.load.started_at_s - start_s),
                f"{one.block + 1:,}",
                level_text(results, scenario, one.level),
                visible(one.arm),
                " ".join(units.significant(moment.rate_rps) for moment in find_moments(one)),
                ", ".join(known(moment.p99_s, units.duration) for moment in find_moments(one)),
                "; ".join(_events(one)),
            )
            for one in rounds
        ),
        arms=svg.legend(looks, data),
        note=" ".join((_HOW_TO_READ, *(f"{drift[0].upper()}{drift[1:]}." for drift in drifts))),
        wide=True,
    )


_AT = svg.quantity(
    "at_s", title="seconds since the first window", axis={"format": "~r", "tickCount": 10} | svg.APART
)
_AT_VALUE = svg.BY_ARM | {"x": _AT, "y": svg.log_y("value", None)}
_SLICES = _AT_VALUE | {"detail": svg.category("round")}
_DISCARDED = _AT_VALUE | {"color": {"value": "var(--worse)"}, "shape": {"value": "cross"}}
_UNSTEADY = _AT_VALUE | {"shape": {"value": "triangle-up"}}
_EVENT = {"size": 60, "strokeWidth": 2, "opacity": 1}
_TIMELINE = {
    "layer": [
        svg.mark("rule", {"x": _AT}, where="datum.kind == 'block'", color=svg.FAINT, strokeDash=[2, 2]),
        svg.mark("line", _SLICES, where="datum.kind == 'slice'", strokeWidth=1.6),
        svg.mark("point", _DISCARDED, where="datum.event == 'discarded'", **_EVENT),
        svg.mark("point", _UNSTEADY, where="datum.event == 'unsteady'", **_EVENT),
    ],
    "width": 820,
    "height": 84,
}


def _slice_data(results: Results, one: Round, start_s: float) -> Iterator[dict[str, Any]]:
    arm = visible(one.arm)
    # A search tries many levels: its rounds share one panel.
    is_searched = plan_value(results, "scenarios", one.scenario, "load", "objective")
    level = "" if is_searched else level_text(results, one.scenario, one.level)
    texts = (arm, level, f"block {one.block + 1}", units.rate(one.load.rate_rps), *_events(one))
    for quantity in (_RATE, _P99):
        event = "discarded" if one.discarded else "" if one.load.steady else "unsteady"
        for moment in find_moments(one):
            value = moment.rate_rps if quantity == _RATE else (moment.p99_s or 0) * _MS_PER_S
            if value:
                yield {
                    "level": ": ".join(filter(None, (level, quantity))),
                    "kind": "slice",
                    "at_s": moment.at_s - start_s,
                    "value": value,
                    "arm": arm,
                    "round": f"{one.block}-{one.order}-{one.level}-{one.arm}",
                    "event": event,
                    "tip": ", ".join(filter(None, texts)),
                }
                event = ""


def _events(one: Round) -> list[str]:
    discarded = [f"discarded: {visible(one.discarded)}"] if one.discarded else []
    return discarded + ([] if one.load.steady else ["not yet steady"])
