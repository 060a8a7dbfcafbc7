"""The index page over all reports: no script, no network, links to the reports beside it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import altair as alt

from portcompare import units
from portcompare.history.terminal import gates_cell, interval_text, show, started_text, state_text, step_text
from portcompare.records.metrics import METRICS
from portcompare.report import (
    ROWS,
    Figure,
    draw,
    render_page,
    told,
    visible,
    write_atomically,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from portcompare.history.records import History, IndexedRun, Trend


_WIDTH, _HEIGHT = 420, 90


def trend_figure(trends: Sequence[Trend]) -> Figure:
    """Draw what several deployments did in one metric at one level on one machine."""
    first = trends[0]
    metric = METRICS[first.metric]
    title = f"{metric.label}, {first.level_text}"
    subtitle = f"{metric.unit}, by run; {metric.goal}"
    runs = sorted({(point.started_at, point.folder) for trend in trends for point in trend.points})
    places = {folder: place for place, (_, folder) in enumerate(runs, 1)}
    steps = [f"{visible(trend.deployment)}: {step_text(trend)}" for trend in trends if trend.step is not None]
    description = (
        "A panel for each deployment, from the first run to the last: a point at the value, a line over its"
        f" 95% interval, a dashed line where it changed. {' '.join(steps) or 'Nothing changed for sure.'}"
    )
    return Figure(
        name=f"trend-{first.metric}",
        title=title,
        subtitle=subtitle,
        description=description,
        svg=draw(
            _chart(metric.unit, len(places)),
            {"rows": _data(trends, places, metric.per_unit)},
            f"{title}, {subtitle}",
            description,
        ),
        header=("Run", "Started", "Deployment", "Value", "95% interval", "Changed"),
        rows=tuple(
            (
                visible(point.folder),
                started_text(point),
                visible(trend.deployment),
                show(trend)(point.value),
                interval_text(trend, point),
                "here" if trend.step is not None and trend.step.folder == point.folder else "",
            )
            for trend in trends
            for point in trend.points
        ),
    )


def _data(trends: Sequence[Trend], places: Mapping[str, int], factor: float) -> list[dict[str, Any]]:
    return [
        {
            "deployment": visible(trend.deployment),
            "run": places[point.folder],
            "value": point.value * factor,
            "low": point.low * factor,
            "high": point.high * factor,
            "step": trend.step is not None and trend.step.folder == point.folder,
            "told": told(f"{visible(point.folder)}: {show(trend)(point.value)}"),
        }
        for trend in trends
        for point in trend.points
    ]


def _chart(unit: str, runs: int) -> alt.FacetChart:
    run = alt.X(
        "run:Q",
        title="run, from the first to the last",
        scale=alt.Scale(domain=[0.5, runs + 0.5], nice=False),
        axis=alt.Axis(tickMinStep=1, format="d"),
    )
    value = alt.Y("value:Q", title=unit, scale=alt.Scale(zero=False), axis=alt.Axis(grid=True, tickCount=4))
    base = alt.Chart().encode(x=run, description="told:N")
    chart: alt.FacetChart = (
        alt.layer(
            base.transform_filter("datum.step").mark_rule(
                color="var(--worse)", strokeDash=[4, 3], strokeWidth=1.5
            ),
            base.mark_rule(color="var(--accent)", strokeWidth=1.5).encode(y=alt.Y("low:Q"), y2="high:Q"),
            base.mark_line(color="var(--line)", strokeWidth=1).encode(y=value),
            base.mark_point(color="var(--accent)", filled=True, size=40, opacity=1).encode(y=value),
            data=ROWS,
        )
        .properties(width=_WIDTH, height=_HEIGHT)
        .facet(
            facet=alt.Facet("deployment:N", sort=None, title=None, header=alt.Header(labelAnchor="start")),
            columns=1,
        )
        .resolve_scale(y="independent")
    )
    return chart


INDEX_FILE = "index.html"
_REPORT_FILE = "report.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """A run as the page lists it."""

    folder: str  # Name of its folder
    link: str  # Where its report is; empty if there is none
    name: str  # Of its plan
    started: str  # When it was started
    duration: str  # How long it took
    state: str  # Whether it may be relied on
    is_sound: bool  # Whether it is valid and complete
    gates: str  # What its gates came to
    deployments: str  # What was measured; of a broken run, why it is broken
    headline: str  # What it came to


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The trends of one scenario on one machine."""

    scenario: str  # Name of the scenario
    machine: str  # The machine
    figures: tuple[Figure, ...]  # A figure for each level and metric


def write_index_page(history: History, runs: Path) -> Path:
    """Write the page beside the run folders.

    Raises OSError if it cannot be written.
    """
    path = runs / INDEX_FILE
    page = render_page(
        "history.html.j2",
        runs=[_row(run, runs) for run in history.runs],
        parts=_parts([trend for trend in history.trends if len(trend.points) > 1]),
    )
    write_atomically(path, page)
    return path


def _row(run: IndexedRun, runs: Path) -> RunRow:
    has_report = (runs / run.folder / _REPORT_FILE).is_file()
    state = state_text(run)
    return RunRow(
        folder=visible(run.folder),
        link=f"{quote(run.folder, safe='')}/{_REPORT_FILE}" if has_report else "",
        name=visible(run.name),
        started=started_text(run),
        duration=units.duration(run.duration_s) if run.broken is None else "",
        state=state,
        is_sound=state == "valid",
        gates=gates_cell(run),
        deployments=visible(run.broken if run.broken is not None else ", ".join(run.deployments)),
        headline=visible(run.headline),
    )


def _parts(trends: list[Trend]) -> list[Part]:
    trends = sorted(trends, key=lambda one: (one.scenario, one.machine))  # stable: all else keeps its order
    return [
        Part(
            scenario=visible(scenario),
            machine=visible(machine),
            figures=tuple(
                trend_figure(list(group))
                for _, group in groupby(
                    sorted(found, key=lambda one: (one.level, list(METRICS).index(one.metric))),
                    key=lambda one: (one.level, one.metric),
                )
            ),
        )
        for (scenario, machine), found in groupby(trends, key=lambda one: (one.scenario, one.machine))
    ]
