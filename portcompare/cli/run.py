"""`portcompare run` and `portcompare check`: do the deployments respond alike, and how fast are they?"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from portcompare.cli.options import (
    DEFAULT_PLAN,
    AsJson,
    ExpectWorkers,
    Listen,
    PlanPath,
    Processes,
    Verbose,
    parity_exit_code,
    print_results,
    read_duration,
    read_plan,
)
from portcompare.errors import EXIT_COMPARISON_SAYS_NO, EXIT_DONE, EXIT_NOT_VALID
from portcompare.plan import plan_keys
from portcompare.records.results import RESULTS_FILE, Results
from portcompare.records.run_summary import REPORT_FILE
from portcompare.run.comparison import RunOptions, compare, find_folder_problems, name_run_folder
from portcompare.run.narrowing import Narrowing, find_left_out, narrow
from portcompare.run.progress import Progress, out
from portcompare.run.workers import choose_workers
from portcompare.serve.servers import vocabulary


def run(  # noqa: PLR0913 - the options of a command
    plan_path: PlanPath = DEFAULT_PLAN,
    *,
    out_folder: Annotated[
        Path | None, Option("--out", metavar="DIR", help="the run's folder; default: runs/TIME-NAME")
    ] = None,
    budget: Annotated[
        str | None, Option(metavar="TIME", help="longest duration: 90, 120s or 5m; default: rounds.budget_s")
    ] = None,
    scenarios: Annotated[
        list[str] | None, Option("--scenario", metavar="NAME", help="only this scenario; may be repeated")
    ] = None,
    arms: Annotated[
        list[str] | None,
        Option(
            "--arm",
            metavar="DEPLOYMENT",
            help="only this deployment; repeat it: the first one is the baseline",
        ),
    ] = None,
    users: Annotated[
        int | None, Option(min=1, help="number of users, instead of the scenarios' loads")
    ] = None,
    rate_rps: Annotated[
        float | None, Option("--rate", min=0.1, help="requests per second, instead of the scenarios' loads")
    ] = None,
    delay_s: Annotated[
        float | None,
        Option(
            "--delay",
            min=0.0,
            help="seconds that each response takes, as the query parameter `delay` or delay_parameter",
        ),
    ] = None,
    processes: Processes = 1,
    expect_workers: ExpectWorkers = 0,
    listen: Listen = None,
    verbose: Verbose = False,
    as_json: AsJson = False,
) -> None:
    """Serve both sides, prove that they respond alike, load them, and report what the port gains."""
    wanted = Narrowing(
        scenarios=scenarios or (), arms=arms or (), users=users, rate_rps=rate_rps, delay_s=delay_s
    )
    workers = choose_workers(processes, expect_workers, listen)
    budget_s = None if budget is None else read_duration("--budget", budget)
    whole = read_plan(plan_path, () if out_folder is None else find_folder_problems(out_folder))
    plan = narrow(whole, wanted)
    left_out = find_left_out(whole, plan)
    if budget_s is not None:
        plan = plan.model_copy(update={"rounds": plan.rounds.model_copy(update={"budget_s": budget_s})})
    folder = out_folder or name_run_folder(plan.name, datetime.now(UTC))
    with Progress() as progress:
        results = compare(plan, RunOptions(folder=folder, workers=workers, left_out=left_out), progress)
    if as_json:
        out.print((folder / RESULTS_FILE).read_text(encoding="utf-8"), soft_wrap=True, markup=False, end="")
    else:
        print_results(results, folder / REPORT_FILE, verbose=verbose)
    raise typer.Exit(_exit_code(results))


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
