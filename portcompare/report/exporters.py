"""The formats in which a run is written for people, one exporter each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from portcompare.report import html, manifest_text, markdown
from portcompare.report.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

    from portcompare.model import Results


class Exporter(Protocol):
    """Renders a run; the same run always gives the same text."""

    def __call__(self, results: Results) -> str:
        """Render a run.

        Args:
            results: The run.

        Returns:
            The whole file's text.
        """
        ...


EXPORTERS: dict[str, Exporter] = {
    "report.md": markdown.render,
    "report.html": html.render,
    "manifest.txt": manifest_text.render,
}
"""Every format by the name of its file."""


def write_reports(results: Results, folder: Path) -> tuple[Path, ...]:
    """Write a run in every format.

    Args:
        results: The run.
        folder: The run's folder; made if it is missing.

    Returns:
        The files, in the order of `EXPORTERS`.

    Raises:
        OSError: If a file cannot be written.
    """
    paths = []
    for name, render in EXPORTERS.items():
        path = folder / name
        write_atomically(path, render(results))
        paths.append(path)
    return tuple(paths)
