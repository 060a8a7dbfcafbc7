"""`portcompare try`: what would a port of this Flask project gain, and would it respond alike?"""

import shlex
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Option

from portcompare.cli.options import (
    SCHEMA_VERSION,
    AsJson,
    ProjectPath,
    find_project,
    print_json,
    print_line,
    print_results,
    read_duration,
)
from portcompare.cli.port import require_libcst
from portcompare.errors import EXIT_COMPARISON_SAYS_NO, EXIT_DONE, EXIT_NOT_VALID, refuse
from portcompare.records.run_summary import REPORT_FILE, RUNS
from portcompare.report.formats.terminal import Shown, render_parity
from portcompare.run.comparison import find_folder_problems, name_run_folder
from portcompare.run.progress import Progress, out

if TYPE_CHECKING:
    from portcompare.run.trial import Trial

_MOST_SHOWN = 5
LEAST_S = 120.0  # ports, imports and the comparison of responses take their time of it


def try_(
    project: ProjectPath = Path(),
    *,
    out_folder: Annotated[
        Path | None, Option("--out", metavar="DIR", help="where to write all; default: runs/TIME-try-NAME")
    ] = None,
    budget: Annotated[str, Option(metavar="TIME", help="longest duration: 300, 300s or 5m")] = "5m",
    writes: Annotated[
        bool, Option("--writes", help="also compare requests that change data, in copies of the project")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Port a Flask project by rule, compare the port's responses, and measure what it gains."""
    folder = find_project(project)
    budget_s = read_duration("--budget", budget)
    if budget_s < LEAST_S:
        raise refuse("--budget", f"is {budget}", f"give {LEAST_S:g} seconds or more")
    target = (out_folder or name_run_folder(f"try-{folder.name}", datetime.now(UTC))).absolute()
    if target.is_relative_to(folder) and not target.is_relative_to(RUNS.absolute()):
        raise refuse(f"--out {target}", "is within the project", "name a folder outside of it")
    for problem in find_folder_problems(target / "run"):
        raise refuse(problem.where, problem.found, problem.remedy)
    require_libcst("servers")
    from portcompare.run.trial import try_port  # noqa: PLC0415 - its libcst is installed by an extra

    with Progress() as progress:
        trial = try_port(folder, target, budget_s=budget_s, writes=writes, progress=progress)
    if as_json:
        document = {
            "schema_version": SCHEMA_VERSION,
            "folder": str(target),
            "routes": [asdict(each) for each in trial.port.routes],
            "left_by_hand": [asdict(each) for each in trial.port.left],
            "parity": asdict(trial.parity),
            "results": asdict(trial.results) if trial.results else None,
        }
        print_json(document)
    else:
        _print(trial, target)
    raise typer.Exit(_exit_code(trial))


def _print(trial: "Trial", folder: Path) -> None:
    outcomes = Counter(each.outcome for each in trial.port.routes)
    print_line(f"Port: {', '.join(f'{number} {what}' for what, number in outcomes.items())}")
    for left in trial.port.left[:_MOST_SHOWN]:
        print_line(f"  by hand: {left.place}: {left.why}")
    if len(trial.port.left) > _MOST_SHOWN:
        print_line(f"  and {len(trial.port.left) - _MOST_SHOWN} more by hand: portcompare port lists all")
    more = f"portcompare check {shlex.quote(f'{folder}/plan.toml')} lists all"
    out.print(render_parity(trial.parity, Shown(most_rows=_MOST_SHOWN, more=more, commands=more)), crop=False)
    print_line(f"all files: {folder}\n")
    if trial.results is None:
        print_line("Nothing was measured: no request is responded to alike.")
    else:
        print_results(trial.results, folder / "run" / REPORT_FILE, verbose=False)


def _exit_code(trial: "Trial") -> int:
    if trial.port.left or not trial.parity.equal:
        return EXIT_COMPARISON_SAYS_NO
    return EXIT_DONE if trial.results and trial.results.valid else EXIT_NOT_VALID
