"""`portcompare diagnose`: why do the deployments perform as they do, and what can be done?"""

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
    AsJson,
    PlanPath,
    Rate,
    Scenarios,
    Users,
    print_json_text,
    read_numbers,
    read_plan,
    writing,
)
from portcompare.errors import EXIT_DONE, refuse
from portcompare.plan import remedy_for_unknown
from portcompare.records.diagnosis import DIAGNOSIS_FILE
from portcompare.report.sections.diagnosis import diagnosis_lines
from portcompare.run.advice import try_advice
from portcompare.run.comparison import find_folder_problems, make_folder
from portcompare.run.diagnose import diagnose_plan
from portcompare.run.narrowing import Narrowing, narrow
from portcompare.run.progress import Progress, out


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
