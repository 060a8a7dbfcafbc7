"""How a metric went over the runs of a machine, and where it changed."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from math import exp, log
from pathlib import Path
from statistics import NormalDist, fmean, median
from typing import Any

from portcompare.history.summaries import quantities_of
from portcompare.records.metrics import MetricName
from portcompare.records.run_summary import Quantity, RunSummary
from portcompare.stats.changes import find_changes

HISTORY_SCHEMA_VERSION = 1

_LEAST_NOISE = 1e-3  # Smaller deviations cannot be distinguished from rounding

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which runs to list."""

    name: str = ""  # A part of the plan's name or the folder's; empty for all
    since: datetime | None = None  # The earliest start; None for all
    deployment: str | None = None  # A deployment that was measured; None for all
    only_valid: bool = False  # Whether runs that are broken, partial or not valid are left out

    def takes(self, run: RunSummary) -> bool:
        """Whether to list a run."""
        return (
            (self.name in run.name or self.name in run.folder)
            and self.deployment in (None, *run.deployments)
            and (run.is_sound or not self.only_valid)
            and (self.since is None or _started(run) >= self.since)
        )


def _started(run: RunSummary) -> datetime:
    """When a run was started; before all others if that cannot be read."""
    try:
        started = datetime.fromisoformat(run.started_at)
    except ValueError:
        started = datetime.min  # noqa: DTZ901 - a zone follows
    return started if started.tzinfo is not None else started.replace(tzinfo=UTC)


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
    """Follow metrics over the sound runs in a folder; None means all scenarios, levels or deployments."""
    found: dict[Any, list[tuple[Point, Quantity]]] = {}
    sound = (run for run in summaries if run.is_sound) if metrics else ()
    for run in sorted(sound, key=lambda run: (run.started_at, run.folder)):
        for quantity in quantities_of(runs / run.folder):
            estimate = quantity.ratio if is_ratio else quantity.value
            if (
                estimate is not None
                and estimate.point is not None
                and estimate.interval is not None
                and quantity.metric in metrics
                and scenario in (None, quantity.scenario)
                and level in (None, quantity.level)
                and deployment in (None, quantity.deployment)
            ):
                low, high = estimate.interval
                point = Point(
                    folder=run.folder,
                    started_at=run.started_at,
                    blocks=estimate.blocks,
                    value=estimate.point,
                    low=low,
                    high=high,
                )
                of = (quantity.scenario, quantity.level, quantity.metric, quantity.deployment, run.machine)
                found.setdefault(of, []).append((point, quantity))
    ordered = sorted(found.items())
    trends = [
        Trend(
            scenario=scenario,
            level=level,
            level_text=points[-1][1].level_text,
            metric=metric,
            deployment=deployment,
            machine=machine,
            is_ratio=is_ratio,
            points=tuple(point for point, _ in points),
            step=None,
        )
        for (scenario, level, metric, deployment, machine), points in ordered
    ]
    return find_steps(trends, [points[-1][1].margin or 0.0 for _, points in ordered])


def find_steps(trends: Sequence[Trend], margins: Sequence[float]) -> tuple[Trend, ...]:
    """Find the trends that change their level by more than the equivalence margin of their metric."""
    values = [[point.value for point in trend.points] for trend in trends]
    logs = [[log(value) for value in each] for each in values]
    found = list(trends)
    for place, at in find_changes(values, [_noise(each) for each in logs]).items():
        before, after = exp(fmean(logs[place][:at])), exp(fmean(logs[place][at:]))
        if abs(log(after / before)) > log(1 + margins[place]):
            step = Step(folder=trends[place].points[at].folder, before=before, after=after)
            found[place] = replace(trends[place], step=step)
    return tuple(found)


def _noise(logs: Sequence[float]) -> float:
    """How far a run usually deviates, estimated from one run to the next, so that a step does not count."""
    steps = [abs(later - earlier) for earlier, later in pairwise(logs)]
    return max(median(steps) / _QUARTILE, _LEAST_NOISE) if steps else _LEAST_NOISE
