"""The charts of a run: drawn once, shown on the page, and written as files."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import vl_convert

from portcompare.records.results import Results
from portcompare.report.charts.bars import cost_chart, time_chart, waterfalls
from portcompare.report.charts.courses import spectrum_chart, timeline_chart
from portcompare.report.charts.load import capacity_charts, load_chart
from portcompare.report.charts.ratios import heat_maps, ratio_plots
from portcompare.report.charts.svg import Figure, stand_alone
from portcompare.report.formats.results_file import encode, safe_name

CHART_FOLDER = "charts"
_PNG_SCALE = 1.5
_MAIN = ("break-even-", "capacity-", "ratio-throughput", "latency-spectrum")  # What main charts begin with


@dataclass(frozen=True, slots=True, kw_only=True)
class Charts:
    """The charts of a run."""

    whole: dict[str, tuple[Figure, ...]]  # Those of the run as a whole, by the section that shows them
    # By section and scenario, those of each; none of a break-even grid, which has dozens of levels and its
    # heat maps to show them at a glance
    scenarios: dict[str, dict[str, tuple[Figure, ...]]]

    def named(self) -> Iterator[tuple[str, Figure]]:
        """Every chart, by the name of its file."""
        yield from ((figure.name, figure) for figures in self.whole.values() for figure in figures)
        for scenarios in self.scenarios.values():
            for scenario, figures in scenarios.items():
                for figure in figures:
                    yield f"{safe_name(scenario)}-{figure.name}", figure


SUBJECTS: dict[str, Callable[[Results, str], Iterable[Figure]]] = {
    "ratios": ratio_plots,
    "latency": spectrum_chart,
    "load": load_chart,
    "time": time_chart,
    "cost": cost_chart,
    "timeline": timeline_chart,
}
"""The sections that show charts of each scenario, and those that show charts of the whole run."""

WHOLE: dict[str, Callable[[Results], Iterable[Figure]]] = {
    "break_even": heat_maps,
    "load": capacity_charts,
    "pages": waterfalls,
}

_drawn: list[tuple[Results, Charts]] = []
"""Of the last run: several formats show the same charts, and drawing is most of the time they take."""


def draw_charts(results: Results) -> Charts:
    """Draw all charts of a run."""
    for drawn, charts in _drawn:
        if drawn is results:
            return charts
    # Rounds too: scenarios that were searched have no levels of their own.
    measured = [one.scenario for one in results.summaries] + [one.scenario for one in results.rounds]
    names = () if results.sweeps.break_even else tuple(dict.fromkeys(measured))
    charts = Charts(
        whole={section: tuple(draw(results)) for section, draw in WHOLE.items()},
        scenarios={
            section: {name: figures for name in names if (figures := tuple(draw(results, name)))}
            for section, draw in SUBJECTS.items()
        },
    )
    _drawn[:] = [(results, charts)]
    return charts


def main_charts(results: Results) -> dict[str, Figure]:
    """The charts that show most, by the names of their files."""
    return {name: one for name, one in draw_charts(results).named() if one.name.startswith(_MAIN)}


def render(results: Results) -> dict[str, bytes]:
    """Every chart as SVG, and the main ones as PNG for what shows no SVG."""
    files = {}
    main = main_charts(results)
    for name, figure in draw_charts(results).named():
        svg = stand_alone(figure)
        files[f"{name}.svg"] = encode(svg)
        if name in main:
            files[f"{name}.png"] = vl_convert.svg_to_png(svg, scale=_PNG_SCALE)
    return files
