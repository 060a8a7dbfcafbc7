"""What is asked of the history: which runs there are, and how a quantity went over them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby, pairwise
from math import exp, log
from statistics import NormalDist, fmean, median
from typing import TYPE_CHECKING

from portcompare.analyse import find_changes
from portcompare.history.records import IndexedRun, Point, Step, Trend

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence

    from portcompare.records.metrics import MetricName


_LEAST_NOISE = 1e-3
"""Deviations of less than a thousandth are no noise that could be told from rounding."""

_QUARTILE = NormalDist().inv_cdf(0.75) * 2**0.5
"""Half of the differences of two values of unit deviation are smaller."""


def find_steps(trends: Sequence[tuple[Trend, float | None]]) -> tuple[Trend, ...]:
    """Find the trends that change their level.

    `trends`: trends, each with the equivalence margin of its metric, None where it is not known.
    """
    values = [[point.value for point in trend.points] for trend, _ in trends]
    logs = [[log(value) for value in each] for each in values]
    found = find_changes(values, [_noise(each) for each in logs])
    return tuple(
        _with_step(trend, logs[place], found[place], margin or 0.0) if place in found else trend
        for place, (trend, margin) in enumerate(trends)
    )


def _noise(logs: Sequence[float]) -> float:
    """How far a run usually strays, judged from one run to the next, so that a step does not count."""
    steps = [abs(later - earlier) for earlier, later in pairwise(logs)]
    return max(median(steps) / _QUARTILE, _LEAST_NOISE) if steps else _LEAST_NOISE


def _with_step(trend: Trend, logs: Sequence[float], at: int, margin: float) -> Trend:
    before, after = exp(fmean(logs[:at])), exp(fmean(logs[at:]))
    if abs(log(after / before)) <= log(1 + margin):
        return trend
    return replace(trend, step=Step(folder=trend.points[at].folder, before=before, after=after))


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which runs are asked for."""

    name: str = ""  # A part of the plan's name or the folder's; empty for all
    since: datetime | None = None  # The earliest start; None for all
    deployment: str | None = None  # A deployment that was measured; None for all
    only_valid: bool = False  # Whether runs that are broken, partial or not valid are left out

    def takes(self, run: IndexedRun) -> bool:
        """Whether a run is asked for."""
        if self.name not in run.name and self.name not in run.folder:
            return False
        if self.deployment is not None and self.deployment not in run.deployments:
            return False
        if self.only_valid and (run.broken is not None or run.partial or not run.valid):
            return False
        return self.since is None or _started(run) >= self.since


def list_runs(connection: sqlite3.Connection, wanted: Filter) -> tuple[IndexedRun, ...]:
    """List the runs."""
    fields = list(IndexedRun.__dataclass_fields__)
    rows = connection.execute(
        f"SELECT {', '.join(fields)} FROM runs ORDER BY started_at DESC, folder DESC"  # noqa: S608 - our own names
    )
    runs = (_run(dict(zip(fields, row, strict=True))) for row in rows)
    return tuple(run for run in runs if wanted.takes(run))


def list_trends(
    connection: sqlite3.Connection,
    runs: Iterable[IndexedRun],
    metrics: Iterable[MetricName],
    *,
    scenario: str | None = None,
    level: float | None = None,
    deployment: str | None = None,
    is_ratio: bool = False,
) -> tuple[Trend, ...]:
    """Follow quantities over runs.

    `scenario`: in which scenario; None for all.
    `level`: at which level; None for all.
    `deployment`: of which deployment; None for all.
    """
    kept = {run.folder: run for run in runs if run.broken is None and run.valid and not run.partial}
    value, low, high = ("ratio", "ratio_low", "ratio_high") if is_ratio else ("value", "low", "high")
    wanted = list(metrics)
    rows = connection.execute(
        "SELECT scenario, level, metric, deployment, machine, level_text, folder, started_at, blocks,"  # noqa: S608 - our own names
        f" {value}, {low}, {high}, margin FROM quantities JOIN runs USING (folder)"
        f" WHERE {value} IS NOT NULL AND metric IN ({', '.join('?' * len(wanted))})"
        " AND (? IS NULL OR scenario = ?) AND (? IS NULL OR level = ?) AND (? IS NULL OR deployment = ?)"
        " ORDER BY scenario, level, metric, deployment, machine, started_at, folder",
        [*wanted, scenario, scenario, level, level, deployment, deployment],
    )
    return find_steps(
        [
            (_trend(key, group, is_ratio=is_ratio), group[-1][-1])
            for key, found in groupby((row for row in rows if row[6] in kept), key=lambda row: row[:5])
            if (group := list(found))
        ]
    )


def _trend(
    key: tuple[str, float, MetricName, str, str], rows: list[tuple[object, ...]], *, is_ratio: bool
) -> Trend:
    scenario, level, metric, deployment, machine = key
    return Trend(
        scenario=scenario,
        level=level,
        level_text=str(rows[-1][5]),
        metric=metric,
        deployment=deployment,
        machine=machine,
        is_ratio=is_ratio,
        points=tuple(_points(rows)),
        step=None,
    )


def _points(rows: Iterable[tuple[object, ...]]) -> Iterator[Point]:
    names = ("folder", "started_at", "blocks", "value", "low", "high")
    for row in rows:
        yield Point(**dict(zip(names, row[6:12], strict=True)))  # type: ignore[arg-type]


def _run(row: dict[str, object]) -> IndexedRun:
    row["deployments"] = tuple(json.loads(str(row["deployments"])))
    row["partial"], row["valid"] = bool(row["partial"]), bool(row["valid"])
    return IndexedRun(**row)  # type: ignore[arg-type]


def _started(run: IndexedRun) -> datetime:
    """When a run was started; of one whose time cannot be read, before all others."""
    try:
        started = datetime.fromisoformat(run.started_at)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return started if started.tzinfo is not None else started.replace(tzinfo=UTC)
