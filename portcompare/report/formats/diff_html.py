"""The comparison of two runs as one HTML file that opens anywhere: no script, no network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portcompare.report.charts.ratios import Drawn, forest_plots
from portcompare.report.charts.svg import Figure
from portcompare.report.formats.diff_rows import (
    OWN_RATIO,
    RELATIVE_RATIO,
    altered_tables,
    change_tables,
    diff_notices,
    run_line,
)
from portcompare.report.formats.web_page import render_page
from portcompare.report.wording import visible

if TYPE_CHECKING:
    from portcompare.records.changes import Change, RunDiff
    from portcompare.records.results import Results


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioPlots:
    """The ratios of one scenario, drawn."""

    name: str  # The scenario's name
    own: tuple[Figure, ...]  # Each deployment against itself, one figure a metric
    relative: tuple[Figure, ...]  # Each ratio to the baseline against what it was; empty where there is none


def render(diff: RunDiff, results: Results) -> str:
    """Render a comparison as a web page."""
    return render_page(
        "diff.html.j2",
        diff=diff,
        portcompare=results.manifest.portcompare,
        old=run_line(diff.old),
        new=run_line(diff.new),
        notices=diff_notices(diff),
        scenarios=[
            ScenarioPlots(
                name=visible(name),
                own=_plots(results, diff.changes, name, OWN_RATIO),
                relative=_plots(results, diff.relative_changes, name, RELATIVE_RATIO),
            )
            for name in dict.fromkeys(one.scenario for one in diff.changes)
        ],
        changes=change_tables(diff, results),
        altered=altered_tables(diff),
    )


def _plots(results: Results, changes: tuple[Change, ...], scenario: str, ratio_of: str) -> tuple[Figure, ...]:
    return forest_plots(results, [Drawn.of_change(one) for one in changes], scenario, ratio_of)
