"""The formats in which a run is written for people and machines, one exporter each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from portcompare.report.files import write_atomically
from portcompare.report.formats import (
    chart_files,
    csv_comparisons,
    csv_rounds,
    hgrm,
    html,
    junit_run,
    manifest_text,
    markdown,
    openmetrics,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from portcompare.records.results import Results


class Exporter(Protocol):
    """Renders a run; the same run always gives the same bytes."""

    def __call__(self, results: Results) -> str | Mapping[str, bytes]:
        """Render a run."""
        ...


EXPORTERS: dict[str, Exporter] = {
    "report.md": markdown.render,
    "report.html": html.render,
    chart_files.CHART_FOLDER: chart_files.render,
    "rounds.csv": csv_rounds.render,
    "comparisons.csv": csv_comparisons.render,
    "junit.xml": junit_run.render,
    "metrics.txt": openmetrics.render,
    hgrm.SPECTRUM_FOLDER: hgrm.render,
    "manifest.txt": manifest_text.render,
}
"""Every format by the name of its file or folder."""


def write_reports(results: Results, folder: Path) -> tuple[Path, ...]:
    """Write a run in every format.

    Raises OSError if a file cannot be written.
    """
    return tuple(_write(results, folder))


def _write(results: Results, folder: Path) -> Iterator[Path]:
    for name, render in EXPORTERS.items():
        content = render(results)
        if isinstance(content, str):
            write_atomically(folder / name, content)
        for inner, data in ({} if isinstance(content, str) else content).items():
            write_atomically(folder / name / inner, data)
        if content:
            yield folder / name
