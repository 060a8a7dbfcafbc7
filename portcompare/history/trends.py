"""How a metric went over the runs of a machine, and where it changed."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from math import exp, log
from statistics import NormalDist, fmean, median
from typing import TYPE_CHECKING, Any

from portcompare.history.summaries import quantities_of
from portcompare.records import run_summary
from portcompare.records.metrics import MetricName
from portcompare.records.run_summary import RunSummary
from portcompare.report import record_schema
from portcompare.stats.change_points import find_changes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

    from portcompare.records.run_summary import Quantity

HISTORY_SCHEMA_VERSION = 1

_LEAST_NOISE = 1e-3
"""Smaller deviations cannot be distinguished from rounding."""

_QUARTILE = NormalDist().inv_cdf(0.75) * 2**0.5
"""Half of the differences of two values with a standard deviation of one are smaller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A metric in one run."""

    folder: str  # Name of the run's folder
    started_at: str  # ISO 8601, UTC
    blocks: int  # How many blocks it rests on
    value: float  # The value: requests per second, seconds, or a ratio to the baseline
    low: float  # Lower end of its 95% interval
    high: float  # Upper end


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Where a trend changed its level."""

    folder: str  # The first run after the change
    before: float  # Geometric mean of the values before it
    after: float  # Geometric mean of those from it on


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A metric over the runs of one machine."""

    scenario: str  # Name of the scenario
    level: float  # The level
    level_text: str  # The level with its unit
    metric: MetricName  # What was measured
    deployment: str  # Name of the deployment
    machine: str  # Where it was measured, in words
    is_ratio: bool  # Whether the values are ratios to the baseline
    points: tuple[Point, ...]  # The valid and complete runs in the order of time
    step: Step | None  # The change; None if there is none that is sure and larger than the margin


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Finished runs and trends: what `portcompare history --json` prints."""

    schema_version: int  # Of this very form
    runs: tuple[RunSummary, ...]  # The runs, the latest first
    trends: tuple[Trend, ...]  # The requested trends


def history_schema() -> dict[str, Any]:
    """The JSON Schema of a history."""
    return record_schema(History, (sys.modules[__name__], run_summary), "history", HISTORY_SCHEMA_VERSION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which runs to list."""

    name: str = ""  # A part of the plan's name or the folder's; empty for all
    since: datetime | None = None  # The earliest start; None for all
    deployment: str | None = None  # A deployment that was measured; None for all
    only_valid: bool = False  # Whether runs that are broken, partial or not valid are left out

    def takes(self, run: RunSummary) -> bool:
        """Whether to list a run."""
        if self.name not in run.name and self.name not in run.folder:
            return False
        if self.deployment is not None and self.deployment not in run.deployments:
            return False
        if self.only_valid and not _is_sound(run):
            return False
        return self.since is None or _started(run) >= self.since


def _started(run: RunSummary) -> datetime:
    """When a run was started; if its time cannot be read, before all others."""
    try:
        started = datetime.fromisoformat(run.started_at)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return started if started.tzinfo is not None else started.replace(tzinfo=UTC)


def _is_sound(run: RunSummary) -> bool:
    return run.valid and not run.partial and run.broken is None


def find_trends(
    runs: Path,
    summaries: Iterable[RunSummary],
    metrics: Collection[MetricName],
    *,
    scenario: str | None = None,
    level: float | None = None,
    deployment: str | None = None,
    is_ratio: bool = False,
) -> tuple[Trend, ...]:
    """Follow metrics over the valid and complete runs; None means all scenarios, levels or deployments.

    `runs`: the folder of the run folders.
    """
    found: dict[Any, list[tuple[Point, Quantity]]] = {}
    for run in sorted(filter(_is_sound, summaries), key=lambda run: (run.started_at, run.folder)):
        for quantity in quantities_of(runs / run.folder) if metrics else ():
            point = _make_point(run, quantity, is_ratio=is_ratio)
            if (
                point is not None
                and quantity.metric in metrics
                and scenario in (None, quantity.scenario)
                and level in (None, quantity.level)
                and deployment in (None, quantity.deployment)
            ):
                of = (quantity.scenario, quantity.level, quantity.metric, quantity.deployment, run.machine)
                found.setdefault(of, []).append((point, quantity))
    trends, margins = [], []
    for key, points in sorted(found.items()):
        _, latest = points[-1]
        margins.append(latest.margin or 0.0)
        trends.append(
            Trend(
                scenario=latest.scenario,
                level=latest.level,
                level_text=latest.level_text,
                metric=latest.metric,
                deployment=latest.deployment,
                machine=key[-1],
                is_ratio=is_ratio,
                points=tuple(point for point, _ in points),
                step=None,
            )
        )
    return find_steps(trends, margins)


def _make_point(run: RunSummary, quantity: Quantity, *, is_ratio: bool) -> Point | None:
    estimate = quantity.ratio if is_ratio else quantity.value
    if estimate is None or estimate.point is None or estimate.interval is None:
        return None
    low, high = estimate.interval
    return Point(
        folder=run.folder,
        started_at=run.started_at,
        blocks=estimate.blocks,
        value=estimate.point,
        low=low,
        high=high,
    )


def find_steps(trends: Sequence[Trend], margins: Sequence[float]) -> tuple[Trend, ...]:
    """Find the trends that change their level by more than the equivalence margin of their metric."""
    values = [[point.value for point in trend.points] for trend in trends]
    logs = [[log(value) for value in each] for each in values]
    changes = find_changes(values, [_noise(each) for each in logs])
    return tuple(
        _with_step(trend, logs[place], changes[place], margin) if place in changes else trend
        for place, (trend, margin) in enumerate(zip(trends, margins, strict=True))
    )


def _noise(logs: Sequence[float]) -> float:
    """How far a run usually deviates, estimated from one run to the next, so that a step does not count."""
    steps = [abs(later - earlier) for earlier, later in pairwise(logs)]
    return max(median(steps) / _QUARTILE, _LEAST_NOISE) if steps else _LEAST_NOISE


def _with_step(trend: Trend, logs: Sequence[float], at: int, margin: float) -> Trend:
    before, after = exp(fmean(logs[:at])), exp(fmean(logs[at:]))
    if abs(log(after / before)) <= log(1 + margin):
        return trend
    return replace(trend, step=Step(folder=trend.points[at].folder, before=before, after=after))
