"""Latency spectra: how the response times of all arms are distributed, one chart a scenario."""

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
    by_level,
    draw,
    find_looks,
    guide,
    legend,
    overlay,
    told,
)
from portcompare.report.wording import NOT_KNOWN, level_text, visible

if TYPE_CHECKING:
    from portcompare.records.results import Results, Spectrum
    from portcompare.report.charts.svg import Look

_WIDTH, _HEIGHT = 400, 190
_MS_PER_S = 1e3

NAMED = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999, "p99.99": 0.9999}
"""The percentiles that the axis and the table name."""

_NAMES = {quantile: name for name, quantile in NAMED.items()}
_AXIS = guide(
    values=[2, 10, 100, 1000, 10_000],
    labelExpr="'p' + format(100 - 100 / datum.value, '~r')",
    grid=True,
    gridOpacity=0.6,
    labelOverlap=False,
)


def spectrum_chart(results: Results, scenario: str) -> tuple[Figure, ...]:
    """Draw how the response times of a scenario are distributed."""
    spectra = [one for one in results.spectra if one.scenario == scenario]
    if not spectra:
        return ()
    looks = find_looks(results)
    data = [datum for one in spectra for datum in _data(results, one, looks[one.arm])]
    title, subtitle = "Latency spectrum", "response time in ms by percentile, both axes logarithmic"
    description = (
        f"Line chart for scenario {visible(scenario)}: from left to right the percentiles from the minimum to"
        " p99.99, upwards the response time; one line for each arm, one panel for each level."
    )
    figure = Figure(
        name="latency-spectrum",
        title=title,
        scenario=visible(scenario),
        subtitle=subtitle,
        description=description,
        svg=draw(_chart(looks), {"rows": data}, f"{title}, {subtitle}", description),
        header=("Level", "Arm", "Requests", *NAMED),
        rows=tuple(_row(results, one) for one in spectra),
        arms=legend(looks, [one.arm for one in spectra]),
        note="All requests of all rounds that count, merged; a line ends where no request lies beyond.",
    )
    return (figure,)


def _chart(looks: dict[str, Look]) -> alt.FacetChart:
    base = alt.Chart().encode(
        x=alt.X("beyond:Q", title="percentile", axis=_AXIS, scale=guide(type="log", nice=False)),
        y=alt.Y(
            "ms:Q",
            title="response time in ms",
            scale=guide(type="log"),
            axis=guide(format="~r", values=TICKS, grid=True, gridOpacity=0.6),
        ),
        color=arm_colour(looks),
        description="told:N",
    )
    layers = (
        base.mark_line(strokeWidth=2).encode(strokeDash=arm_dash(looks)),
        base.transform_filter("datum.named")
        .mark_point(filled=True, size=34, opacity=1)
        .encode(shape=arm_shape(looks)),
    )
    chart = overlay(*layers, data=ROWS, width=_WIDTH, height=_HEIGHT)
    # One of n requests lies beyond the quantile 1 - 1/n: that spreads the tail out.
    return by_level(chart.transform_calculate(beyond="1 / (1 - datum.quantile)"), own="y")


def _data(results: Results, one: Spectrum, look: Look) -> list[dict[str, Any]]:
    level = level_text(results, one.scenario, one.level)
    return [
        {
            "level": level,
            "arm": look.label,
            "quantile": point.quantile,
            "ms": point.latency_s * _MS_PER_S,
            "named": point.quantile in _NAMES,
            "told": told(
                f"{look.label}, {_NAMES.get(point.quantile, '')} {units.duration(point.latency_s)}",
                look.colour,
            ),
        }
        for point in one.points
        if point.latency_s > 0
    ]


def _row(results: Results, one: Spectrum) -> tuple[str, ...]:
    found = {point.quantile: units.duration(point.latency_s) for point in one.points}
    return (
        level_text(results, one.scenario, one.level),
        visible(one.arm),
        f"{one.requests:,}",
        *(found.get(quantile, NOT_KNOWN) for quantile in NAMED.values()),
    )
