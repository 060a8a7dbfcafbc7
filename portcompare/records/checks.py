"""Frozen records of the gates: what a run had to keep, and whether it did.

They are part of `results.json`, as those of `model.py` are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from portcompare.records.metrics import Metric
from portcompare.records.sweeps import Estimate

GateOutcome = Literal["kept", "broken", "inconclusive", "not judged"]
IfInconclusive = Literal["pass", "fail"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """One gate at one level, and what the run says of it."""

    scenario: str  # Name of the scenario
    level: float  # The level
    metric: Metric  # What is limited
    candidate: str  # The deployment whose figures are limited
    # The stored run it is compared with, as the plan names it; None for this run's baseline
    against: str | None
    # Whether the ratio is of the candidate's ratios to the baseline, now and in the stored run
    relative: bool
    min_ratio: float | None  # The least that the ratio may be; None for no such limit
    max_ratio: float | None  # The most that the ratio may be; None for no such limit
    inconclusive: IfInconclusive  # What it means for the gate if the interval crosses a limit
    # The candidate divided by what it is compared with; None where it cannot be told
    ratio: float | None = None
    low: float | None = None  # Lower end of the 95% interval; None where it cannot be told
    high: float | None = None  # Upper end of the 95% interval; None where it cannot be told
    # "kept" and "broken" if the whole interval says so, "inconclusive" if it crosses a limit, "not judged" if
    # there is no interval, or none to rely on
    outcome: GateOutcome = "not judged"
    passed: bool = False  # Whether the gate lets the run pass
    reason: str = ""  # Why the outcome is what it is, in a sentence


ClaimVerdict = Literal["true", "false", "depends", "cannot tell"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What one check of a claim says."""

    name: str  # Under which circumstances it decides
    metric: str  # What is compared
    subject: str  # Whose value is looked at, and where
    reference: str | None  # What it is divided by; None where the value itself is judged
    blocks: int  # How many blocks it rests on
    value: Estimate | None  # The ratio, or the value in the metric's unit; None where it cannot be told
    at_least: float | None  # It must be this or more; None if the other is asked
    at_most: float | None  # It must be this or less
    # Whether its whole interval is so (True), or wholly not (False); None if that cannot be told
    holds: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimResult:
    """What a claim comes to."""

    name: str  # Its name in the plan
    text: str  # What is claimed
    # "true" or "false" if all its checks say so, "depends" if some say true and some false, "cannot tell" if
    # what can be told agrees, but not all can be told
    verdict: ClaimVerdict
    reason: str  # What it depends on, or what cannot be told; empty otherwise
    checks: tuple[CheckResult, ...]  # What decided it
