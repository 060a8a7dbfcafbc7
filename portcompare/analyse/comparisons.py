"""Each candidate, and the control, against the baseline: paired by block, by scenario, level and metric."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import exp, inf, log, sqrt
from statistics import median
from typing import NamedTuple

from portcompare.plan import Plan
from portcompare.records.estimates import WIDEST, Comparison, Estimate, Verdict
from portcompare.records.metrics import HEADLINE_METRICS, METRICS, MetricName, round_metrics
from portcompare.records.rounds import BASELINE, CONTROL, Round
from portcompare.stats.intervals import (
    LEAST_BLOCKS,
    arm_effects,
    degrees_of_freedom,
    mean_estimate,
    paired_ratio,
    quantile,
)
from portcompare.units import count, ratio, share

EARLY_SHARE = 1 / 2
"""The part of the precision that intervals must reach for a level to be done before the fewest blocks.

A narrow interval of few blocks may be so by chance, and then it covers too little. One as narrow as this is
next to never so by chance where noise is as large as the precision; where it is much smaller, it does not
matter to a verdict.
"""


LARGE_DIFFERENCE = 0.1  # The part of a ratio's logarithm that is as good as the precision, if it is more


def compare(rounds: Iterable[Round], margins: Mapping[MetricName, float]) -> tuple[Comparison, ...]:
    """Compare every arm with the baseline wherever both were measured."""
    by_level: dict[tuple[str, float], dict[str, list[Round]]] = {}
    for one in rounds:
        by_level.setdefault((one.scenario, one.level), {}).setdefault(one.arm, []).append(one)
    return tuple(
        Comparison(
            scenario=scenario,
            level=level,
            metric=metric,
            candidate=arm,
            ratio=_compare(metric, arms, values[metric], arm, margins[metric]),
        )
        for (scenario, level), arms in by_level.items()
        if BASELINE in arms
        for values in [{metric: find_values(metric, arms) for metric in round_metrics()}]
        for arm in arms
        if arm != BASELINE
        for metric in round_metrics()
    )


def judge_ratio(metric: MetricName, ratio: Estimate, margin: float) -> Estimate:
    """Give a ratio its verdict: by where its whole interval lies, never by its middle."""
    if ratio.interval is None:
        return ratio
    low, high = ratio.interval
    least, most = 1 / (1 + margin), 1 + margin
    above: Verdict = "faster" if METRICS[metric].higher_is_better else "slower"
    below: Verdict = "slower" if METRICS[metric].higher_is_better else "faster"
    band = f"the equivalence margin of {share(margin)}"
    verdict: Verdict = "inconclusive"
    reason = f"the interval crosses the edge of {band}"
    if not ratio.is_result:
        reason = "the ends of the interval are more than a factor of two apart"
    elif low > most:
        verdict, reason = above, f"the interval lies wholly above {band}"
    elif high < least:
        verdict, reason = below, f"the interval lies wholly below {band}"
    elif least <= low and high <= most:
        verdict, reason = "equivalent", f"the interval lies wholly inside {band}"
    return replace(ratio, verdict=verdict, reason=reason)


def ratio_of_blocks(
    metric: MetricName,
    baseline: Mapping[int, float],
    candidate: Mapping[int, float],
    margin: float,
    *,
    needed: str,
) -> Estimate:
    """Compare the values of the blocks that have both; `needed` says of what."""
    both = sorted(baseline.keys() & candidate.keys())
    if len(both) < LEAST_BLOCKS:
        return Estimate(
            blocks=len(both), verdict="invalid", reason=f"too few blocks with {needed}: {len(both)}"
        )
    found = paired_ratio([baseline[block] for block in both], [candidate[block] for block in both])
    return judge_ratio(metric, found, margin)


def find_undecided(
    comparisons: Iterable[Comparison], precision: float, *, is_early: bool
) -> dict[tuple[str, float], float]:
    """The levels that are not yet known well enough, with the widths of their widest intervals."""
    widest: dict[tuple[str, float], float] = {}
    for one in comparisons:
        if one.metric in HEADLINE_METRICS:
            point, high = one.ratio.point, one.ratio.high
            width = inf
            if point is not None and high is not None:
                # Eight times the throughput need not be known to a hundredth.
                width = (high / point - 1) * precision / max(precision, LARGE_DIFFERENCE * abs(log(point)))
            level = (one.scenario, one.level)
            widest[level] = max(width, widest.get(level, 0.0))
    narrow = early_precision(precision) if is_early else precision
    return {level: width for level, width in widest.items() if width > narrow}


def find_undecided_levels(plan: Plan, rounds: Iterable[Round], blocks: int) -> dict[tuple[str, float], float]:
    """The levels of a plan that are not yet known well enough after so many blocks."""
    comparisons = compare(rounds, plan.rounds.margins)
    return find_undecided(comparisons, plan.rounds.precision, is_early=blocks < plan.rounds.min_blocks)


def early_precision(precision: float) -> float:
    """How narrow the intervals of a level must be for it to be done before the fewest blocks."""
    return precision * EARLY_SHARE


class BlockValue(NamedTuple):
    """What one block comes to: a value of an arm, or its ratio to the baseline."""

    value: float
    requests: int  # That it rests on; of a ratio those of the round with the fewest


ArmValues = Mapping[int, Mapping[str, BlockValue]]  # Of all arms at a level, by block


def pair_blocks(metric: MetricName, arms: Mapping[str, Iterable[Round]], arm: str) -> dict[int, BlockValue]:
    """Pair an arm's rounds at a level with the baseline's: its ratio in each block that has both."""
    return _pair(find_values(metric, arms), arm)


def find_values(metric: MetricName, arms: Mapping[str, Iterable[Round]]) -> ArmValues:
    """The values of all arms at a level, freed in each block of what the machine did meanwhile."""
    blocks: dict[int, dict[str, Round]] = {}
    for name, rounds in arms.items():
        for one in rounds:
            if one.discarded is None and METRICS[metric].value(one) is not None:
                blocks.setdefault(one.block, {})[name] = one
    return {
        block: {
            name: BlockValue(value, known[name].load.requests)
            for name, value in _values_in_block(metric, known).items()
        }
        for block, known in sorted(blocks.items())
    }


def _pair(blocks: ArmValues, arm: str) -> dict[int, BlockValue]:
    pairs = {}
    for block, known in blocks.items():
        if arm in known and BASELINE in known:
            values = {name: {block: one.value} for name, one in known.items()}
            requests = min(known[name].requests for name in {BASELINE, CONTROL, arm} & known.keys())
            pairs[block] = BlockValue(known[arm].value / find_references(values, arm)[block], requests)
    return pairs


def _values_in_block(metric: MetricName, rounds: Mapping[str, Round]) -> dict[str, float]:
    """Each arm's value in one block: where they took turns, freed of what the machine did meanwhile."""
    of_turn = METRICS[metric].turn_value
    if of_turn is not None:
        turns = [
            (turn.started_at_s, name, value)
            for name, one in rounds.items()
            for turn in one.turns
            if turn.discarded is None and (value := of_turn(turn)) is not None
        ]
        turns.sort()
        names = [name for _, name, _ in turns]
        if set(names) == rounds.keys():
            effects = arm_effects(names, [log(value) for *_, value in turns])
            return {name: exp(effect) for name, effect in effects.items()}
    return {name: METRICS[metric].value(one) or 0.0 for name, one in rounds.items()}


