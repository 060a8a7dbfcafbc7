"""`portcompare history`: list finished runs and their trend."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from portcompare.cli.options import AsJson, print_json, print_line, print_note, refuse, writing
from portcompare.history.summaries import list_runs
from portcompare.history.trends import HISTORY_SCHEMA_VERSION, Filter, History, find_trends
from portcompare.history.views import render_runs, render_trend, write_index_page
from portcompare.plan import remedy_for_unknown
from portcompare.records.metrics import HEADLINE_METRICS, METRICS
from portcompare.records.run_summary import RUNS
from portcompare.run.progress import out


def history(  # noqa: PLR0913 - each is an option
    runs: Annotated[Path, typer.Argument(metavar="[RUNS]", help="folder of the run folders")] = RUNS,
    *,
    name: Annotated[str, typer.Option(metavar="TEXT", help="only runs with this in the name")] = "",
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="only runs from then on: 2026-11-01")
    ] = None,
    deployment: Annotated[str | None, typer.Option(metavar="NAME", help="only runs that measured it")] = None,
    valid: Annotated[bool, typer.Option("--valid", help="only runs that are valid and complete")] = False,
    metric: Annotated[
        str | None, typer.Option(metavar="NAME", help=f"draw its trend: {', '.join(METRICS)}")
    ] = None,
    scenario: Annotated[str | None, typer.Option(metavar="NAME", help="of the trend; default all")] = None,
    level: Annotated[
        float | None, typer.Option(metavar="N", help="of the trend, users or requests/s; default all")
    ] = None,
    candidate: Annotated[
        str | None, typer.Option(metavar="NAME", help="deployment of the trend; default all")
    ] = None,
    ratio: Annotated[
        bool,
        typer.Option(
            "--ratio", help="draw its ratio to the baseline, which the state of the machine affects less"
        ),
    ] = False,
    html: Annotated[
        bool, typer.Option("--html", help="write an index page over all reports, with trends")
    ] = False,
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
