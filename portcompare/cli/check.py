"""`portcompare check`: do all deployments respond alike?"""

import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from portcompare.cli.options import (
    DEFAULT_PLAN,
    SCHEMA_VERSION,
    AsJson,
    PlanPath,
    parity_exit_code,
    print_json,
    print_line,
    read_duration,
    read_plan,
    writing,
)
from portcompare.errors import Problem
from portcompare.masking import mask_passwords
from portcompare.parity.survey import Limits
from portcompare.report import write_check
from portcompare.report.formats.junit import render_junit
from portcompare.report.formats.results_file import write_atomically
from portcompare.report.formats.terminal import Shown, render_parity
from portcompare.report.sections.responses import COMMANDS_FILE
from portcompare.run.check import check_plan
from portcompare.run.comparison import find_folder_problems, make_folder
from portcompare.run.progress import Progress, out


def check(
    plan_path: PlanPath = DEFAULT_PLAN,
    *,
    junit_path: Annotated[
        Path | None,
        typer.Option("--junit", metavar="FILE", help="also write the results as JUnit XML, for CI"),
    ] = None,
    is_quick: Annotated[
        bool, typer.Option("--quick", help="send the plan's own requests only, without variations")
    ] = False,
    budget: Annotated[
        str | None,
        typer.Option("--budget", metavar="TIME", help="send what fits in this time, such as 60s or 5min"),
    ] = None,
    out_folder: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="also write all there is: report, JSON, JUnit, commands, logs"
        ),
    ] = None,
    is_verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="show all differences, the known ones too")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare the responses of baseline and candidates, without measuring."""
    limits = Limits(is_quick=is_quick)
    if budget is not None:
        limits.deadline_s = time.monotonic() + read_duration("--budget", budget)
        limits.budget = budget
    problems = [*_find_junit_problems(junit_path), *(find_folder_problems(out_folder) if out_folder else ())]
    plan = read_plan(plan_path, problems)
    with (
        make_folder(out_folder)
        if out_folder
        else tempfile.TemporaryDirectory(prefix="portcompare-") as folder,
        Progress() as progress,
    ):
        outcome = check_plan(plan, Path(folder), limits, progress)
    parity = outcome.parity
    cases = tuple(map(mask_passwords, outcome.cases))
    document = {"schema_version": SCHEMA_VERSION} | asdict(parity)
    if out_folder is not None:
        with writing(f"--out {out_folder}"):
            write_check(parity, cases, out_folder, document)
    if junit_path is not None:
        write_atomically(junit_path, render_junit(parity, cases))
    if as_json:
        print_json(document)
    else:
        kept = f"{out_folder / COMMANDS_FILE} has all" if out_folder else "`--out DIR` keeps all"
        shown = Shown(more="`--verbose` lists them", commands=kept)
        out.print(render_parity(parity, replace(shown, most_rows=None) if is_verbose else shown), crop=False)
        print_line(
            f"\nall results: {out_folder}" if out_folder else "\n`--out DIR` keeps all results and logs"
        )
    raise typer.Exit(parity_exit_code(parity))


def _find_junit_problems(path: Path | None) -> Iterator[Problem]:
    """What would keep the file from being written, before minutes are spent on its content."""
    if path is not None and path.is_dir():
        yield Problem(where="--junit", found=f"{path} is a folder", remedy="name a file")
    elif path is not None and not os.access(path.parent, os.W_OK):
        found = f"nothing can be written in {path.parent}"
        yield Problem(where="--junit", found=found, remedy="name a file in a folder that you may write to")
