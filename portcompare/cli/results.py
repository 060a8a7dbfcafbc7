"""`portcompare report`, `diff` and `history`: what finished runs found."""

from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from portcompare.analyse.diff import Run, diff_runs
from portcompare.cli.options import (
    AsJson,
    Verbose,
    print_json,
    print_line,
    print_note,
    print_results,
    writing,
)
from portcompare.errors import InputError, Problem, refuse
from portcompare.history.summaries import list_runs
from portcompare.history.trends import HISTORY_SCHEMA_VERSION, Filter, History, find_trends
from portcompare.history.views import render_runs, render_trend, write_index_page
from portcompare.plan import remedy_for_unknown
from portcompare.records.estimates import RunDiff
from portcompare.records.metrics import HEADLINE_METRICS, METRICS
from portcompare.records.run_summary import REPORT_FILE, RUNS
from portcompare.report import write_diff, write_reports
from portcompare.report.formats.diff import render_terminal
from portcompare.report.wording import level_text, margin_of
from portcompare.run.progress import out
from portcompare.run.recording import read_run

ACROSS_MACHINES = "--across-machines"


def report(
    folder: Annotated[Path, Argument(metavar="RUN", help="the run's folder, e.g. runs/20260101T120000-plan")],
    *,
    verbose: Verbose = False,
) -> None:
    """Write the reports of a run again from its results, also of one that was killed, and show them here."""
    with writing(str(folder)):
        results = read_run(folder)
        paths = write_reports(results, folder)
    print_results(results, folder / REPORT_FILE, verbose=verbose)
    for path in paths:
        print_line(str(path))


def diff(
    old: Annotated[Path, Argument(metavar="OLD", help="folder of the earlier run")],
    new: Annotated[Path, Argument(metavar="NEW", help="folder of the later run")],
    *,
    out_folder: Annotated[
        Path | None, Option("--out", metavar="DIR", help="also write diff.md and diff.html there")
    ] = None,
    across_machines: Annotated[
        bool, Option(ACROSS_MACHINES, help="compare runs of different machines, whose figures differ too")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare two finished runs: each deployment, and its ratio to the baseline, in both."""
    runs: list[Run] = []
    problems: list[Problem] = []
    for folder in (old, new):
        try:
            runs.append(Run(folder=str(folder), results=read_run(folder)))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    now = runs[1].results
    margins = {metric: margin_of(now, metric) for metric in METRICS}
    found = diff_runs(runs[0], runs[1], margins, partial(level_text, now))
    _check(found, f"{old}, {new}", across_machines=across_machines)
    paths: tuple[Path, ...] = ()
    if out_folder is not None:
        with writing(f"--out {out_folder}"):
            paths = write_diff(found, now, out_folder)
    if as_json:
        print_json(asdict(found))
        return
    out.print(render_terminal(found, now))
    for path in paths:
        print_line(str(path))


def _check(found: RunDiff, where: str, *, across_machines: bool) -> None:
    if found.machines and not across_machines:
        what = "; ".join(f"{one.what} {one.old} and {one.new}" for one in found.machines)
        remedy = f"compare runs of one machine; {ACROSS_MACHINES} compares them all the same"
        raise refuse(where, f"the machines differ: {what}", remedy)
    if not found.changes:
        reasons = "; ".join(["have nothing in common to compare", *found.not_compared])
        remedy = "compare runs of plans that share a scenario, a level of it and a deployment"
        raise refuse(where, reasons, remedy)


def history(  # noqa: PLR0913 - each is an option
    runs: Annotated[Path, Argument(metavar="[RUNS]", help="folder of the run folders")] = RUNS,
    *,
    name: Annotated[str, Option(metavar="TEXT", help="only runs with this in the name")] = "",
    since: Annotated[str | None, Option(metavar="DATE", help="only runs from then on: 2026-11-01")] = None,
    deployment: Annotated[str | None, Option(metavar="NAME", help="only runs that measured it")] = None,
    valid: Annotated[bool, Option("--valid", help="only runs that are valid and complete")] = False,
    metric: Annotated[
        str | None, Option(metavar="NAME", help=f"draw its trend: {', '.join(METRICS)}")
    ] = None,
    scenario: Annotated[str | None, Option(metavar="NAME", help="of the trend; default all")] = None,
    level: Annotated[
        float | None, Option(metavar="N", help="of the trend, users or requests/s; default all")
    ] = None,
    candidate: Annotated[
        str | None, Option(metavar="NAME", help="deployment of the trend; default all")
    ] = None,
    ratio: Annotated[
        bool,
        Option("--ratio", help="draw its ratio to the baseline, which the state of the machine affects less"),
    ] = False,
    html: Annotated[bool, Option("--html", help="write an index page over all reports, with trends")] = False,
    as_json: AsJson = False,
) -> None:
    """List finished runs, and draw how a metric went over them."""
    wanted = Filter(name=name, since=_read_date(since), deployment=deployment, only_valid=valid)
    if metric is None and (ratio or any(one is not None for one in (scenario, level, candidate))):
        found = "is missing: --scenario, --level, --candidate and --ratio say which of its trends to draw"
        raise refuse("--metric", found, f"add --metric, one of {', '.join(METRICS)}")
    if metric is not None and metric not in METRICS:
        raise refuse("--metric", f"there is no metric {metric!r}", remedy_for_unknown(metric, METRICS))
    metrics = list(HEADLINE_METRICS) if html else []
    metrics = [known for known in METRICS if known == metric] if metric is not None else metrics
    if not runs.is_dir():
        remedy = "name a folder of run folders; `portcompare run` makes `runs`"
        raise refuse(str(runs), "there is no such folder", remedy)
    summaries = [run for run in list_runs(runs, print_note) if wanted.takes(run)]
    trends = find_trends(
        runs, summaries, metrics, scenario=scenario, level=level, deployment=candidate, is_ratio=ratio
    )
    if metric is not None and not trends:
        measured = find_trends(runs, summaries, metrics)
        listed = dict.fromkeys(f"{one.scenario}, {one.level_text}, {one.deployment}" for one in measured)
        known = "; ".join(listed) or "nothing: no run of these is valid and complete"
        remedy = f"measured were (scenario, level, candidate): {known}"
        raise refuse("--metric", "no run measured that", remedy)
    history = History(schema_version=HISTORY_SCHEMA_VERSION, runs=tuple(summaries), trends=trends)
    _show(history, runs, html=html, as_json=as_json)


def _show(history: History, runs: Path, *, html: bool, as_json: bool) -> None:
    page = runs / "index.html"
    if html:
        with writing(str(page)):
            write_index_page(history, runs)
    if as_json:
        print_json(asdict(history))
    elif html:
        print_line(str(page))
    elif history.trends:
        for trend in history.trends:
            out.print(render_trend(trend))
    elif history.runs:
        out.print(render_runs(history.runs))
    else:
        print_line("no run")


def _read_date(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        remedy = "write 2026-11-01, or 2026-11-01T09:30"
        raise refuse("--since", f"{text!r} is not a date", remedy) from None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
