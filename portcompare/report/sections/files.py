"""What a reader of the web page can take away: files inside it, and files beside it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from portcompare import units
from portcompare.records.results import RESULTS_FILE
from portcompare.report.files import encode
from portcompare.report.formats import csv_comparisons, csv_rounds
from portcompare.report.formats.histograms import HISTOGRAM_FOLDER
from portcompare.report.formats.results_file import results_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from portcompare.records.results import Results

_INSIDE: dict[str, tuple[str, Callable[[Results], str]]] = {
    "comparisons.csv": ("text/csv", csv_comparisons.render),
    "rounds.csv": ("text/csv", csv_rounds.render),
    RESULTS_FILE: ("application/json", results_text),
}
"""Media type and exporter of what the page carries, so that it can be mailed alone."""

MOST_BYTES = 600_000
"""What is larger is left out: three such files in base64 still leave the page below 3 MB."""

BESIDE = (
    (RESULTS_FILE, "the whole run; everything here is made from it"),
    ("comparisons.csv", "each ratio with its interval and verdict"),
    ("rounds.csv", "each round as it was measured"),
    ("report.md", "this report for a pull request or a CI summary"),
    ("junit.xml", "validity, answers and comparisons as tests"),
    ("metrics.txt", "OpenMetrics"),
    ("charts/", "each chart as SVG, the main ones as PNG"),
    ("spectra/", "latency percentiles for the HdrHistogram plotter"),
    (f"{HISTOGRAM_FOLDER}/", "the latencies of every round as HdrHistogram logs"),
    ("manifest.txt", "the conditions, one a line, to be compared by diff"),
)
"""The files of a run's folder, and what each is for."""


def files_inside(results: Results) -> Iterator[tuple[str, str, str]]:
    """The files that the page carries."""
    for name, (media_type, render) in _INSIDE.items():
        content = encode(render(results))
        if len(content) <= MOST_BYTES:
            address = f"data:{media_type};base64,{base64.b64encode(content).decode()}"
            yield name, units.size(len(content)), address
