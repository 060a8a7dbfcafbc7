"""Bars: where the response time goes, what an arm takes, and the parts of a page load."""

from collections.abc import Iterable, Iterator
from typing import Any

from portcompare import units
from portcompare.records.pages import PagePart, PageSummary
from portcompare.records.results import Results
from portcompare.report.charts import svg
from portcompare.report.charts.load import Row, summary_rows, table
from portcompare.report.charts.svg import Figure, Spec
from portcompare.report.formats.results_file import safe_name
from portcompare.report.sections.pages import STAGE_NAMES, meanwhile
from portcompare.report.wording import exact, known, plan_value, visible

_MS_PER_S = 1e3

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
    summaries = summary_rows(results, scenario)
    data = [datum for row in summaries for datum in _time_data(row)]
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
    yield svg.draw(
        svg.below_each_other(svg.by_rows(svg.bar(encoding), width=250), own="x"),
        {"rows": data},
        name="time",
        title="Where the time goes",
        scenario=visible(scenario),
        subtitle="median response time in ms",
        description=f"Stacked bars for scenario {visible(scenario)}: one row for each level and arm, the time"
        " in the handler first, then the server's own work and the network, then waiting in line.",
        note=_TIME_NOTE,
        **table(summaries, "p50", "In the handler", "Outside it", "Of that in line"),
    )


def _time_data(row: Row) -> Iterator[Row]:
    whole, handler, outside, queue = (
        row[name] for name in ("p50", "In the handler", "Outside it", "Of that in line")
    )
    if whole is None:
        return
    if handler is None or outside is None:
        parts = {_WHOLE: whole}
    elif queue is None:
        parts = {_HANDLER: handler, _OUTSIDE: outside}
    else:
        parts = {_HANDLER: handler, _REST: outside - queue, _QUEUE: queue}
    for order, (part, ms) in enumerate(parts.items()):
        tip = f"{row['arm']}, {part}: {units.duration(ms / _MS_PER_S)}"
        place = {"level": row["level"], "arm": row["arm"], "part": part, "order": order}
        yield place | {"ms": ms, "tip": tip}


def cost_chart(results: Results, scenario: str) -> Iterator[Figure]:
    """Draw CPU time and memory of the arms in a scenario, and money where the plan names a price."""
    rows = summary_rows(results, scenario)
    if not any(row["CPU per request"] or row["Peak memory"] for row in rows):
        return
    looks = svg.find_looks(results)
    currency = visible(plan_value(results, "cost", "currency") or "")
    titles = {"CPU per request": "CPU per request, us", "Peak memory": "peak memory, MiB"}
    subtitle = "CPU time per request in us, highest memory in MiB"
    if any(row["Cost per million"] is not None for row in rows):
        titles["Cost per million"] = f"{currency} per million"
        subtitle += ", cost per million requests"
    price = known(plan_value(results, "cost", "per_core_hour"), exact, "")
    note = f"Cost: the CPU time alone, at {price} {currency} for an hour of a core, as the plan says."
    yield svg.draw(
        {"hconcat": [_cost_panel(looks, *each) for each in titles.items()], "spacing": 18},
        {"rows": rows},
        looks=looks,
        name="cost",
        title="What it takes",
        scenario=visible(scenario),
        subtitle=subtitle,
        description=f"Bars for scenario {visible(scenario)}, one row for each level and arm, side by side:"
        f" {subtitle}.",
        arms=svg.legend(looks, rows),
        note=note if price else "",
        wide=True,
        **table(rows, *titles),
    )


def _cost_panel(order: Iterable[str], measure: str, title: str) -> Spec:
    encoding = svg.BY_ARM | {
        "x": svg.quantity(measure, title=title, axis=svg.grid_axis(tickCount=3)),
        "y": svg.arm_y(order, named=measure == "CPU per request"),
        "description": svg.category(f"{measure} tip"),
    }
    return svg.below_each_other(svg.by_rows(svg.bar(encoding), width=170))


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
