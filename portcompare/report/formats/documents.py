"""The report: as one HTML file that opens anywhere, and as Markdown, fit for a comment on a pull request.

The HTML file has one small script and a strict policy, and needs no network.
"""

import base64
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from portcompare import units
from portcompare.records.results import RESULTS_FILE, Results
from portcompare.report.charts import draw_charts, main_charts
from portcompare.report.formats import data
from portcompare.report.formats.data import HISTOGRAM_FOLDER
from portcompare.report.formats.results_file import encode, results_text
from portcompare.report.sections import conclusions, load, measured, method, pages, responses, screen
from portcompare.report.sections.measured import work_tables
from portcompare.report.templating import render_template
from portcompare.report.wording import TextTable, advice_cells, clipped, visible

# A comment on GitHub holds 65,536 characters; the rest is in results.json.
_LONGEST_TEXT = 120
_MOST_COMMANDS = 10
_LONGEST_COMMANDS = 1000
_LEFT_OUT = ("responses", "rounds", "files")  # Of the page's sections, those that are too long as they are


def render_html(results: Results) -> str:
    """Render a run as a web page."""
    return render_template(
        "report.html.j2",
        results=results,
        advice=advice_cells(results.advice),
        notices=[notice for notice in conclusions.find_notices(results) if notice.grave],
        sections=list(_sections(results)),
    )


def _sections(results: Results) -> Iterator[dict[str, Any]]:
    charts = draw_charts(results)
    shared = {"results": results, "comparison_header": tuple(measured.COMPARISON_COLUMNS)}
    for name, section in SECTIONS.items():
        values, drawn = section.build(results), charts.scenarios.get(name, {})
        if drawn or any(values.values()):
            values["scenarios"] = {visible(scenario): figures for scenario, figures in drawn.items()}
            values["figures"] = charts.whole.get(name, ())
            body = render_template(f"sections/{name}.html.j2", **shared, **values)
            yield {"name": name, "title": section.title, "folded": section.folded, "body": body}


def _files_inside(results: Results) -> Iterator[tuple[str, str, str]]:
    """The files that the page carries, so that it can be mailed alone, each with its size and address."""
    for name, media_type, render_file in (
        ("comparisons.csv", "text/csv", data.render_comparisons),
        ("rounds.csv", "text/csv", data.render_rounds),
        (RESULTS_FILE, "application/json", results_text),
    ):
        content = encode(render_file(results))
        if len(content) <= _MOST_BYTES:
            address = f"data:{media_type};base64,{base64.b64encode(content).decode()}"
            yield name, units.size(len(content)), address


_MOST_BYTES = 600_000
"""What is larger is left out: three such files in base64 still leave the page below 3 MB."""

BESIDE = (
    (RESULTS_FILE, "the whole run; everything here is made from it"),
    ("comparisons.csv", "each ratio with its interval and verdict"),
    ("rounds.csv", "each round as it was measured"),
    ("report.md", "this report for a pull request or a CI summary"),
    ("junit.xml", "validity, parity and comparisons as tests"),
    ("metrics.txt", "OpenMetrics"),
    ("charts/", "each chart as SVG, the main ones as PNG"),
    ("spectra/", "latency percentiles for the HdrHistogram plotter"),
    (f"{HISTOGRAM_FOLDER}/", "the latencies of every round as HdrHistogram logs"),
    ("manifest.txt", "the conditions, one a line, to be compared by diff"),
)
"""The files of a run's folder, and what each is for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the page with a heading of its own; without values and charts it is left out."""

    title: str
    build: Callable[[Results], dict[str, Any]] = lambda _: {}  # Makes the values that its template shows
    folded: bool = False  # Whether only its heading is shown until it is opened


def _tables(find: Callable[[Results], tuple[TextTable, ...]], title: str) -> Section:
    """A section of tables and charts alone."""
    return Section(title=title, build=lambda results: {"tables": find(results)})


SECTIONS = {
    "conclusions": Section(title="Conclusions", build=conclusions.build),
    "gates": _tables(conclusions.gate_tables, "Gates"),
    "claims": _tables(conclusions.claim_tables, "What people say, tested"),
    "deployments": Section(
        title="What each deployment did",
        build=lambda run: {"groups": measured.rows_by_level(run)},
        folded=True,
    ),
    "ratios": Section(
        title="Candidates against the baseline",
        build=lambda run: {"comparisons": measured.comparison_rows(run)},
    ),
    "latency": Section(title="How response times are distributed"),
    "load": _tables(load.capacity_tables, "What more load does"),
    "break_even": _tables(load.break_even_tables, "From where on a candidate wins"),
    "pages": _tables(pages.page_tables, "What a visitor waits for"),
    "time": Section(title="Where the time goes", folded=True),
    "cost": Section(title="What it costs", folded=True),
    "timeline": Section(title="The run, second by second", folded=True),
    "work": _tables(lambda run: work_tables(run.work), "Work: instructions per request"),
    "responses": Section(title="Responses", build=responses.build),
    "method": Section(title="How it was measured", build=method.build_method, folded=True),
    "validity": Section(title="Whether it can be trusted", build=method.build_validity, folded=True),
    "rounds": Section(
        title="Rounds",
        build=lambda run: {"header": tuple(measured.ROUND_COLUMNS), "rounds": measured.round_rows(run)},
        folded=True,
    ),
    "files": Section(
        title="Files", build=lambda run: {"inside": tuple(_files_inside(run)), "beside": BESIDE}, folded=True
    ),
}
"""Each section in the page's order, by the name of its template in `sections/`."""


def render_markdown(results: Results) -> str:
    """Render a run as GitHub-flavoured Markdown."""
    sections = {name: section.build(results) for name, section in SECTIONS.items() if name not in _LEFT_OUT}
    compared = responses.build(results, _LONGEST_TEXT)
    pairs = [pair for pair in compared["commands"] if sum(map(len, pair)) <= _LONGEST_COMMANDS]
    commands = [line for title, *pair in pairs[:_MOST_COMMANDS] for line in (f"# {title}", *pair)]
    longest = max((len(ticks) for line in commands for ticks in re.findall("`+", line)), default=0)
    text = render_template(
        "report.md.j2",
        **sections,
        results=results,
        advice=advice_cells(results.advice),
        found=conclusions.find_notices(results),
        line_header=screen.HEADER,
        lines=screen.table_rows(sections["conclusions"]["groups"]),
        arm_header=measured.ARM_HEADER,
        comparison_header=tuple(measured.COMPARISON_COLUMNS),
        comparisons=[
            [clipped(cell, _LONGEST_TEXT) for cell in row] for row in sections["ratios"]["comparisons"]
        ],
        charts=main_charts(results),
        responses=compared | {"commands": commands, "fence": "`" * max(longest + 1, 3)},
    )
    return text.rstrip("\n") + "\n"
