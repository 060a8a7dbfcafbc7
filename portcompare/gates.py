"""Frozen records of the gates: what a run had to keep, and whether it did.

They are part of `results.json`, as those of `model.py` are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from portcompare.words import Metric

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
