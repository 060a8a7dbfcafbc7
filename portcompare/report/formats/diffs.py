"""The formats in which the comparison of two runs is written for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from portcompare.report.files import write_atomically
from portcompare.report.formats import diff_html, diff_markdown

if TYPE_CHECKING:
    from pathlib import Path

    from portcompare.records.changes import RunDiff
    from portcompare.records.results import Results


class DiffExporter(Protocol):
    """Renders a comparison; the same comparison always gives the same text."""

    def __call__(self, diff: RunDiff, results: Results) -> str:
        """Render a comparison."""
        ...


DIFF_EXPORTERS: dict[str, DiffExporter] = {"diff.md": diff_markdown.render, "diff.html": diff_html.render}
"""Every format by the name of its file."""


def write_diff(diff: RunDiff, results: Results, folder: Path) -> tuple[Path, ...]:
    """Write a comparison in every format.

    Raises OSError if a file cannot be written.
    """
    paths = []
    for name, render in DIFF_EXPORTERS.items():
        path = folder / name
        write_atomically(path, render(diff, results))
        paths.append(path)
    return tuple(paths)
