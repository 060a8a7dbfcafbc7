"""What a plan's gates come to: decided on the whole interval of a ratio."""

from __future__ import annotations

from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING

from portcompare.analyse.comparisons import requests_needed, rounds_by_block
from portcompare.records.changes import Change
from portcompare.records.checks import CheckResult, ClaimResult
from portcompare.records.sweeps import Estimate
from portcompare.stats.intervals import LEAST_BLOCKS, RatioInterval, paired_ratio
from portcompare.units import count, ratio

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from portcompare.plan import Check, Claim, Measured
    from portcompare.records.checks import ClaimVerdict, GateOutcome, GateResult
    from portcompare.records.pages import PageVisit
    from portcompare.records.results import Comparison, Round


def judge_gate(
    gate: GateResult, compared: Iterable[Comparison | Change], unreliable: str | None
) -> GateResult:
    """Decide whether a gate lets a run pass.

    `unreliable`: why none of them can be relied on; None if they can.
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


def judge_claims(
    claims: Mapping[str, Claim],
    rounds: Sequence[Round],
    visits: Sequence[PageVisit],
    *,
    is_reliable: bool = True,
) -> tuple[ClaimResult, ...]:
    """Decide claims."""
    judged = (
        _judge(name, claim, [_check(check, rounds, visits) for check in claim.checks])
        for name, claim in claims.items()
    )
    if is_reliable:
        return tuple(judged)
    why = "the run is partial or not valid"
    return tuple(replace(one, verdict="cannot tell", reason=why) for one in judged)


def _judge(name: str, claim: Claim, checks: Sequence[CheckResult]) -> ClaimResult:
    true, false, unsure = ([one.name for one in checks if one.holds is held] for held in (True, False, None))
    verdict: ClaimVerdict = "cannot tell"
    reason = f"not known: {', '.join(unsure)}" if unsure else ""
    if true and false:
        verdict = "depends"
        reason = "; ".join(
            [f"true: {', '.join(true)}", f"false: {', '.join(false)}", *([reason] * bool(unsure))]
        )
    elif not unsure:
        verdict = "true" if true else "false"
    return ClaimResult(name=name, text=claim.text, verdict=verdict, reason=reason, checks=tuple(checks))


def _check(check: Check, rounds: Sequence[Round], visits: Sequence[PageVisit]) -> CheckResult:
    of = _values(check, check.of, rounds, visits)
    # Without another side the value itself is judged: divided by 1.
    to = dict.fromkeys(of, 1.0) if check.to is None else _values(check, check.to, rounds, visits)
    both = sorted(of.keys() & to.keys())
    interval = None
    if len(both) >= LEAST_BLOCKS:
        interval = paired_ratio([to[block] for block in both], [of[block] for block in both])
    return CheckResult(
        name=check.name,
        metric=check.metric,
        subject=_name(check.of),
        reference=None if check.to is None else _name(check.to),
        blocks=len(both),
        value=None
        if interval is None
        else Estimate(value=interval.ratio, low=interval.low, high=interval.high),
        at_least=check.at_least,
        at_most=check.at_most,
        holds=None if interval is None else _holds(interval, check),
    )


def _holds(interval: RatioInterval, check: Check) -> bool | None:
    """Whether the whole interval is on the claim's side of the threshold, or wholly on the other."""
    if check.at_least is not None:
        return True if interval.low >= check.at_least else False if interval.high < check.at_least else None
    if check.at_most is None:  # a check has one of them
        return None
    return True if interval.high <= check.at_most else False if interval.low > check.at_most else None


def _values(
    check: Check, side: Measured, rounds: Iterable[Round], visits: Iterable[PageVisit]
) -> dict[int, float]:
    """A value of each block in which there is one."""
    if check.metric == "lcp":
        found = {
            visit.block: [load.lcp_s for load in visit.loads if load.kind == side.load and load.lcp_s]
            for visit in visits
            if (visit.arm, visit.page, visit.users) == (side.arm, side.page, side.level)
            if visit.void is None
        }
        return {block: median(values) for block, values in found.items() if values}
    needed = requests_needed(check.metric)
    own = [
        one for one in rounds if (one.arm, one.scenario, one.level) == (side.arm, side.scenario, side.level)
    ]
    known = rounds_by_block(check.metric, own)
    return {block: value for block, (value, requests) in known.items() if requests >= needed}


def _name(side: Measured) -> str:
    if side.page is not None:
        meanwhile = f"{count(side.level, 'user')} meanwhile" if side.level else "idle"
        return f"page {side.page}, {side.load}, {meanwhile} on {side.arm}"
    return f"{side.scenario} at {side.level:g} on {side.arm}"
