"""All charts of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portcompare.report.charts.capacity import capacity_charts
from portcompare.report.charts.costs import cost_chart
from portcompare.report.charts.load_curves import load_chart
from portcompare.report.charts.ratios import heat_maps, ratio_plots
from portcompare.report.charts.spectrum import spectrum_chart
from portcompare.report.charts.svg import Figure
from portcompare.report.charts.times import time_chart, timeline_chart
from portcompare.report.charts.waterfall import waterfalls
from portcompare.report.files import safe_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from portcompare.records.results import Results


@dataclass(frozen=True, slots=True, kw_only=True)
class Charts:
    """The charts of a run."""

    heat_maps: tuple[Figure, ...]  # Where each candidate wins; of a break-even grid alone
    capacities: tuple[Figure, ...]  # The capacities found by searches, one chart a scenario
    pages: tuple[Figure, ...]  # Where the time of each page goes
    # By subject and scenario, those of each; none of a break-even grid, which has dozens of levels and its
    # heat maps to show them at a glance
    scenarios: dict[str, dict[str, tuple[Figure, ...]]]

    def named(self) -> Iterator[tuple[str, Figure]]:
        """Every chart."""
        for figure in (*self.heat_maps, *self.capacities, *self.pages):
            yield figure.name, figure
        for scenarios in self.scenarios.values():
            for scenario, figures in scenarios.items():
                for figure in figures:
                    yield f"{safe_name(scenario)}-{figure.name}", figure


_SUBJECTS: dict[str, Callable[[Results, str], tuple[Figure, ...]]] = {
    "ratios": ratio_plots,
    "latency": spectrum_chart,
    "load": load_chart,
    "time": time_chart,
    "cost": cost_chart,
    "timeline": timeline_chart,
}
"""What a scenario has charts of."""

_drawn: list[tuple[Results, Charts]] = []
"""Of the last run: several formats show the same charts, and drawing is most of the time they take."""


def draw_charts(results: Results) -> Charts:
    """Draw all charts of a run."""
    for drawn, charts in _drawn:
        if drawn is results:
            return charts
    names = () if results.sweeps.break_even else _scenario_names(results)
    charts = Charts(
        heat_maps=heat_maps(results),
        capacities=capacity_charts(results),
        pages=waterfalls(results),
        scenarios={
            subject: {name: figures for name in names if (figures := draw(results, name))}
            for subject, draw in _SUBJECTS.items()
        },
    )
    _drawn[:] = [(results, charts)]
    return charts


def main_charts(results: Results) -> dict[str, str]:
    """The charts that tell most, without drawing them."""
    grids = [one.candidate for one in results.sweeps.break_even]
    found = {f"break-even-{safe_name(name)}": f"Break-even of {name}" for name in grids}
    searched = dict.fromkeys(one.scenario for one in results.sweeps.capacities)
    found |= {f"capacity-{safe_name(name)}": f"Capacity, {name}" for name in searched}
    if not grids:
        compared = dict.fromkeys(one.scenario for one in results.comparisons if one.metric == "throughput")
        found |= {f"{safe_name(name)}-ratio-throughput": f"Throughput, {name}" for name in compared}
        spread = dict.fromkeys(one.scenario for one in results.spectra)
        found |= {f"{safe_name(name)}-latency-spectrum": f"Latency spectrum, {name}" for name in spread}
    return found


def _scenario_names(results: Results) -> tuple[str, ...]:
    """The scenarios that were measured, also those that were searched and have no levels of their own."""
    measured = [one.scenario for one in results.summaries] + [one.scenario for one in results.rounds]
    return tuple(dict.fromkeys(measured))
