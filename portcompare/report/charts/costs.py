"""What an arm takes: CPU time, memory, and money where the plan names a price; one chart a scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt

from portcompare import units
from portcompare.report.charts.svg import (
    ROW_HEIGHT,
    ROWS,
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
from portcompare.report.wording import NOT_KNOWN, exact, known, level_text, plan_value, visible

if TYPE_CHECKING:
    from collections.abc import Callable

    from portcompare.records.results import Results, Summary
    from portcompare.report.charts.svg import Look

_WIDTH = 170
_US_PER_S = 1e6
_MIB = 1024**2


def money(results: Results) -> Callable[[float], str]:
    """How an amount of the plan's currency is shown."""
    currency = visible(plan_value(results, "cost", "currency") or "")
    return lambda amount: f"{units.significant(amount)} {currency}".strip()


def price_text(results: Results) -> str:
    """What the plan says that CPU time costs."""
    price = plan_value(results, "cost", "per_core_hour")
    if price is None:
        return ""
    currency = visible(plan_value(results, "cost", "currency") or "")
    return f"Cost: the CPU time alone, at {exact(price)} {currency} for an hour of a core, as the plan says."


def cost_chart(results: Results, scenario: str) -> tuple[Figure, ...]:
    """Draw what the arms take in a scenario."""
    summaries = [one for one in results.summaries if one.scenario == scenario]
    if not any(one.cpu_s_per_request or one.rss_peak_bytes for one in summaries):
        return ()
    looks = find_looks(results)
    priced = any(one.cost_per_million is not None for one in summaries)
    title = "What it takes"
    subtitle = "CPU time per request in us, highest memory in MiB" + (
        ", cost per million requests" if priced else ""
    )
    description = (
        f"Bars for scenario {visible(scenario)}, one row for each level and arm, side by side: {subtitle}."
    )
    data = [_datum(results, one, looks[one.arm]) for one in summaries]
    fields = {"cpu_us": "CPU per request, us", "rss_mib": "peak memory, MiB"}
    if priced:
        fields["cost"] = f"{visible(plan_value(results, 'cost', 'currency') or '')} per million"
    panels = [
        _panel(looks, field, name, is_first=not number) for number, (field, name) in enumerate(fields.items())
    ]
    chart = alt.hconcat(*panels, spacing=18)
    show = money(results)
    figure = Figure(
        name="cost",
        title=title,
        scenario=visible(scenario),
        subtitle=subtitle,
        description=description,
        svg=draw(chart, {"rows": data}, f"{title}, {subtitle}", description),
        header=("Level", "Arm", "CPU per request", "Peak memory", *["Cost per million"] * priced),
        rows=tuple(_row(results, one, show, is_priced=priced) for one in summaries),
        arms=legend(looks, [one.arm for one in summaries]),
        note=price_text(results),
        wide=True,
    )
    return (figure,)


def _panel(looks: dict[str, Look], field: str, title: str, *, is_first: bool) -> alt.FacetChart:
    names = [look.label for look in looks.values()]
    axis = arm_axis() if is_first else None
    bars = (
        alt.Chart()
        .mark_bar(height=13)
        .encode(
            x=alt.X(
                f"{field}:Q", title=title, axis=guide(format="~r", grid=True, gridOpacity=0.6, tickCount=3)
            ),
            y=alt.Y("arm:N", sort=names, title=None, axis=axis),
            color=arm_colour(looks),
            description=f"{field}_told:N",
        )
    )
    return by_level(overlay(bars, data=ROWS, width=_WIDTH, height=alt.Step(ROW_HEIGHT)))


def _datum(results: Results, one: Summary, look: Look) -> dict[str, Any]:
    cpu_s, rss_bytes = one.cpu_s_per_request, one.rss_peak_bytes
    show = money(results)
    texts = {
        "cpu_us_told": known(cpu_s, units.duration),
        "rss_mib_told": known(rss_bytes, units.size),
        "cost_told": known(one.cost_per_million, show),
    }
    return {
        "level": level_text(results, one.scenario, one.level),
        "arm": look.label,
        "cpu_us": None if cpu_s is None else cpu_s * _US_PER_S,
        "rss_mib": None if rss_bytes is None else rss_bytes / _MIB,
        "cost": one.cost_per_million,
    } | {
        field: told(f"{look.label}: {text}", look.colour)
        for field, text in texts.items()
        if text != NOT_KNOWN
    }


def _row(results: Results, one: Summary, show: Callable[[float], str], *, is_priced: bool) -> tuple[str, ...]:
    return (
        level_text(results, one.scenario, one.level),
        visible(one.arm),
        known(one.cpu_s_per_request, units.duration),
        known(one.rss_peak_bytes, units.size),
        *[known(one.cost_per_million, show)] * is_priced,
    )
