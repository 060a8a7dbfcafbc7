"""`portcompare check`: do all deployments respond alike?"""

import json
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
    print_json,
    print_line,
    read_duration,
    read_plan,
    writing,
)
from portcompare.errors import EXIT_BAD_INPUT, EXIT_COMPARISON_SAYS_NO, EXIT_DONE, EXIT_NOT_VALID, Problem
from portcompare.parity.logs import SHOW_WARNINGS
from portcompare.parity.outcome import ParityOutcome
from portcompare.parity.survey import Limits
from portcompare.plan import Plan
from portcompare.records.parity import CHECK_FILE
from portcompare.report.formats.junit import render_junit, write_junit
from portcompare.report.formats.results_file import write_atomically
from portcompare.report.formats.terminal import Shown, print_parity, render_parity
from portcompare.report.sections.responses import commands_text
from portcompare.run.comparison import find_folder_problems, make_folder
from portcompare.run.parity import capture_requests, check_parity, recheck_differences
from portcompare.run.phases import prepare, serve
from portcompare.run.progress import Progress, out
from portcompare.run.session import open_session
from portcompare.serve.contacts import describe_contacts, watch_contacts

_COMMANDS = "commands.sh"


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
    plan = show_warnings(read_plan(plan_path, problems))
    with (
        make_folder(out_folder)
        if out_folder
        else tempfile.TemporaryDirectory(prefix="portcompare-") as folder
    ):
        outcome = _compare(plan, limits, Path(folder))
    parity = outcome.parity
    if out_folder is not None:
        with writing(f"--out {out_folder}"):
            _write(outcome, out_folder)
    if junit_path is not None:
        write_junit(parity, tuple(outcome.cases), junit_path)
    if as_json:
        print_json({"schema_version": SCHEMA_VERSION} | asdict(parity))
    else:
        kept = f"{out_folder / _COMMANDS} has all" if out_folder else "`--out DIR` keeps all"
        shown = Shown(more="`--verbose` lists them", commands=kept)
        out.print(render_parity(parity, replace(shown, most_rows=None) if is_verbose else shown), crop=False)
        print_line(
            f"\nall results: {out_folder}" if out_folder else "\n`--out DIR` keeps all results and logs"
        )
    codes = {
        "alike": EXIT_DONE,
        "different": EXIT_COMPARISON_SAYS_NO,
        "not compared": EXIT_NOT_VALID,
    }
    raise typer.Exit(EXIT_BAD_INPUT if parity.faults else codes[parity.verdict])


def show_warnings(plan: Plan) -> Plan:
    """A plan whose servers log what the app has not closed, unless the plan or the user decides otherwise."""
    if not os.environ.keys().isdisjoint(SHOW_WARNINGS):
        return plan
    deployments = {
        name: one.model_copy(
            update={"environment": SHOW_WARNINGS | plan.app_of(name).environment | one.environment}
        )
        for name, one in plan.deployments.items()
    }
    return plan.model_copy(update={"deployments": deployments})


def _write(outcome: ParityOutcome, folder: Path) -> None:
    """Write a check to its folder, beside the logs of its servers."""
    parity = outcome.parity
    as_json = json.dumps({"schema_version": SCHEMA_VERSION} | asdict(parity), indent=2, ensure_ascii=False)
    files = {
        CHECK_FILE: as_json + "\n",
        "report.txt": print_parity(parity),
        "junit.xml": render_junit(parity, tuple(outcome.cases)),
        _COMMANDS: commands_text(parity),
    }
    for name, content in files.items():
        write_atomically(folder / name, content)


def _compare(plan: Plan, limits: Limits, folder: Path) -> ParityOutcome:
    """Send all requests, and those whose responses differ once more alone; add the warnings to the record."""
    warnings: list[str] = []
    with (
        Progress() as progress,
        open_session(plan, folder) as session,
        prepare(session, progress),
    ):
        watched = replace(session, plan=watch_contacts(session.plan, session.folder))
        captured = capture_requests(watched, progress, warnings.append)
        with serve(watched) as servers:
            outcome = check_parity(captured, servers, progress, limits)
            ports = {each.port for each in (*servers.values(), *session.upstreams.values())}
            warnings += describe_contacts(session.folder, servers, ports)
        parity = recheck_differences(session, outcome, progress)
    warnings += (*parity.warnings, *outcome.unused_allowances)
    return replace(outcome, parity=replace(parity, warnings=tuple(warnings)))


def _find_junit_problems(path: Path | None) -> Iterator[Problem]:
    """What would keep the file from being written, before minutes are spent on its content."""
    if path is not None and path.is_dir():
        yield Problem(where="--junit", found=f"{path} is a folder", remedy="name a file")
    elif path is not None and not os.access(path.parent, os.W_OK):
        found = f"nothing can be written in {path.parent}"
        yield Problem(where="--junit", found=found, remedy="name a file in a folder that you may write to")
