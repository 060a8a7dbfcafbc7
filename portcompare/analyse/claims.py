"""Claims: decided by comparisons between arms, and between scenarios or pages of one arm, paired by block."""

from __future__ import annotations

from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING

from portcompare.analyse.comparisons import requests_needed
from portcompare.analyse.pairing import rounds_by_block
from portcompare.claims import CheckResult, ClaimResult
from portcompare.intervals import LEAST_BLOCKS, RatioInterval, paired_ratio
from portcompare.sweeps import Estimate
from portcompare.units import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from portcompare.claims import ClaimVerdict
    from portcompare.model import Round
    from portcompare.pages import PageVisit
    from portcompare.plan import Check, Claim, Measured


def judge_claims(
    claims: Mapping[str, Claim],
    rounds: Sequence[Round],
    visits: Sequence[PageVisit],
    *,
    is_reliable: bool = True,
) -> tuple[ClaimResult, ...]:
    """Decide claims.

    Args:
        claims: What is claimed, by name.
        rounds: The judged rounds of all arms; void ones are left out.
        visits: The visits of pages; void ones are left out.
        is_reliable: False if the run is partial or not valid: then no claim is decided.

    Returns:
        What each comes to.
    """
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
