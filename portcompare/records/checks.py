"""Checks: limits on estimates that a plan sets, as gates that a run must pass and as claims that it tests."""

from dataclasses import dataclass
from typing import Literal

from portcompare.records.estimates import Estimate
from portcompare.records.metrics import MetricName
from portcompare.records.pages import LoadKind

CheckOutcome = Literal["kept", "broken", "inconclusive", "not judged"]
ClaimVerdict = Literal["true", "false", "depends", "cannot tell"]
IfInconclusive = Literal["pass", "fail"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What one side of a check looks at: one arm at one level of a scenario, or with one page."""

    arm: str  # "baseline", "control" or a candidate; of a gate, the deployment
    level: float  # The scenario's level, or the users met by the page: 0 for none
    scenario: str | None = None  # Name of the scenario; None for a page
    page: str | None = None  # Name of the page; None for a scenario
    load: LoadKind | None = None  # Which load of the page; None for a scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One limit on one estimate, and whether it is kept."""

    name: str  # Under which circumstances it decides; empty for a gate
    metric: MetricName | Literal["lcp"]  # What is compared
    subject: Subject  # Whose value is looked at
    reference: Subject | None  # What it is divided by; None for a value itself, or a stored run
    against: str | None = None  # The stored run that it is divided by, as the plan names it
    relative: bool = False  # Whether the ratio is of ratios to the baseline, in this and in the stored run
    at_least: float | None  # The least that the estimate may be; None for no such limit
    at_most: float | None  # The most that it may be; None for no such limit
    value: Estimate  # The ratio, or the value in the metric's unit
    # "kept" or "broken" if the whole interval says so, "inconclusive" if it crosses a limit, "not judged" if
    # there is no interval, or none to rely on
    outcome: CheckOutcome
    reason: str  # Why the outcome is what it is, in a sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """One gate at one level, and whether it lets the run pass."""

    check: CheckResult  # What was checked
    inconclusive: IfInconclusive  # What it means for the gate if the interval crosses a limit
    passed: bool  # Whether the gate lets the run pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimResult:
    """A claim, and what its checks say of it."""

    name: str  # Its name in the plan
    text: str  # What is claimed
    # "true" or "false" if all its checks say so, "depends" if some say true and some false, "cannot tell" if
    # what can be told agrees, but not all can be told
    verdict: ClaimVerdict
    reason: str  # What it depends on, or what cannot be told; empty otherwise
    checks: tuple[CheckResult, ...]  # What decided it
