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
    """One gate at one level, and what the run says of it.

    Attributes:
        scenario: Name of the scenario.
        level: The level.
        metric: What is limited.
        candidate: The deployment whose figures are limited.
        against: The stored run it is compared with, as the plan names it; None for this run's baseline.
        relative: Whether the ratio is of the candidate's ratios to the baseline, now and in the stored run.
        min_ratio: The least that the ratio may be; None for no such limit.
        max_ratio: The most that the ratio may be; None for no such limit.
        inconclusive: What it means for the gate if the interval crosses a limit.
        ratio: The candidate divided by what it is compared with; None where it cannot be told.
        low: Lower end of the 95% interval; None where it cannot be told.
        high: Upper end of the 95% interval; None where it cannot be told.
        outcome: "kept" and "broken" if the whole interval says so, "inconclusive" if it crosses a limit,
            "not judged" if there is no interval, or none to rely on.
        passed: Whether the gate lets the run pass.
        reason: Why the outcome is what it is, in a sentence.
    """

    scenario: str
    level: float
    metric: Metric
    candidate: str
    against: str | None
    relative: bool
    min_ratio: float | None
    max_ratio: float | None
    inconclusive: IfInconclusive
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    outcome: GateOutcome = "not judged"
    passed: bool = False
    reason: str = ""


ClaimVerdict = Literal["true", "false", "depends", "cannot tell"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What one check of a claim says.

    Attributes:
        name: Under which circumstances it decides.
        metric: What is compared.
        subject: Whose value is looked at, and where.
        reference: What it is divided by; None where the value itself is judged.
        blocks: How many blocks it rests on.
        value: The ratio, or the value in the metric's unit; None where it cannot be told.
        at_least: It must be this or more; None if the other is asked.
        at_most: It must be this or less.
        holds: Whether its whole interval is so (True), or wholly not (False); None if that cannot be told.
    """

    name: str
    metric: str
    subject: str
    reference: str | None
    blocks: int
    value: Estimate | None
    at_least: float | None
    at_most: float | None
    holds: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimResult:
    """What a claim comes to.

    Attributes:
        name: Its name in the plan.
        text: What is claimed.
        verdict: "true" or "false" if all its checks say so, "depends" if some say true and some false,
            "cannot tell" if what can be told agrees, but not all can be told.
        reason: What it depends on, or what cannot be told; empty otherwise.
        checks: What decided it.
    """

    name: str
    text: str
    verdict: ClaimVerdict
    reason: str
    checks: tuple[CheckResult, ...]
