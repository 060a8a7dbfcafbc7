"""The one record of an estimated quantity, and those of compared arms and compared runs."""

from dataclasses import dataclass
from typing import Literal

from portcompare.records.metrics import MetricName

Verdict = Literal["faster", "slower", "equivalent", "inconclusive", "invalid"]

WIDEST = 2.0  # An interval whose ends are further apart than this factor is no result


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """An estimated quantity with its 95% interval."""

    point: float | None = None  # The estimate; None where it cannot be given
    low: float | None = None  # Lower end of the 95% interval; None where there is none
    high: float | None = None  # Upper end; None where there is none
    blocks: int = 0  # How many blocks it rests on
    verdict: Verdict | None = None  # On a ratio: "faster" means better; None where nothing is judged
    reason: str = ""  # Why the verdict is what it is, or why there is no estimate

    @property
    def interval(self) -> tuple[float, float] | None:
        """Both ends of the interval; None unless both are known."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    @property
    def is_result(self) -> bool:
        """Whether there is an interval, narrow enough to mean something."""
        return self.low is not None and self.high is not None and self.high <= WIDEST * self.low


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Candidate against baseline in one metric at one level."""

    scenario: str  # Name of the scenario
    level: float  # The level
    metric: MetricName  # What is compared
    candidate: str  # Name of the candidate's arm; "control" for the control
    ratio: Estimate  # Candidate divided by baseline


DIFF_SCHEMA_VERSION = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One quantity of two runs, the new divided by the old."""

    scenario: str  # Name of the scenario
    level: float  # The level
    metric: MetricName  # What is compared
    deployment: str  # Name of the deployment; "control" for the second instance of the baseline
    old_blocks: int  # How many blocks of the old run the ratio rests on
    new_blocks: int  # How many of the new one
    degrees_of_freedom: float | None  # Of the interval's t distribution; None where there is no interval
    ratio: Estimate  # New divided by old; "faster" means that the new one is better in this metric


@dataclass(frozen=True, slots=True, kw_only=True)
class Altered:
    """One thing that was not the same in both runs."""

    what: str  # Its name, with its place: `deployments.quart.settings.workers`
    old: str  # Its value then; "none" if there was no such thing
    new: str  # Its value now; "none" if there is no such thing


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """One of the two runs."""

    folder: str  # Where it was read from
    name: str  # Of its plan
    started_at: str  # ISO 8601, UTC
    baseline: str  # The deployment that its candidates were compared with
    partial: bool  # True if it was interrupted or broke off
    valid: bool  # False if it must not be relied on
    invalid_reasons: tuple[str, ...]  # Why


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDiff:
    """Two finished runs compared."""

    schema_version: int  # Of this very form
    old: RunFacts  # The earlier run
    new: RunFacts  # The later one
    headline: str  # The result in sentences
    machines: tuple[Altered, ...]  # What differs between the machines; empty if they are the same
    conditions: tuple[Altered, ...]  # What else differs between the two manifests
    plans: tuple[Altered, ...]  # What differs between the two plans
    not_compared: tuple[str, ...]  # Scenarios of both runs that are left out, and why
    # Each deployment's own figures, new divided by old. What the machine did between the runs is in them
    changes: tuple[Change, ...]
    # Each candidate's ratio to the baseline, new divided by old, which is freed of what the machine did;
    # empty if the baselines are not the same
    relative_changes: tuple[Change, ...]
