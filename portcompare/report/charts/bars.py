"""Bars: where the response time goes, what an arm takes, and the parts of a page load."""

from collections.abc import Iterator
from typing import Any

from portcompare import units
from portcompare.records.pages import PagePart, PageSummary
from portcompare.records.results import Results, Summary
from portcompare.report.charts import svg
from portcompare.report.charts.svg import Figure, Looks, Spec
from portcompare.report.formats.results_file import safe_name
from portcompare.report.sections.pages import STAGE_NAMES, meanwhile
from portcompare.report.wording import NOT_KNOWN, arm_at, exact, known, latencies, plan_value, visible

_MS_PER_S, _US_PER_S = 1e3, 1e6
_MIB = 1024**2

_HANDLER, _REST, _QUEUE = "in the handler", "server and network", "in line"
_OUTSIDE, _WHOLE = "outside the handler", "not known apart"
_COLOURS = {
    _HANDLER: "var(--part-1)",
    _REST: "var(--part-2)",
    _QUEUE: "var(--stage-queue)",
    _OUTSIDE: "var(--part-2)",
    _WHOLE: "var(--line)",
}
_TIME_NOTE = (
    "The handler's time is what the server reports (Server-Timing: app). What a request takes outside it at"
    " one user, when it waits for no other, is the server's own work and the network; what it takes more"
    " among others is waiting in line. Without a level of one user the two cannot be separated. An arm whose"
    " server reports nothing has one part."
)


def time_chart(results: Results, scenario: str) -> Iterator[Figure]:
    """Draw what the median response time of a scenario is made of."""
    summaries = [one for one in results.summaries if one.scenario == scenario]
    data = [datum for one in summaries for datum in _time_data(results, one)]
    if not data:
        return
    shown = {part: colour for part, colour in _COLOURS.items() if any(d["part"] == part for d in data)}
    legend = {"columns": 3, "columnPadding": 22}  # all parts in one line are wider than half a page
    encoding = svg.TOOLTIP | {
        "x": svg.quantity("ms", title="ms", stack="zero", axis=svg.grid_axis(tickCount=4)),
        "y": svg.arm_y(svg.find_looks(results)),
        "color": svg.category("part", title=None, scale=svg.scale_of(shown), legend=legend),
        "order": {"field": "order"},
    }
    bars = svg.by_rows(svg.bar(encoding), width=250)
    yield svg.draw(
        svg.below_each_other(bars, own="x"),
        {"rows": data},
        name="time",
        title="Where the time goes",
        scenario=visible(scenario),
        subtitle="median response time in ms",
        description=f"Stacked bars for scenario {visible(scenario)}: one row for each level and arm, the time"
        " in the handler first, then the server's own work and the network, then waiting in line.",
        header=("Level", "Arm", "Response time p50", "In the handler", "Outside it", "Of that in line"),
        rows=tuple(
            (
                *arm_at(results, one),
                latencies(one.latency_s)["p50"],
                *(known(s, units.duration) for s in (one.handler_s, one.outside_handler_s, one.queue_s)),
            )
            for one in summaries
        ),
        note=_TIME_NOTE,
    )


def _time_data(results: Results, one: Summary) -> Iterator[dict[str, Any]]:
    if one.latency_s is None:
        return
    if one.handler_s is None or one.outside_handler_s is None:
        parts = {_WHOLE: one.latency_s.p50}
    elif one.queue_s is None or one.overhead_s is None:
        parts = {_HANDLER: one.handler_s, _OUTSIDE: one.outside_handler_s}
    else:
        parts = {_HANDLER: one.handler_s, _REST: one.overhead_s, _QUEUE: one.queue_s}
    level, arm = arm_at(results, one)
    for order, (part, value_s) in enumerate(parts.items()):
        tip = f"{arm}, {part}: {units.duration(value_s)}"
        place = {"level": level, "arm": arm, "part": part, "order": order}
        yield place | {"ms": value_s * _MS_PER_S, "tip": tip}


def cost_chart(results: Results, scenario: str) -> Iterator[Figure]:
    """Draw CPU time and memory of the arms in a scenario, and money where the plan names a price."""
    summaries = [one for one in results.summaries if one.scenario == scenario]
    if not any(one.cpu_s_per_request or one.rss_peak_bytes for one in summaries):
        return
    looks = svg.find_looks(results)
    currency = visible(plan_value(results, "cost", "currency") or "")
    fields = {"cpu_us": "CPU per request, us", "rss_mib": "peak memory, MiB"}
    subtitle = "CPU time per request in us, highest memory in MiB"
    if any(one.cost_per_million is not None for one in summaries):
        fields["cost"] = f"{currency} per million"
        subtitle += ", cost per million requests"
    price = known(plan_value(results, "cost", "per_core_hour"), exact, "")
    note = f"Cost: the CPU time alone, at {price} {currency} for an hour of a core, as the plan says."
    data = [_cost_datum(results, one, currency) for one in summaries]
    yield svg.draw(
        {"hconcat": [_cost_panel(looks, field, name) for field, name in fields.items()], "spacing": 18},
        {"rows": data},
        looks=looks,
        name="cost",
        title="What it takes",
        scenario=visible(scenario),
        subtitle=subtitle,
        description=f"Bars for scenario {visible(scenario)}, one row for each level and arm, side by side:"
        f" {subtitle}.",
        header=("Level", "Arm", *("CPU per request", "Peak memory", "Cost per million")[: len(fields)]),
        rows=tuple((*arm_at(results, one), *_cost_texts(one, currency)[: len(fields)]) for one in summaries),
        arms=svg.legend(looks, data),
        note=note if price else "",
        wide=True,
    )


