"""`portcompare report`: render a finished run again."""

from pathlib import Path
from typing import Annotated

import typer

from portcompare.cli.options import print_line, writing
from portcompare.records.results import RESULTS_FILE
from portcompare.report import write_reports
from portcompare.report.formats.results_file import read_results
from portcompare.report.formats.terminal import render_conclusions, render_table
from portcompare.run.progress import out


def report(
    folder: Annotated[
        Path, typer.Argument(metavar="RUN", help="the run's folder, e.g. runs/20260101T120000-plan")
    ],
) -> None:
    """Write a run's reports again from its results.json, and show them here."""
    results = read_results(folder / RESULTS_FILE)
    with writing(str(folder)):
        paths = write_reports(results, folder)
    out.print(render_table(results))
    out.print(render_conclusions(results))
    for path in paths:
        print_line(str(path))
