"""`portcompare history`: list finished runs and their trend."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from portcompare.cli.options import AsJson
from portcompare.errors import InputError, Problem
from portcompare.history import (
    HISTORY_SCHEMA_VERSION,
    RUNS,
    Filter,
    History,
    list_runs,
    list_trends,
    open_history,
    render_runs,
    render_trend,
    write_index_page,
)
from portcompare.plan import remedy_for_unknown
from portcompare.records.metrics import HEADLINE_METRICS, METRICS
from portcompare.run.progress import err, out

if TYPE_CHECKING:
    import sqlite3

    from portcompare.history import IndexedRun, Trend
    from portcompare.records.metrics import MetricName


def history(  # noqa: PLR0913 - each is an option
    runs: Annotated[Path, typer.Argument(metavar="[RUNS]", help="folder of the run folders")] = RUNS,
    *,
    name: Annotated[str, typer.Option(metavar="TEXT", help="only runs with this in the name")] = "",
    since: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="only runs from then on: 2026-11-01", show_default=False),
    ] = None,
    deployment: Annotated[
        str | None, typer.Option(metavar="NAME", help="only runs that measured it", show_default=False)
    ] = None,
    valid: Annotated[bool, typer.Option("--valid", help="only runs that are valid and complete")] = False,
    metric: Annotated[
        str | None,
        typer.Option(metavar="NAME", help=f"draw its trend: {', '.join(METRICS)}", show_default=False),
    ] = None,
    scenario: Annotated[
        str | None, typer.Option(metavar="NAME", help="of the trend; default all", show_default=False)
    ] = None,
    level: Annotated[
        float | None,
        typer.Option(metavar="N", help="of the trend, users or requests/s; default all", show_default=False),
    ] = None,
    candidate: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="deployment of the trend; default all", show_default=False),
    ] = None,
    ratio: Annotated[
        bool, typer.Option("--ratio", help="draw its ratio to the baseline, freed of the machine's mood")
    ] = False,
    html: Annotated[
        bool, typer.Option("--html", help="write an index page over all reports, with trends")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List finished runs, and draw how a metric went over them."""
    wanted = Filter(name=name, since=_read_date(since), deployment=deployment, only_valid=valid)
    is_narrowed = ratio or any(one is not None for one in (scenario, level, candidate))
    metrics = _read_metrics(metric, is_narrowed=is_narrowed)
    if not runs.is_dir():
        remedy = "name a folder of run folders; `portcompare run` makes `runs`"
        raise InputError([Problem(where=str(runs), found="there is no such folder", remedy=remedy)])
    with open_history(runs, _warn) as connection:
        found = list_runs(connection, wanted)
        trends = list_trends(
            connection,
            found,
            HEADLINE_METRICS if html and metric is None else metrics,
            scenario=scenario,
            level=level,
            deployment=candidate,
            is_ratio=ratio,
        )
        if metric is not None and not trends:
            raise InputError([_nothing_followed(connection, found, metrics)])
    _show(
        History(schema_version=HISTORY_SCHEMA_VERSION, runs=found, trends=trends),
        runs,
        html=html,
        as_json=as_json,
    )


def _show(found: History, runs: Path, *, html: bool, as_json: bool) -> None:
    page = _write_page(found, runs) if html else None
    if as_json:
        out.print(json.dumps(asdict(found), indent=1, ensure_ascii=False), soft_wrap=True, markup=False)
        return
    if page is not None:
        out.print(str(page), soft_wrap=True, markup=False)
        return
    if found.trends:
        for trend in found.trends:
            out.print(render_trend(trend))
    elif found.runs:
        out.print(render_runs(found.runs))
    else:
        out.print("no run", markup=False)


def _write_page(found: History, runs: Path) -> Path:
    try:
        return write_index_page(found, runs)
    except OSError as error:
        problem = Problem(
            where=str(runs),
            found=f"the index page cannot be written: {error.strerror}",
            remedy="make the folder writable, or copy it to where you may write",
        )
        raise InputError([problem]) from error


def _nothing_followed(
    connection: sqlite3.Connection, runs: tuple[IndexedRun, ...], metrics: tuple[MetricName, ...]
) -> Problem:
    """Say that nothing is left to be drawn, and what could be."""
    trends: tuple[Trend, ...] = list_trends(connection, runs, metrics)
    there = dict.fromkeys(f"{one.scenario}, {one.level_text}, {one.deployment}" for one in trends)
    listed = "; ".join(there) or "nothing: no run of these is valid and complete"
    return Problem(
        where="--metric",
        found="no run measured that",
        remedy=f"measured were (scenario, level, candidate): {listed}",
    )


def _read_metrics(metric: str | None, *, is_narrowed: bool) -> tuple[MetricName, ...]:
    if metric is None:
        if is_narrowed:
            found = "is missing: --scenario, --level, --candidate and --ratio say which of its trends to draw"
            remedy = f"add --metric, one of {', '.join(METRICS)}"
            raise InputError([Problem(where="--metric", found=found, remedy=remedy)])
        return ()
    if metric not in METRICS:
        remedy = remedy_for_unknown(metric, METRICS)
        raise InputError([Problem(where="--metric", found=f"there is no metric {metric!r}", remedy=remedy)])
    return (metric,)


def _read_date(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        problem = Problem(
            where="--since", found=f"{text!r} is no date", remedy="write 2026-11-01, or 2026-11-01T09:30"
        )
        raise InputError([problem]) from None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)


def _warn(text: str) -> None:
    err.print(f"warning: {text}", soft_wrap=True, markup=False)