def find_references(values: Mapping[str, Mapping[int, float]], arm: str) -> dict[int, float]:
    """What an arm is compared with in each block.

    In each block the baseline is measured twice, as itself and as the control: a candidate is compared with
    the geometric mean of the two. With equal noise in all rounds its log ratio has three quarters of the
    variance that it has with one of them, as that of a mean of two is half of it. The control is compared
    with the baseline alone, so what it differs by is no less than what candidates do.
    """
    second = {} if arm == CONTROL else values.get(CONTROL, {})
    return {
        block: sqrt(value * second[block]) if block in second else value
        for block, value in values.get(BASELINE, {}).items()
    }


def rounds_by_block(metric: MetricName, rounds: Iterable[Round]) -> dict[int, BlockValue]:
    """An arm's value in each block that has one."""
    return {
        one.block: BlockValue(value, one.load.requests)
        for one in rounds
        if one.discarded is None and (value := METRICS[metric].value(one)) is not None
    }


def too_few_requests(metric: MetricName, usual: float) -> Estimate | None:
    """Why rounds of so many requests say nothing of a metric; None if they do."""
    needed = METRICS[metric].least_requests
    if usual >= needed:
        return None
    why = f"{usual:g} requests a round are too few for a {metric}, which needs {needed}"
    return Estimate(verdict="inconclusive", reason=why)


