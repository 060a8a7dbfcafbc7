"""Reports: one `render` a format; no arithmetic."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from portcompare.records.estimates import RunDiff
from portcompare.records.results import Results
from portcompare.report import charts
from portcompare.report.formats import csv, diff, histograms, html, junit, markdown, openmetrics
from portcompare.report.formats.results_file import render_manifest, write_atomically


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
    """Write a run in every format."""
    written = []
    for name, render in EXPORTERS.items():
        content = render(results)
        files = (
            {name: content} if isinstance(content, str) else {f"{name}/{k}": v for k, v in content.items()}
        )
        for path, data in files.items():
            write_atomically(folder / path, data)
        if content:
            written.append(folder / name)
    return tuple(written)


def write_diff(found: RunDiff, results: Results, folder: Path) -> tuple[Path, ...]:
    """Write a comparison of two runs in every format."""
    for name, render in DIFF_EXPORTERS.items():
        write_atomically(folder / name, render(found, results))
    return tuple(folder / name for name in DIFF_EXPORTERS)
