"""Checks: limits of a plan's gates and claims, decided on the whole interval of an estimate."""

from __future__ import annotations

from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING

from portcompare.analyse.comparisons import rounds_by_block
from portcompare.records.checks import CheckResult, ClaimResult, GateResult, Subject
from portcompare.records.estimates import Estimate
from portcompare.records.metrics import METRICS
from portcompare.records.rounds import BASELINE
from portcompare.stats.intervals import LEAST_BLOCKS, paired_ratio
from portcompare.units import ratio

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from portcompare.plan import Check, Claim, Gate, Measured
    from portcompare.records.checks import CheckOutcome, ClaimVerdict
    from portcompare.records.metrics import MetricName
    from portcompare.records.pages import PageVisit
    from portcompare.records.rounds import Round


def decide(
    value: Estimate, at_least: float | None, at_most: float | None, unreliable: str | None = None
) -> tuple[CheckOutcome, str]:
    """Decide a limit on the whole interval, never on its middle.

    `unreliable`: why the estimate cannot be relied on; None if it can.
    Returns the outcome and why it is that.
    """
    if unreliable is not None:
        return "not judged", unreliable
    if value.interval is None:
        return "not judged", value.reason
    low, high = value.interval
    if at_most is not None and low > at_most:
        return "broken", f"the whole interval lies above {ratio(at_most)}"
    if at_least is not None and high < at_least:
        return "broken", f"the whole interval lies below {ratio(at_least)}"
    crossed = [
        *([at_least] if at_least is not None and low < at_least else []),
        *([at_most] if at_most is not None and high > at_most else []),
    ]
    if crossed:
        limits = " and ".join(map(ratio, crossed))
        return "inconclusive", f"the interval crosses {limits}: measure more blocks to decide"
    return "kept", "the whole interval keeps the limit"


def judge_gate(
    gate: Gate,
    level: float,
    compared: Mapping[tuple[str, float, MetricName, str], Estimate],
    unreliable: str | None,
) -> GateResult:
    """Decide whether a gate lets a run pass at one level.

    `compared`: the ratios by scenario, level, metric and deployment.
    `unreliable`: why none of them can be relied on; None if they can.
    """
    nothing = Estimate(reason="nothing was measured there that could be compared")
    value = compared.get((gate.scenario, level, gate.metric, gate.candidate), nothing)
    outcome, reason = decide(value, gate.min_ratio, gate.max_ratio, unreliable)
    subject = Subject(arm=gate.candidate, scenario=gate.scenario, level=level)
    check = CheckResult(
        name="",
        metric=gate.metric,
        subject=subject,
        reference=None if gate.against else replace(subject, arm=BASELINE),
        against=gate.against,
        relative=gate.relative,
        at_least=gate.min_ratio,
        at_most=gate.max_ratio,
        value=value,
        outcome=outcome,
        reason=reason,
    )
    passed = outcome == "kept" or (outcome == "inconclusive" and gate.inconclusive == "pass")
    return GateResult(check=check, inconclusive=gate.inconclusive, passed=passed)


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
    true = [one.name for one in checks if one.outcome == "kept"]
    false = [one.name for one in checks if one.outcome == "broken"]
    unsure = [one.name for one in checks if one.outcome not in ("kept", "broken")]
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
    if len(both) >= LEAST_BLOCKS:
        value = paired_ratio([to[block] for block in both], [of[block] for block in both])
    else:
        value = Estimate(blocks=len(both), reason=f"an interval needs {LEAST_BLOCKS} blocks with a value")
    outcome, reason = decide(value, check.at_least, check.at_most)
    return CheckResult(
        name=check.name,
        metric=check.metric,
        subject=_subject(check.of),
        reference=None if check.to is None else _subject(check.to),
        at_least=check.at_least,
        at_most=check.at_most,
        value=value,
        outcome=outcome,
        reason=reason,
    )


def _subject(side: Measured) -> Subject:
    load = None if side.page is None else side.load
    return Subject(arm=side.arm, scenario=side.scenario, page=side.page, level=side.level, load=load)


def _values(
    check: Check, side: Measured, rounds: Iterable[Round], visits: Iterable[PageVisit]
) -> dict[int, float]:
    """A value of each block in which there is one."""
    if check.metric == "lcp":
        found = {
            visit.block: [load.lcp_s for load in visit.loads if load.kind == side.load and load.lcp_s]
            for visit in visits
            if (visit.arm, visit.page, visit.users) == (side.arm, side.page, side.level)
            if visit.discarded is None
        }
        return {block: median(values) for block, values in found.items() if values}
    own = [
        one for one in rounds if (one.arm, one.scenario, one.level) == (side.arm, side.scenario, side.level)
    ]
    known = rounds_by_block(check.metric, own)
    least = METRICS[check.metric].least_requests
    return {block: value for block, (value, requests) in known.items() if requests >= least}
