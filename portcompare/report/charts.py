"""All charts of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcompare.report.capacity_chart import capacity_charts
from portcompare.report.costs import cost_chart
from portcompare.report.files import safe_name
from portcompare.report.forest import forest_plots
from portcompare.report.heat_map import heat_maps
from portcompare.report.load_curves import load_chart
from portcompare.report.spectrum import spectrum_chart
from portcompare.report.time_parts import time_chart
from portcompare.report.timeline import timeline_chart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from portcompare.model import Results
    from portcompare.report.svg import Figure

Charts = dict[str, tuple["Figure", ...]]
"""The charts of each scenario, by its name."""

_ONE_CHART: dict[str, Callable[[Results, str], Figure | None]] = {
    "latency": spectrum_chart,
    "load": load_chart,
    "time": time_chart,
    "cost": cost_chart,
    "timeline": timeline_chart,
}
"""The subjects of which a scenario has one chart."""


def find_charts(results: Results, subject: str) -> Charts:
    """The charts of one subject.

    Args:
        results: The run.
        subject: "ratios", "latency", "load", "time", "cost" or "timeline".

    Returns:
        Those of each scenario that has any; none for a break-even grid, which has dozens of levels and a heat
        map to show them at a glance.
    """
    if results.sweeps.break_even:
        return {}
    names = dict.fromkeys(one.scenario for one in (*results.summaries, *results.rounds))
    found = {name: _charts(results, subject, name) for name in names}
    return {name: charts for name, charts in found.items() if charts}


def _charts(results: Results, subject: str, scenario: str) -> tuple[Figure, ...]:
    if subject == "ratios":
        return forest_plots(results, scenario)
    chart = _ONE_CHART[subject](results, scenario)
    return () if chart is None else (chart,)


def all_charts(results: Results) -> Iterator[tuple[str, Figure]]:
    """Every chart of a run.

    Args:
        results: The run.

    Yields:
        A name fit for a file, each once, and the chart.
    """
    for figure in (*heat_maps(results), *capacity_charts(results)):
        yield figure.name, figure
    for subject in ("ratios", *_ONE_CHART):
        for scenario, figures in find_charts(results, subject).items():
            for figure in figures:
                yield f"{safe_name(scenario)}-{figure.name}", figure
