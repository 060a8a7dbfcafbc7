"""`portcompare run`: the main job."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from portcompare.cli.options import (
    DEFAULT_PLAN,
    AsJson,
    ExpectWorkers,
    Listen,
    PlanPath,
    Processes,
    print_line,
    print_note,
    read_duration,
)
from portcompare.errors import EXIT_COMPARISON_SAYS_NO, EXIT_DONE, EXIT_NOT_VALID, InputError
from portcompare.history.summaries import write_summary
from portcompare.plan import plan_keys
from portcompare.report import (
    RESULTS_FILE,
    read_results,
    render_conclusions,
    render_parity,
    render_table,
    write_reports,
)
from portcompare.run.checks import read_stored_runs
from portcompare.run.narrowing import Narrowing, find_left_out, narrow
from portcompare.run.phases import measure_all, prepare
from portcompare.run.progress import Progress, out
from portcompare.run.recording import Recording, make_run_folder, name_run_folder, remove_empty_run_folder
from portcompare.run.session import open_session, read_plan
from portcompare.run.workers import Workers, choose_workers
from portcompare.serve import describe_manifest, vocabulary

if TYPE_CHECKING:
    from portcompare.errors import Problem
    from portcompare.plan import Plan
    from portcompare.records.results import Results


def run(  # noqa: PLR0913 - the options of a command
    plan_path: PlanPath = DEFAULT_PLAN,
    *,
    out_folder: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="the run's folder; default: runs/TIME-NAME", show_default=False
        ),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="longest duration: 90, 120s or 5m; default: rounds.budget_s",
            show_default=False,
        ),
    ] = None,
    scenarios: Annotated[
        list[str] | None,
        typer.Option("--scenario", metavar="NAME", help="only this scenario; may be repeated"),
    ] = None,
    arms: Annotated[
        list[str] | None,
        typer.Option(
            "--arm",
            metavar="DEPLOYMENT",
            help="only this deployment; repeat it: the first one is the baseline",
        ),
    ] = None,
    users: Annotated[
        int | None, typer.Option(min=1, help="number of users, instead of the scenarios' loads")
    ] = None,
    rate_rps: Annotated[
        float | None,
        typer.Option("--rate", min=0.1, help="requests per second, instead of the scenarios' loads"),
    ] = None,
    delay_s: Annotated[
        float | None,
        typer.Option(
            "--delay",
            min=0.0,
            help="seconds that each response takes, as the query parameter `delay` or delay_parameter",
        ),
    ] = None,
    processes: Processes = 1,
    expect_workers: ExpectWorkers = 0,
    listen: Listen = None,
    as_json: AsJson = False,
) -> None:
    """Serve both sides, prove that they respond alike, load them, and report what the port gains."""
    started_at = datetime.now(UTC)
    began_s = time.monotonic()
    workers = choose_workers(processes, expect_workers, listen)
    budget_s = None if budget is None else read_duration("--budget", budget)
    wanted = Narrowing(
        scenarios=scenarios or (), arms=arms or (), users=users, rate_rps=rate_rps, delay_s=delay_s
    )
    plan, folder, left_out = _read_input(plan_path, started_at, out_folder, wanted)
    if budget_s is not None:
        plan = plan.model_copy(update={"rounds": plan.rounds.model_copy(update={"budget_s": budget_s})})
    try:
        results = _compare(plan, folder, started_at, workers, began_s, left_out=left_out)
    except InputError:
        remove_empty_run_folder(folder)
        raise
    _show(results, folder, as_json=as_json)
    raise typer.Exit(_exit_code(results))


def _read_input(
    plan_path: Path, started_at: datetime, out_folder: Path | None, wanted: Narrowing
) -> tuple[Plan, Path, str | None]:
    """Read the plan and make the run's folder, and report all problems of both at once.

    The text tells what of the plan is left out that a reader might expect.
    """
    if out_folder is None:
        whole = read_plan(plan_path)
        plan = narrow(whole, wanted)
        out_folder = name_run_folder(plan.name, started_at)
        problems = make_run_folder(out_folder)
        if problems:
            raise InputError(problems)
        return plan, out_folder, find_left_out(whole, plan)
    problems = make_run_folder(out_folder)
    try:
        whole = read_plan(plan_path, problems)
        plan = narrow(whole, wanted)
        return plan, out_folder, find_left_out(whole, plan)
    except InputError:
        remove_empty_run_folder(out_folder)
        raise


def _compare(
    plan: Plan, folder: Path, started_at: datetime, workers: Workers, began_s: float, *, left_out: str | None
) -> Results:
    """Measure; what is measured is kept, whatever happens."""
    problems: list[Problem] = []
    stored = read_stored_runs(plan, problems)
    levels = plan.levels if plan.break_even is None else ()  # of a grid, not all cells are measured
    least_rounds = plan.rounds.min_blocks * len(levels) * len(plan.arms)
    with (
        Progress(least_rounds) as progress,
        open_session(plan, folder, problems, workers, progress.show_workers) as session,
    ):
        if workers.expect:
            began_s = time.monotonic()  # waiting for workers does not count
        manifest = describe_manifest(plan, session.cpus)
        recording = Recording(
            plan=plan,
            manifest=manifest,
            folder=folder,
            started_at=started_at,
            began_s=began_s,
            stored=stored,
        )
        if left_out is not None:
            recording.add_warning(left_out)
        recording.save(partial=True)
        try:
            with prepare(session, folder, progress):
                measure_all(session, recording, progress, began_s + plan.rounds.budget_s)
        except BaseException:
            recording.save(partial=True)
            kept = f"what was measured is kept, marked partial: portcompare report {folder} shows it"
            print_note(kept)
            raise
        results = recording.save(partial=False)
    # From the file, as `portcompare report` does: a whole number there is 1 before and 1.0 after it is read.
    write_reports(read_results(folder / RESULTS_FILE), folder)
    try:
        write_summary(folder)
    except OSError as error:
        print_note(f"warning: the summary of the run cannot be written: {error}")
    return results


def _show(results: Results, folder: Path, *, as_json: bool) -> None:
    if as_json:
        out.print((folder / RESULTS_FILE).read_text(encoding="utf-8"), soft_wrap=True, markup=False, end="")
        return
    out.print(render_table(results))
    out.print(render_conclusions(results))
    if results.parity is not None and not results.parity.equal:
        out.print(render_parity(results.parity), crop=False)
    print_line(f"\nreport: {folder / 'report.html'}")


def _exit_code(results: Results) -> int:
    if results.parity is not None and not results.parity.equal:
        return EXIT_COMPARISON_SAYS_NO
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
