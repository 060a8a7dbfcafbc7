"""Frozen records of the comparison of two finished runs: what `portcompare diff --json` prints."""

from __future__ import annotations

from dataclasses import dataclass

from portcompare.records.metrics import Metric, Verdict

DIFF_SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One quantity of two runs, the new divided by the old.

    Attributes:
        scenario: Name of the scenario.
        level: The level.
        metric: What is compared.
        deployment: Name of the deployment; "control" for the second instance of the baseline.
        old_blocks: How many blocks of the old run the interval rests on.
        new_blocks: How many of the new one.
        ratio: New divided by old; None where it cannot be told.
        low: Lower end of the 95% interval; None where it cannot be told.
        high: Upper end of the 95% interval; None where it cannot be told.
        degrees_of_freedom: Of the interval's t distribution; None where it cannot be told.
        verdict: In words; "faster" means that the new one is better in this metric.
        reason: Why the verdict is what it is, in a sentence.
    """

    scenario: str
    level: float
    metric: Metric
    deployment: str
    old_blocks: int
    new_blocks: int
    ratio: float | None
    low: float | None
    high: float | None
    degrees_of_freedom: float | None
    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Altered:
    """One thing that was not the same in both runs.

    Attributes:
        what: Its name, with its place: `deployments.quart.settings.workers`.
        old: Its value then; "none" if there was no such thing.
        new: Its value now; "none" if there is no such thing.
    """

    what: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """One of the two runs.

    Attributes:
        folder: Where it was read from.
        name: Of its plan.
        started_at: ISO 8601, UTC.
        baseline: The deployment that its candidates were compared with.
        partial: True if it was interrupted or broke off.
        valid: False if it must not be relied on.
        invalid_reasons: Why.
    """

    folder: str
    name: str
    started_at: str
    baseline: str
    partial: bool
    valid: bool
    invalid_reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDiff:
    """Two finished runs compared.

    Attributes:
        schema_version: Of this very form.
        old: The earlier run.
        new: The later one.
        headline: What it comes to, in sentences.
        machines: What differs between the machines; empty if they are the same.
        conditions: What else differs between the two manifests.
        plans: What differs between the two plans.
        not_compared: Scenarios of both runs that are left out, and why.
        changes: Each deployment's own figures, new divided by old. What the machine did between the runs is
            in them.
        relative_changes: Each candidate's ratio to the baseline, new divided by old, which is freed of what
            the machine did; empty if the baselines are not the same.
    """

    schema_version: int
    old: RunFacts
    new: RunFacts
    headline: str
    machines: tuple[Altered, ...]
    conditions: tuple[Altered, ...]
    plans: tuple[Altered, ...]
    not_compared: tuple[str, ...]
    changes: tuple[Change, ...]
    relative_changes: tuple[Change, ...]
