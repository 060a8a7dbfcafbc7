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
    print_json,
    read_duration,
    read_plan,
)
from portcompare.errors import EXIT_BAD_INPUT, EXIT_COMPARISON_SAYS_NO, EXIT_DONE, EXIT_NOT_VALID, Problem
from portcompare.parity.outcome import ParityOutcome
from portcompare.parity.survey import Limits
from portcompare.plan import Plan
from portcompare.report.formats.junit import write_junit
from portcompare.report.formats.terminal import render_parity
from portcompare.run.parity import capture_requests, check_parity, recheck_differences
from portcompare.run.phases import prepare, serve
from portcompare.run.progress import Progress, out
from portcompare.run.session import open_session
from portcompare.serve.contacts import describe_contacts, watch_contacts


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
    as_json: AsJson = False,
) -> None:
    """Compare the responses of baseline and candidates, without measuring."""
    limits = Limits(is_quick=is_quick)
    if budget is not None:
        limits.deadline_s = time.monotonic() + read_duration("--budget", budget)
        limits.budget = budget
    outcome = _compare(read_plan(plan_path, _find_junit_problems(junit_path)), limits)
    parity = outcome.parity
    if junit_path is not None:
        write_junit(parity, tuple(outcome.cases), junit_path)
    if as_json:
        print_json({"schema_version": SCHEMA_VERSION} | asdict(parity))
    else:
        out.print(render_parity(parity), crop=False)
    codes = {
        "alike": EXIT_DONE,
        "different": EXIT_COMPARISON_SAYS_NO,
        "not compared": EXIT_NOT_VALID,
    }
    raise typer.Exit(EXIT_BAD_INPUT if parity.faults else codes[parity.verdict])


def _compare(plan: Plan, limits: Limits) -> ParityOutcome:
    """Send all requests, and those whose responses differ once more alone; add the warnings to the record."""
    warnings: list[str] = []
    with (
        tempfile.TemporaryDirectory(prefix="portcompare-") as folder,
        Progress() as progress,
        open_session(plan, Path(folder)) as session,
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
