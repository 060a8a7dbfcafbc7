"""The index page over all reports: no script, no network, links to the reports beside it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING
from urllib.parse import quote

from portcompare import units
from portcompare.history.chart import trend_figure
from portcompare.history.words import gates_cell, started_text, state_text
from portcompare.model import METRICS
from portcompare.report import Figure, render_page, visible, write_atomically

if TYPE_CHECKING:
    from pathlib import Path

    from portcompare.history.records import History, IndexedRun, Trend

INDEX_FILE = "index.html"
_REPORT_FILE = "report.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """A run as the page lists it.

    Attributes:
        folder: Name of its folder.
        link: Where its report is; empty if there is none.
        name: Of its plan.
        started: When it was started.
        duration: How long it took.
        state: Whether it may be relied on.
        is_sound: Whether it is valid and complete.
        gates: What its gates came to.
        deployments: What was measured; of a broken run, why it is broken.
        headline: What it came to.
    """

    folder: str
    link: str
    name: str
    started: str
    duration: str
    state: str
    is_sound: bool
    gates: str
    deployments: str
    headline: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The trends of one scenario on one machine.

    Attributes:
        scenario: Name of the scenario.
        machine: The machine.
        figures: A figure for each level and metric.
    """

    scenario: str
    machine: str
    figures: tuple[Figure, ...]


def write_index_page(history: History, runs: Path) -> Path:
    """Write the page beside the run folders.

    Args:
        history: The runs, and the trends that are drawn.
        runs: The folder of the run folders.

    Returns:
        The page.

    Raises:
        OSError: If it cannot be written.
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
                    sorted(found, key=lambda one: (one.level, METRICS.index(one.metric))),
                    key=lambda one: (one.level, one.metric),
                )
            ),
        )
        for (scenario, machine), found in groupby(trends, key=lambda one: (one.scenario, one.machine))
    ]
