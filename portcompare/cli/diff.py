"""`portcompare diff`: compare two finished runs."""

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from portcompare.analyse.diff import Run, diff_runs
from portcompare.cli.options import AsJson, print_json, print_line, refuse, writing
from portcompare.errors import InputError, Problem
from portcompare.records.estimates import RunDiff
from portcompare.records.metrics import METRICS, MetricName
from portcompare.records.results import RESULTS_FILE, Results
from portcompare.report import write_diff
from portcompare.report.formats.diff import render_terminal
from portcompare.report.formats.results_file import read_results
from portcompare.report.wording import level_text, margin_of
from portcompare.run.progress import out

ACROSS_MACHINES = "--across-machines"


def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="folder of the earlier run")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="folder of the later run")],
    *,
    out_folder: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="also write diff.md and diff.html there")
    ] = None,
    across_machines: Annotated[
        bool,
        typer.Option(ACROSS_MACHINES, help="compare runs of different machines, whose figures differ too"),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare two finished runs: each deployment, and its ratio to the baseline, in both."""
    problems: list[Problem] = []
    then, now = (_read(folder, problems) for folder in (old, new))
    if then is None or now is None:
        raise InputError(problems)
    found = diff_runs(
        Run(folder=str(old), results=then),
        Run(folder=str(new), results=now),
        read_margins(now, new),
        partial(level_text, now),
    )
    _check(found, f"{old}, {new}", across_machines=across_machines)
    paths: tuple[Path, ...] = ()
    if out_folder is not None:
        with writing(f"--out {out_folder}"):
            paths = write_diff(found, now, out_folder)
    if as_json:
        print_json(asdict(found))
        return
    out.print(render_terminal(found, now))
    for path in paths:
        print_line(str(path))


def read_margins(results: Results, folder: Path) -> dict[MetricName, float]:
    """The equivalence margins of a finished run; raises InputError if its plan lacks one."""
    margins = {metric: margin for metric in METRICS if (margin := margin_of(results, metric)) is not None}
    missing = ", ".join(metric for metric in METRICS if metric not in margins)
    if missing:
        where = f"{folder / RESULTS_FILE}: plan.rounds.margin"
        raise refuse(where, f"has no margin of {missing}", "restore the file, or measure again")
    return margins


def _read(folder: Path, problems: list[Problem]) -> Results | None:
    try:
        return read_results(folder / RESULTS_FILE)
    except InputError as error:
        problems += error.problems
        return None


def _check(found: RunDiff, where: str, *, across_machines: bool) -> None:
    if found.machines and not across_machines:
        what = "; ".join(f"{one.what} {one.old} and {one.new}" for one in found.machines)
        remedy = f"compare runs of one machine; {ACROSS_MACHINES} compares them all the same"
        raise refuse(where, f"the machines differ: {what}", remedy)
    if not found.changes:
        reasons = "; ".join(["have nothing in common to compare", *found.not_compared])
        remedy = "compare runs of plans that share a scenario, a level of it and a deployment"
        raise refuse(where, reasons, remedy)
