"""`portcompare check`: do all deployments answer alike?"""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path

import typer

from portcompare.cli.comparison import ask_everything, serve
from portcompare.cli.console import out
from portcompare.cli.options import DEFAULT_PLAN, AsJson, PlanPath
from portcompare.cli.progress import Progress
from portcompare.cli.session import open_session, read_plan
from portcompare.errors import EXIT_COMPARISON_SAYS_NO, EXIT_DONE
from portcompare.model import SCHEMA_VERSION
from portcompare.report import render_parity


def check(plan_path: PlanPath = DEFAULT_PLAN, as_json: AsJson = False) -> None:  # noqa: FBT002 - a flag
    """Compare the answers of baseline and candidates, and nothing else."""
    plan = read_plan(plan_path)
    with (
        tempfile.TemporaryDirectory(prefix="portcompare-") as folder,
        Progress(least_rounds=0) as progress,
        open_session(plan, Path(folder)) as session,
        serve(session, Path(folder)) as servers,
    ):
        parity = ask_everything(session, servers, progress).parity
    if as_json:
        out.print(
            json.dumps({"schema_version": SCHEMA_VERSION} | asdict(parity), indent=2),
            soft_wrap=True,
            markup=False,
        )
    else:
        out.print(render_parity(parity))
    raise typer.Exit(EXIT_DONE if parity.equal else EXIT_COMPARISON_SAYS_NO)
