"""Frozen records of the history: what `portcompare history --json` prints."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from portcompare.records.results import Metric
from portcompare.report import record_schema

HISTORY_SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedRun:
    """What the history knows of a run.

    Attributes:
        folder: Name of its folder.
        broken: Why its results cannot be read; None if they can. Then nothing else is known.
        name: Of its plan.
        started_at: ISO 8601, UTC.
        duration_s: How long it took.
        partial: True if it was interrupted or broke off.
        valid: False if it must not be relied on.
        baseline: The deployment that the candidates were compared with.
        deployments: All that were measured.
        machine: Where it was measured, in words.
        gates: How many gates it had.
        gates_missed: How many of them it did not pass.
        headline: What it came to.
    """

    folder: str
    broken: str | None
    name: str
    started_at: str
    duration_s: float
    partial: bool
    valid: bool
    baseline: str
    deployments: tuple[str, ...]
    machine: str
    gates: int
    gates_missed: int
    headline: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A quantity in one run.

    Attributes:
        folder: Name of the run's folder.
        started_at: ISO 8601, UTC.
        blocks: How many blocks it rests on.
        value: The value: requests per second, seconds, or a ratio to the baseline.
        low: Lower end of its 95% interval.
        high: Upper end.
    """

    folder: str
    started_at: str
    blocks: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Where a trend changed its level.

    Attributes:
        folder: The first run after the change.
        before: Geometric mean of the values before it.
        after: Geometric mean of those from it on.
    """

    folder: str
    before: float
    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A quantity over the runs of one machine.

    Attributes:
        scenario: Name of the scenario.
        level: The level.
        level_text: The level with its unit.
        metric: What was measured.
        deployment: Name of the deployment.
        machine: Where it was measured, in words.
        is_ratio: Whether the values are ratios to the baseline.
        points: The valid and complete runs in the order of time.
        step: The change; None if there is none that is sure and larger than the margin.
    """

    scenario: str
    level: float
    level_text: str
    metric: Metric
    deployment: str
    machine: str
    is_ratio: bool
    points: tuple[Point, ...]
    step: Step | None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Finished runs and trends.

    Attributes:
        schema_version: Of this very form.
        runs: The runs, the latest first.
        trends: The trends that were asked for.
    """

    schema_version: int
    runs: tuple[IndexedRun, ...]
    trends: tuple[Trend, ...]


def history_schema() -> dict[str, Any]:
    """The JSON Schema of what `portcompare history --json` prints.

    Returns:
        The schema, with the records' docstrings as descriptions.
    """
    return record_schema(History, (sys.modules[__name__],), "history", HISTORY_SCHEMA_VERSION)
