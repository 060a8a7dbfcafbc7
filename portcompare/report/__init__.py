"""Reports: one `render` a format; no arithmetic."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from portcompare.records.changes import RunDiff
from portcompare.records.results import RESULTS_FILE, Results
from portcompare.report import charts
from portcompare.report.charts.svg import ROWS, Figure, draw, tooltip
from portcompare.report.files import write_atomically
from portcompare.report.formats import csv, diff, histograms, html, junit, markdown, openmetrics
from portcompare.report.formats.diff import render_terminal as render_diff
from portcompare.report.formats.histograms import (
    HISTOGRAM_FOLDER,
    Interval,
    histogram_path,
    write_histogram_log,
)
from portcompare.report.formats.html import render_page
from portcompare.report.formats.junit import render_junit, write_junit
from portcompare.report.formats.results_file import read_results, render_manifest, write_results
from portcompare.report.formats.schema import diff_schema, record_schema, results_schema, write_schema
from portcompare.report.formats.terminal import render_conclusions, render_parity, render_table
from portcompare.report.wording import level_text, margin_of, timestamp, visible

__all__ = [
    "DIFF_EXPORTERS",
    "EXPORTERS",
    "HISTOGRAM_FOLDER",
    "RESULTS_FILE",
    "ROWS",
    "Figure",
    "Interval",
    "diff_schema",
    "draw",
    "histogram_path",
    "level_text",
    "margin_of",
    "read_results",
    "record_schema",
    "render_conclusions",
    "render_diff",
    "render_junit",
    "render_page",
    "render_parity",
    "render_table",
    "results_schema",
    "timestamp",
    "tooltip",
    "visible",
    "write_atomically",
    "write_diff",
    "write_histogram_log",
    "write_junit",
    "write_reports",
    "write_results",
    "write_schema",
]


class Exporter(Protocol):
    """Renders a run as a file, or as a folder's files by their names; the same run gives the same bytes."""

    def __call__(self, results: Results) -> str | Mapping[str, bytes]:
        """Render a run."""
        ...


EXPORTERS: dict[str, Exporter] = {
    "report.md": markdown.render,
    "report.html": html.render,
    charts.CHART_FOLDER: charts.render,
    "rounds.csv": csv.render_rounds,
    "comparisons.csv": csv.render_comparisons,
    "junit.xml": junit.render,
    "metrics.txt": openmetrics.render,
    histograms.SPECTRUM_FOLDER: histograms.render_spectra,
    "manifest.txt": render_manifest,
}
"""Every format of a run by the name of its file or folder."""

DIFF_EXPORTERS: dict[str, Callable[[RunDiff, Results], str]] = {
    "diff.md": diff.render_markdown,
    "diff.html": diff.render_html,
}
"""Every format of the comparison of two runs by the name of its file."""


def write_reports(results: Results, folder: Path) -> tuple[Path, ...]:
    """Write a run in every format.

    Raises OSError if a file cannot be written.
    """
    return tuple(_write(results, folder))


def _write(results: Results, folder: Path) -> Iterator[Path]:
    for name, render in EXPORTERS.items():
        content = render(results)
        files = (
            {name: content} if isinstance(content, str) else {f"{name}/{k}": v for k, v in content.items()}
        )
        for path, data in files.items():
            write_atomically(folder / path, data)
        if content:
            yield folder / name


def write_diff(found: RunDiff, results: Results, folder: Path) -> tuple[Path, ...]:
    """Write a comparison of two runs in every format.

    Raises OSError if a file cannot be written.
    """
    for name, render in DIFF_EXPORTERS.items():
        write_atomically(folder / name, render(found, results))
    return tuple(folder / name for name in DIFF_EXPORTERS)
