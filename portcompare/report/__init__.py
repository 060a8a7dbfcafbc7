"""Reports: one `render` a format; no arithmetic."""

import json
import resource
from collections.abc import Callable, Mapping, Sequence
from errno import ENOMEM
from pathlib import Path

from portcompare.records.estimates import RunDiff
from portcompare.records.parity import CHECK_FILE, Parity
from portcompare.records.results import Results
from portcompare.report import charts
from portcompare.report.formats import data, diff, documents, junit
from portcompare.report.formats.results_file import render_manifest, write_atomically
from portcompare.report.formats.terminal import print_parity
from portcompare.report.sections.responses import COMMANDS_FILE, commands_text

EXPORTERS: dict[str, Callable[[Results], str | Mapping[str, bytes]]] = {
    "report.md": documents.render_markdown,
    "report.html": documents.render_html,
    charts.CHART_FOLDER: charts.render,
    "rounds.csv": data.render_rounds,
    "comparisons.csv": data.render_comparisons,
    "junit.xml": junit.render,
    "metrics.txt": data.render_openmetrics,
    data.SPECTRUM_FOLDER: data.render_spectra,
    "manifest.txt": render_manifest,
}
"""Every format of a run by the name of its file, or of the folder of its files; the same run gives the same
bytes."""

_LEAST_ADDRESSES_BYTES = 2**37
"""What draws charts reserves tens of gigabytes of addresses, and aborts the process without them."""

DIFF_EXPORTERS: dict[str, Callable[[RunDiff, Results], str]] = {
    "diff.md": diff.render_markdown,
    "diff.html": diff.render_html,
}
"""Every format of the comparison of two runs by the name of its file."""


def write_reports(results: Results, folder: Path) -> tuple[Path, ...]:
    """Write a run in every format; a folder without files is left out.

    Raises OSError: a file cannot be written, or the memory is limited so that no chart can be drawn.
    """
    if 0 <= resource.getrlimit(resource.RLIMIT_AS)[0] < _LEAST_ADDRESSES_BYTES:
        raise OSError(ENOMEM, "no chart can be drawn with so few addresses (ulimit -v)")
    written = []
    for name, export in EXPORTERS.items():
        content = export(results)
        if isinstance(content, str):
            write_atomically(folder / name, content)
        else:
            for inside, file in content.items():
                write_atomically(folder / name / inside, file)
        if content:
            written.append(folder / name)
    return tuple(written)


def write_check(parity: Parity, cases: Sequence[str], folder: Path, document: Mapping[str, object]) -> None:
    """Write a check: its document as JSON, and the same for readers, for CI and for a shell."""
    files = {
        CHECK_FILE: json.dumps(document, indent=2, ensure_ascii=False) + "\n",
        "report.txt": print_parity(parity),
        "junit.xml": junit.render_junit(parity, cases),
        COMMANDS_FILE: commands_text(parity),
    }
    for name, content in files.items():
        write_atomically(folder / name, content)


def write_diff(found: RunDiff, results: Results, folder: Path) -> tuple[Path, ...]:
    """Write a comparison of two runs in every format."""
    for name, render in DIFF_EXPORTERS.items():
        write_atomically(folder / name, render(found, results))
    return tuple(folder / name for name in DIFF_EXPORTERS)
