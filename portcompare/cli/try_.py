"""`portcompare try`: what would a port of this Flask project gain, and would it respond alike?"""

from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from portcompare.cli.options import (
    SCHEMA_VERSION,
    AsJson,
    print_json,
    print_line,
    print_results,
    read_duration,
)
from portcompare.cli.port import require_libcst
from portcompare.errors import EXIT_COMPARISON_SAYS_NO, EXIT_DONE, EXIT_NOT_VALID, refuse
from portcompare.records.run_summary import REPORT_FILE
from portcompare.report.sections.screen import parity_line
from portcompare.run.comparison import find_folder_problems, name_run_folder
from portcompare.run.progress import Progress
from portcompare.units import count

if TYPE_CHECKING:
    from portcompare.records.parity import Difference
    from portcompare.run.trial import Trial

_MOST_SHOWN = 5
LEAST_S = 90.0


def try_(
    project: Annotated[
        Path, Argument(metavar="[FOLDER]", help="the Flask project's folder", show_default="this one")
    ] = Path(),
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
    folder = project.resolve()
    if not folder.is_dir():
        raise refuse(str(project), "there is no such folder", "name the folder that contains the Flask app")
    budget_s = read_duration("--budget", budget)
    if budget_s < LEAST_S:
        raise refuse("--budget", f"is {budget}", f"give {LEAST_S:g} seconds or more")
    target = (out_folder or name_run_folder(f"try-{folder.name}", datetime.now(UTC))).absolute()
    for problem in find_folder_problems(target / "run"):
        raise refuse(problem.where, problem.found, problem.remedy)
    require_libcst()
    from portcompare.run.trial import try_port  # noqa: PLC0415 - its libcst is installed by an extra

    with Progress() as progress:
        trial = try_port(folder, target, budget_s=budget_s, writes=writes, progress=progress)
    if as_json:
        results = asdict(trial.results) if trial.results else None
        routes = [asdict(each) for each in trial.port.routes]
        left = [asdict(each) for each in trial.port.left]
        parity = asdict(trial.parity)
        print_json(
            {"schema_version": SCHEMA_VERSION, "routes": routes, "left_by_hand": left}
            | {"folder": str(target), "parity": parity, "results": results}
        )
    else:
        _print(trial, target)
    raise typer.Exit(_exit_code(trial))


def _print(trial: "Trial", folder: Path) -> None:
    outcomes = Counter(each.outcome for each in trial.port.routes)
    print_line(f"Port: {', '.join(f'{number} {what}' for what, number in outcomes.items())}")
    for left in trial.port.left[:_MOST_SHOWN]:
        print_line(f"  by hand: {left.place}: {left.why}")
    print_line(parity_line(trial.parity))
    for fault in trial.parity.faults[:_MOST_SHOWN]:
        print_line(f"  {fault.case} does not work on Flask either: {fault.found}")
    differing: dict[str, list[Difference]] = {}
    for each in sorted(trial.parity.differences, key=lambda each: not each.is_own):
        if each.counts:
            differing.setdefault(each.case.partition(" [")[0], []).append(each)
    for request, found in list(differing.items())[:_MOST_SHOWN]:
        cases = len({each.case for each in found})
        more = f" ({count(cases, 'case')} of it)" if cases > 1 else ""
        first = found[0]
        what = f"{first.kind} {first.pointer}".strip()
        sides = f"{first.baseline or 'nothing'} on Flask, {first.candidate or 'nothing'} in the port"
        print_line(f"  {request}{more}: {what}: {sides}")
    if len(differing) > _MOST_SHOWN:
        more = count(len(differing) - _MOST_SHOWN, "request")
        print_line(f"  and {more} more: portcompare check {folder}/plan.toml")
    for warning in trial.parity.warnings:
        if " contacts " in warning:
            print_line(f"  {warning}")
    print_line(f"all files: {folder}\n")
    if trial.results is None:
        print_line("Nothing was measured: no request is responded to alike.")
    else:
        print_results(trial.results, folder / "run" / REPORT_FILE, verbose=False)


def _exit_code(trial: "Trial") -> int:
    if trial.port.left or not trial.parity.equal:
        return EXIT_COMPARISON_SAYS_NO
    return EXIT_DONE if trial.results and trial.results.valid else EXIT_NOT_VALID
