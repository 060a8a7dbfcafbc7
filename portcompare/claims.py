"""Frozen records of what claims come to; part of `results.json`, as those of `model.py` are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from portcompare.sweeps import Estimate

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