def _cost_panel(looks: Looks, field: str, title: str) -> Spec:
    encoding = {
        "x": svg.quantity(field, title=title, axis=svg.grid_axis(tickCount=3)),
        "y": svg.arm_y(looks, named=field == "cpu_us"),
        "color": svg.arm_colour(looks),
        "description": svg.category(f"{field}_tip"),
    }
    return svg.below_each_other(svg.by_rows(svg.bar(encoding), width=170))


def _cost_texts(one: Summary, currency: str) -> tuple[str, str, str]:
    return (
        known(one.cpu_s_per_request, units.duration),
        known(one.rss_peak_bytes, units.size),
        known(one.cost_per_million, lambda amount: f"{units.significant(amount)} {currency}".strip()),
    )


def _cost_datum(results: Results, one: Summary, currency: str) -> dict[str, Any]:
    level, arm = arm_at(results, one)
    cpu_s, rss_bytes = one.cpu_s_per_request, one.rss_peak_bytes
    values = {
        "cpu_us": None if cpu_s is None else cpu_s * _US_PER_S,
        "rss_mib": None if rss_bytes is None else rss_bytes / _MIB,
        "cost": one.cost_per_million,
    }
    texts = zip(values, _cost_texts(one, currency), strict=True)
    tips = {f"{field}_tip": f"{arm}: {text}" for field, text in texts if text != NOT_KNOWN}
    return {"level": level, "arm": arm} | values | tips


def waterfalls(results: Results) -> Iterator[Figure]:
    """Draw where the time of each page goes: its parts one after the other, the arms below each other."""
    whole = [one for one in results.pages.summaries if one.parts]
    for page in dict.fromkeys(one.page for one in whole):
        summaries = [one for one in whole if one.page == page]
        parts = [(_condition(one), visible(one.arm), part) for one in summaries for part in one.parts]
        yield svg.draw(
            _waterfall_bars(summaries),
            {"rows": [_part_datum(condition, arm, part) for condition, arm, part in parts]},
            name=f"page-{safe_name(page)}",
            title=visible(page),
            subtitle="until the largest contentful paint, in seconds",
            description=f"Bars for the page {visible(page)}: one for each condition and arm, its parts from"
            " left to right in the order in which they happen in the load in the middle, coloured by whose"
            " time it is.",
            header=("Condition", "Arm", "Part", "Whose time", "From", "To"),
            rows=tuple(
                (
                    condition,
                    arm,
                    part.what,
                    STAGE_NAMES[part.stage],
                    *(units.duration(s) for s in (part.start_s, part.end_s)),
                )
                for condition, arm, part in parts
            ),
        )


def _waterfall_bars(summaries: list[PageSummary]) -> Spec:
    present = {part.stage for one in summaries for part in one.parts}
    colours = {name: f"var(--stage-{stage})" for stage, name in STAGE_NAMES.items() if stage in present}
    legend = {"columns": 2, "columnPadding": 2 * svg.FONT_SLACK, "labelLimit": 0}
    axis = {"grid": True, "gridOpacity": 0.6, "tickCount": 5}
    encoding = svg.TOOLTIP | {
        "y": svg.arm_y(),
        "x": svg.quantity("start", title="seconds", scale={"zero": True, "nice": False}, axis=axis),
        "x2": {"field": "end"},
        "color": svg.category("stage", title=None, scale=svg.scale_of(colours), legend=legend),
    }
    bars = svg.by_rows(svg.bar(encoding), width=270)
    return svg.below_each_other(bars, "condition", list(dict.fromkeys(map(_condition, summaries))))


def _part_datum(condition: str, arm: str, part: PagePart) -> dict[str, Any]:
    tip = f"{arm}, {part.what}: {units.duration(part.end_s - part.start_s)}"
    place = {"condition": condition, "arm": arm, "stage": STAGE_NAMES[part.stage]}
    return place | {"start": part.start_s, "end": part.end_s, "tip": tip}


def _condition(one: PageSummary) -> str:
    return f"{one.kind}, {meanwhile(one.users)} meanwhile" if one.users else f"{one.kind}, idle"