def _compare(
    metric: MetricName, arms: Mapping[str, Sequence[Round]], blocks: ArmValues, arm: str, margin: float
) -> Estimate:
    pairs = list(_pair(blocks, arm).values())
    found = _not_known(metric, arms[BASELINE], arms[arm])
    if found is None and len(pairs) < LEAST_BLOCKS:
        known = f"only {count(len(pairs), 'start')} of the servers with a valid round of both"
        found = Estimate(verdict="invalid", reason=_describe_discarded(arms, arm) or known)
    found = found or too_few_requests(metric, median(one.requests for one in pairs))
    if found is None:
        found = judge_ratio(metric, mean_estimate([one.value for one in pairs]), margin)
        if not found.is_result:
            found = replace(
                found, reason=_why_wide(arms, arm, found, pairs, list(_pair(blocks, CONTROL).values()))
            )
    return replace(found, blocks=len(pairs))


LARGE_SHARE = 1 / 2  # Few requests are the cause of an interval if chance alone makes it so wide
DISCARDED_SHARE = 1 / 4  # Discarded rounds are, if they are so large a part
MANY_BLOCKS_QUANTILE = 1.96  # Few starts are, if with this many standard errors it would be narrow enough


def _why_wide(
    arms: Mapping[str, Sequence[Round]],
    arm: str,
    found: Estimate,
    pairs: Sequence[BlockValue],
    control: Sequence[BlockValue],
) -> str:
    """What was measured that makes an interval too wide: discarded rounds, few starts or requests, noise."""
    low, high = found.interval or (1.0, 1.0)
    if discarded := _describe_discarded(arms, arm):
        return discarded
    errors = quantile(degrees_of_freedom(len(pairs)))
    if MANY_BLOCKS_QUANTILE / errors * log(high / low) <= log(WIDEST):
        return f"only {count(len(pairs), 'start')} of the servers"
    # Of n requests that arrive at random a rate has a relative deviation of 1 / sqrt(n), a ratio of two
    # rates one of sqrt(2 / n); what a server sends in waves varies less.
    usual = median(one.requests for one in pairs)
    if errors * sqrt(2 / max(usual, 1) / len(pairs)) > LARGE_SHARE * log(high / low) / 2:
        return f"too few requests: {usual:g} a round"
    if len(control) >= LEAST_BLOCKS:
        same = mean_estimate([one.value for one in control])
        if not same.is_result and same.interval is not None:
            low, high = same.interval
            return f"machine noise: two instances of the baseline differ by {ratio(low)} to {ratio(high)}"
    return f"its own noise, from start to start: {ratio(low)} to {ratio(high)}"


def _describe_discarded(arms: Mapping[str, Sequence[Round]], arm: str) -> str:
    """How many rounds or turns of an arm or the baseline were discarded, and why; empty if no large part."""
    rounds = [one for name in dict.fromkeys((BASELINE, arm)) for one in arms[name]]
    turns = [turn for one in rounds for turn in one.turns]
    for noun, reasons in {
        "rounds": [one.discarded for one in rounds],
        "turns": [one.discarded for one in turns],
    }.items():
        found = Counter(reason for reason in reasons if reason is not None)
        if found and found.total() >= DISCARDED_SHARE * len(reasons):
            return f"{found.total()} of {len(reasons)} {noun} discarded: {found.most_common(1)[0][0]}"
    return ""


def _not_known(metric: MetricName, baseline: Sequence[Round], candidate: Sequence[Round]) -> Estimate | None:
    """Why no round that counts has a value; None if one does."""
    if not METRICS[metric].needs_usage:
        return None
    valid = ([one for one in rounds if one.discarded is None] for rounds in (baseline, candidate))
    unknown = [ones[0].deployment for ones in valid if ones and all(one.usage is None for one in ones)]
    if not unknown:
        return None
    what, names = METRICS[metric].noun, " and ".join(dict.fromkeys(unknown))
    return Estimate(
        verdict="inconclusive", reason=f"the {what} of {names} is not known: it was already running"
    )
