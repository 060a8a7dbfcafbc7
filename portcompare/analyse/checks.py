"""Checks: limits of a plan's gates and claims, decided on the whole interval of an estimate."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import median

from portcompare.analyse.comparisons import rounds_by_block
from portcompare.analyse.diff import Run, diff_runs, find_unlike_scenarios
from portcompare.plan import Check, Claim, Gate, Measured, Plan
from portcompare.records.estimates import Estimate
from portcompare.records.metrics import METRICS, MetricName
from portcompare.records.pages import PageVisit
from portcompare.records.results import (
    CheckOutcome,
    CheckResult,
    ClaimResult,
    ClaimVerdict,
    GateResult,
    Results,
    Subject,
)
from portcompare.records.rounds import BASELINE, Round
from portcompare.records.work import ANY_LEVEL
from portcompare.stats.intervals import LEAST_BLOCKS, paired_ratio
from portcompare.units import ratio

Ratios = Mapping[tuple[str, float, MetricName, str], Estimate]  # by scenario, level, metric and deployment


def decide(
    value: Estimate, at_least: float | None, at_most: float | None, unreliable: str | None = None
) -> tuple[CheckOutcome, str]:
    """Decide a limit on the whole interval, never on its middle.

    `unreliable`: why the estimate cannot be relied on; None if it can.
    Returns the outcome, and why it is that.
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
    crossed = [limit for limit in (at_least,) if limit is not None and low < limit]
    crossed += [limit for limit in (at_most,) if limit is not None and high > limit]
    if crossed:
        limits = " and ".join(map(ratio, crossed))
        return "inconclusive", f"the interval crosses {limits}: measure more blocks to decide"
    return "kept", "the whole interval keeps the limit"


def judge_gates(plan: Plan, results: Results, stored: Mapping[str, Results]) -> tuple[GateResult, ...]:
    """Decide a plan's gates at each level; `stored`: the runs that they compare with, by the plan's names."""
    unreliable = (
        "the run is partial" if results.partial else None if results.valid else "the run is not valid"
    )
    here: Ratios = {
        (one.scenario, one.level, one.metric, one.candidate): one.ratio for one in results.comparisons
    }
    found: list[GateResult] = []
    for gate in plan.gates:
        ratios, why_not = (here if gate.against is None else {}), unreliable
        if gate.against is not None and unreliable is None:
            ratios, why_not = _against(plan, results, gate, stored[gate.against])
        found += [judge_gate(gate, level, ratios, why_not) for level in levels_of(plan, gate)]
    return tuple(found)


def levels_of(plan: Plan, gate: Gate) -> Iterator[float]:
    """The levels at which a gate stands."""
    if gate.metric == "instructions":
        return iter((ANY_LEVEL,))
    return map(float, plan.scenarios[gate.scenario].load.levels if gate.level is None else (gate.level,))


def _against(plan: Plan, results: Results, gate: Gate, stored: Results) -> tuple[Ratios, str | None]:
    """The ratios to a stored run, and why they cannot be relied on; None if they can."""
    old, new = Run(folder=str(gate.against), results=stored), Run(folder=str(plan.path), results=results)
    diff = diff_runs(old, new, plan.rounds.margins, plan.level_text)
    changes = diff.relative_changes if gate.relative else diff.changes
    ratios = {(one.scenario, one.level, one.metric, one.deployment): one.ratio for one in changes}
    if diff.machines:
        what = "; ".join(f"{one.what} was {one.old} and is {one.new}" for one in diff.machines)
        return ratios, f"the stored run was made on another machine: {what}"
    return ratios, find_unlike_scenarios(stored, results).get(gate.scenario)


def judge_gate(gate: Gate, level: float, ratios: Ratios, unreliable: str | None) -> GateResult:
    """Decide whether a gate lets a run pass at one level."""
    nothing = Estimate(reason="nothing was measured there that could be compared")
    value = ratios.get((gate.scenario, level, gate.metric, gate.candidate), nothing)
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
    """Decide a plan's claims."""
    judged = []
    for name, claim in claims.items():
        checks = tuple(_check(check, rounds, visits) for check in claim.checks)
        true = ", ".join(one.name for one in checks if one.outcome == "kept")
        false = ", ".join(one.name for one in checks if one.outcome == "broken")
        unsure = ", ".join(one.name for one in checks if one.outcome not in ("kept", "broken"))
        verdict: ClaimVerdict = "cannot tell" if unsure else "true" if true else "false"
        reason = f"not known: {unsure}" if unsure else ""
        if true and false:
            verdict, reason = "depends", f"true: {true}; false: {false}" + (f"; {reason}" if reason else "")
        if not is_reliable:
            verdict, reason = "cannot tell", "the run is partial or not valid"
        judged.append(ClaimResult(name=name, text=claim.text, verdict=verdict, reason=reason, checks=checks))
    return tuple(judged)


def _check(check: Check, rounds: Sequence[Round], visits: Sequence[PageVisit]) -> CheckResult:
    of = _values(check, check.of, rounds, visits)
    # Without another side the value itself is judged: divided by 1.
    to = dict.fromkeys(of, 1.0) if check.to is None else _values(check, check.to, rounds, visits)
    both = sorted(of.keys() & to.keys())
    value = Estimate(blocks=len(both), reason=f"an interval needs {LEAST_BLOCKS} blocks with a value")
    if len(both) >= LEAST_BLOCKS:
        value = paired_ratio([to[block] for block in both], [of[block] for block in both])
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
    check: Check, side: Measured, rounds: Sequence[Round], visits: Sequence[PageVisit]
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
    least = METRICS[check.metric].least_requests
    known = rounds_by_block(check.metric, own).items()
    return {block: value for block, (value, requests) in known if requests >= least}
