"""Frozen records of the history: what `portcompare history --json` prints."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from portcompare.records.metrics import MetricName
from portcompare.report import record_schema

HISTORY_SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedRun:
    """What the history knows of a run."""

    folder: str  # Name of its folder
    broken: str | None  # Why its results cannot be read; None if they can. Then nothing else is known
    name: str  # Of its plan
    started_at: str  # ISO 8601, UTC
    duration_s: float  # How long it took
    partial: bool  # True if it was interrupted or broke off
    valid: bool  # False if it must not be relied on
    baseline: str  # The deployment that the candidates were compared with
    deployments: tuple[str, ...]  # All that were measured
    machine: str  # Where it was measured, in words
    gates: int  # How many gates it had
    gates_missed: int  # How many of them it did not pass
    headline: str  # What it came to


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A quantity in one run."""

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
    """A quantity over the runs of one machine."""

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
    """Finished runs and trends."""

    schema_version: int  # Of this very form
    runs: tuple[IndexedRun, ...]  # The runs, the latest first
    trends: tuple[Trend, ...]  # The trends that were asked for


def history_schema() -> dict[str, Any]:
    """The JSON Schema of what `portcompare history --json` prints."""
    return record_schema(History, (sys.modules[__name__],), "history", HISTORY_SCHEMA_VERSION)
