"""What a plan's gates come to: decided on the whole interval of a ratio."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from portcompare.changes import Change
from portcompare.units import ratio

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portcompare.gates import GateOutcome, GateResult
    from portcompare.model import Comparison


def judge_gate(
    gate: GateResult, compared: Iterable[Comparison | Change], unreliable: str | None
) -> GateResult:
    """Decide whether a gate lets a run pass.

    Args:
        gate: The gate, not judged yet.
        compared: The comparisons that it may be decided on: with the run's baseline, or with the stored run.
        unreliable: Why none of them can be relied on; None if they can.

    Returns:
        The outcome. Without an interval to rely on the gate is not judged, and never passed: `inconclusive`
        speaks of intervals that cross a limit, and not of what was never measured.
    """
    found = next((one for one in compared if _is_meant(gate, one)), None)
    outcome, reason = _decide(gate, found, unreliable)
    return replace(
        gate,
        ratio=None if found is None else found.ratio,
        low=None if found is None else found.low,
        high=None if found is None else found.high,
        outcome=outcome,
        passed=outcome == "kept" or (outcome == "inconclusive" and gate.inconclusive == "pass"),
        reason=reason,
    )


def _is_meant(gate: GateResult, one: Comparison | Change) -> bool:
    name = one.deployment if isinstance(one, Change) else one.candidate
    return (one.scenario, one.level, one.metric, name) == (
        gate.scenario,
        gate.level,
        gate.metric,
        gate.candidate,
    )


def _decide(
    gate: GateResult, found: Comparison | Change | None, unreliable: str | None
) -> tuple[GateOutcome, str]:
    if unreliable is not None:
        return "not judged", unreliable
    if found is None:
        return "not judged", "nothing was measured there that could be compared"
    if found.low is None or found.high is None:
        return "not judged", found.reason
    return _place(gate, found.low, found.high)


def _place(gate: GateResult, low: float, high: float) -> tuple[GateOutcome, str]:
    """Where the interval lies."""
    if gate.max_ratio is not None and low > gate.max_ratio:
        return "broken", f"the whole interval lies above {ratio(gate.max_ratio)}"
    if gate.min_ratio is not None and high < gate.min_ratio:
        return "broken", f"the whole interval lies below {ratio(gate.min_ratio)}"
    limits = [limit for limit in (gate.min_ratio, gate.max_ratio) if limit is not None]
    crossed = " and ".join(ratio(limit) for limit in limits if low < limit < high)
    if crossed:
        return "inconclusive", f"the interval crosses {crossed}: measure more blocks to decide"
    return "kept", "the whole interval keeps the limit"
