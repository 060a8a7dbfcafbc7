"""`portcompare diagnose` and `work`: why the deployments perform as they do, and what a request takes."""

import json
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text
from typer import Option

from portcompare.cli.options import (
    DEFAULT_PLAN,
    SCHEMA_VERSION,
    AsJson,
    PlanPath,
    Rate,
    Scenarios,
    Users,
    print_json,
    print_json_text,
    print_note,
    read_numbers,
    read_plan,
    writing,
)
from portcompare.errors import EXIT_DONE, EXIT_NOT_VALID, refuse
from portcompare.plan import remedy_for_unknown
from portcompare.records.diagnosis import DIAGNOSIS_FILE
from portcompare.report.formats.terminal import text_table
from portcompare.report.sections.diagnosis import diagnosis_lines
from portcompare.report.sections.measured import work_tables
from portcompare.run.advice import try_advice
from portcompare.run.comparison import find_folder_problems, make_folder
from portcompare.run.diagnose import diagnose_plan
from portcompare.run.narrowing import Narrowing, narrow
from portcompare.run.progress import Progress, out
from portcompare.run.work import count_plan


def diagnose(
    plan_path: PlanPath = DEFAULT_PLAN,
    *,
    scenarios: Scenarios = None,
    arms: Annotated[
        list[str] | None, Option("--arm", metavar="DEPLOYMENT", help="only this deployment; may be repeated")
    ] = None,
    users_text: Users = None,
    rate_rps: Rate = None,
    out_folder: Annotated[
        Path | None,
        Option("--out", metavar="DIR", help="also write all there is: results, flame graphs, logs"),
    ] = None,
    tries: Annotated[
        bool, Option("--try", help="measure the advice that needs no edit of code, up to a minute each")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Find the lines that block, what responses wait for, and what to try, by watching apps under load."""
    users = () if users_text is None else read_numbers("--users", users_text)
    plan = read_plan(plan_path, find_folder_problems(out_folder) if out_folder else ())
    known = [plan.baseline, *plan.candidates]
    for name in arms or ():
        if name not in known:
            raise refuse("--arm", f"the plan has no {name!r}", remedy_for_unknown(name, known))
    plan = narrow(plan, Narrowing(scenarios=scenarios or (), users=users, rate_rps=rate_rps))
    place = (
        tempfile.TemporaryDirectory(prefix="portcompare-") if out_folder is None else make_folder(out_folder)
    )
    with place as folder, Progress() as progress:
        found = diagnose_plan(plan, Path(folder), progress, arms or ())
        if tries:
            found = replace(found, advice=try_advice(plan, found.advice, Path(folder), progress))
        text = json.dumps(asdict(found), indent=2)
        with writing(f"--out {out_folder}"):
            (Path(folder) / DIAGNOSIS_FILE).write_text(text + "\n", encoding="utf-8")
    if as_json:
        print_json_text(text)
    else:
        for line in diagnosis_lines(found):
            out.print(Text(line, style="" if line.startswith(" ") else "bold"), soft_wrap=True)
    raise typer.Exit(EXIT_DONE)


def work(plan_path: PlanPath = DEFAULT_PLAN, *, as_json: AsJson = False) -> None:
    """Count the instructions that each deployment executes for a request, which repeat on any machine."""
    plan = read_plan(plan_path)
    with tempfile.TemporaryDirectory(prefix="portcompare-") as folder, Progress() as progress:
        found = count_plan(plan, Path(folder), progress)
    if as_json:
        print_json(
            {
                "schema_version": SCHEMA_VERSION,
                "deployments": [asdict(one) for one in found.counts],
                "not_counted": found.not_counted,
                "is_layout_fixed": found.is_layout_fixed,
            }
        )
    else:
        for table in work_tables(found):
            out.print(text_table(table))
    for name, reason in found.not_counted.items():
        print_note(f"not counted: {name}: {reason}")
    raise typer.Exit(EXIT_NOT_VALID if found.not_counted else EXIT_DONE)
