"""`portcompare run` and `portcompare check`: do the deployments respond alike, and how fast are they?"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from portcompare.cli.ci import has_summary, show_in_ci
from portcompare.cli.options import (
    DEFAULT_PLAN,
    AsJson,
    ExpectWorkers,
    Listen,
    Processes,
    Rate,
    Scenarios,
    Users,
    Verbose,
    parity_exit_code,
    print_json_text,
    print_results,
    read_duration,
    read_numbers,
    read_plan,
    writing,
)
from portcompare.errors import EXIT_COMPARISON_SAYS_NO, EXIT_DONE, EXIT_NOT_VALID, InputError, Problem, refuse
from portcompare.plan import Plan, plan_keys
from portcompare.plan.types import MOST_S
from portcompare.records.results import RESULTS_FILE, Results
from portcompare.records.run_summary import REPORT_FILE
from portcompare.run.comparison import RunOptions, compare, find_folder_problems, name_run_folder
from portcompare.run.narrowing import QUICK_S, Narrowing, find_left_out, narrow, quicken
from portcompare.run.progress import Progress
from portcompare.run.recording import read_resumable
from portcompare.run.targets import Targets
from portcompare.run.workers import choose_workers
from portcompare.serve.servers import vocabulary


def run(  # noqa: PLR0913 - the options of a command
    what: Annotated[
        list[str] | None,
        Argument(
            metavar="[PLAN | BASELINE CANDIDATE]",
            help="a plan file, or two targets: `module:object` from this folder, or the address of a server",
            show_default=str(DEFAULT_PLAN),
        ),
    ] = None,
    *,
    out_folder: Annotated[
        Path | None, Option("--out", metavar="DIR", help="the run's folder; default: runs/TIME-NAME")
    ] = None,
    resume: Annotated[
        Path | None,
        Option(metavar="RUN", help="complete the run of this folder, which was interrupted or broke off"),
    ] = None,
    budget: Annotated[
        str | None, Option(metavar="TIME", help="longest duration: 90, 120s or 5m; default: rounds.budget_s")
    ] = None,
    is_quick: Annotated[
        bool,
        Option(
            "--quick",
            help="in under three minutes: responses, instructions, one port at one level a scenario; "
            "what gates name comes first",
        ),
    ] = False,
    scenarios: Scenarios = None,
    arms: Annotated[
        list[str] | None,
        Option(
            "--arm",
            metavar="DEPLOYMENT",
            help="only this deployment; repeat it: the first one is the baseline",
        ),
    ] = None,
    paths: Annotated[
        list[str] | None,
        Option("--path", metavar="PATH", help="of two targets: a path with its query; may be repeated"),
    ] = None,
    save_plan: Annotated[
        Path | None, Option(metavar="FILE", help="of two targets: write the plan that compares them")
    ] = None,
    users_text: Users = None,
    rate_rps: Rate = None,
    delay_s: Annotated[
        float | None,
        Option(
            "--delay",
            min=0.0,
            max=MOST_S,
            help="seconds that each response takes, as the query parameter `delay` or delay_parameter",
        ),
    ] = None,
    processes: Processes = 1,
    expect_workers: ExpectWorkers = 0,
    listen: Listen = None,
    is_in_ci: Annotated[
        bool,
        Option(
            "--ci",
            help="in a CI job: report.md is added to $GITHUB_STEP_SUMMARY, or printed where that is not set; "
            "what fails is annotated on GitHub; no animation",
        ),
    ] = False,
    verbose: Verbose = False,
    as_json: AsJson = False,
) -> None:
    """Serve both sides, prove that they respond alike, load them, and report what the port gains."""
    if is_in_ci and as_json:
        raise refuse(
            "--ci, --json", "both are given", f"leave out --json: {RESULTS_FILE} in the run's folder has it"
        )
    users = () if users_text is None else read_numbers("--users", users_text)
    wanted = Narrowing(
        scenarios=scenarios or (), arms=arms or (), users=users, rate_rps=rate_rps, delay_s=delay_s
    )
    workers = choose_workers(processes, expect_workers, listen)
    budget_s = None if budget is None else read_duration("--budget", budget)
    if resume is not None:
        if out_folder is not None:
            remedy = "leave out --out: the run stays in its folder"
            raise refuse("--resume, --out", "both are given", remedy)
        earlier = _read_earlier(resume, is_enough=not what)
        what, budget_s = what or [str(earlier.path)], budget_s or earlier.rounds.budget_s
    known = () if out_folder is None else find_folder_problems(out_folder)
    match what or [str(DEFAULT_PLAN)]:
        case [path] if paths is None and save_plan is None and (":" not in path or Path(path).exists()):
            whole = read_plan(Path(path), known)
            plan = narrow(whole, wanted)
        case [baseline, candidate] if not scenarios and not arms:
            whole = plan = _plan_of((baseline, candidate), paths or ["/"], wanted, save_plan, known)
        case _:
            raise refuse(
                "arguments",
                "are neither a plan nor two targets with their load",
                "give a plan, with --scenario and --arm for a part of it; or BASELINE CANDIDATE, two targets "
                "such as `module:app` or `http://127.0.0.1:8000`, with --path and --save-plan",
            )
    left_out = find_left_out(whole, plan)
    if is_quick:
        plan, left_out = quicken(plan, budget_s or QUICK_S, left_out)
    if budget_s is not None:
        plan = plan.model_copy(update={"rounds": plan.rounds.model_copy(update={"budget_s": budget_s})})
    folder = resume or out_folder or name_run_folder(plan.name, datetime.now(UTC))
    with Progress(is_animated=not is_in_ci) as progress:
        options = RunOptions(folder=folder, workers=workers, left_out=left_out, is_resumed=resume is not None)
        results = compare(plan, options, progress)
    if is_in_ci:
        show_in_ci(results, plan, whole, folder)
    _print_run(results, folder, verbose=verbose, as_json=as_json, is_printed=is_in_ci and not has_summary())
    raise typer.Exit(_exit_code(results))


def _read_earlier(resume: Path, *, is_enough: bool) -> Plan:
    """The plan of a run that is to be completed; `is_enough`: whether no other one was given."""
    earlier = read_resumable(resume).plan
    if is_enough and not earlier.path.exists():
        found = f"its plan, {earlier.path}, does not exist"
        raise refuse(f"--resume {resume}", found, "give the plan, or the two targets, as the run had them")
    return earlier


def _plan_of(
    pair: tuple[str, str],
    paths: Sequence[str],
    wanted: Narrowing,
    save_plan: Path | None,
    known: Iterable[Problem],
) -> Plan:
    """The plan that compares two targets, written if that is wanted."""
    if problems := list(known):
        raise InputError(problems)
    path = Path("targets") if save_plan is None else save_plan  # the file that errors name
    if save_plan is not None and path.exists():
        raise refuse(f"--save-plan {path}", "exists already", "name another file, or remove that one")
    plan, text = Targets(pair=pair, paths=paths, load=wanted).plan(path)
    if save_plan is not None:
        with writing(f"--save-plan {path}"), path.open("x", encoding="utf-8") as file:
            file.write(text)
    return plan


def _print_run(results: Results, folder: Path, *, verbose: bool, as_json: bool, is_printed: bool) -> None:
    """Print a run on stdout; `is_printed`: whether its report was."""
    if as_json:
        print_json_text((folder / RESULTS_FILE).read_text(encoding="utf-8"))
    elif not is_printed:
        print_results(results, folder / REPORT_FILE, verbose=verbose)


def _exit_code(results: Results) -> int:
    code = EXIT_DONE if results.parity is None else parity_exit_code(results.parity)
    if code != EXIT_DONE:
        return code
    if not results.valid:
        return EXIT_NOT_VALID
    return EXIT_DONE if all(gate.passed for gate in results.gates) else EXIT_COMPARISON_SAYS_NO


def describe_plan() -> str:
    """List every key of the plan, and every server with its settings, for the help."""
    lines = ["The plan's keys (NAME stands for a name that you choose):", ""]
    for key in plan_keys():
        given = f"default {key.default}" if key.default else "required"
        lines += [f"{key.path}  ({key.type}, {given})", f"    {key.description}"]
    lines += ["", "The servers, what they serve, and their settings:", ""]
    for server, interfaces in sorted(vocabulary().items()):
        lines += [
            f"{server}  {interface}: {', '.join(sorted(knobs))}" for interface, knobs in interfaces.items()
        ]
    return "\n".join(lines)
