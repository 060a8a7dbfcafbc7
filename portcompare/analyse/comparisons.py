"""Each candidate, and the control, against the baseline: paired by block, by scenario, level and metric."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, sqrt
from statistics import median

from portcompare.plan import Plan
from portcompare.records.estimates import Comparison, Estimate, Verdict
from portcompare.records.metrics import HEADLINE_METRICS, METRICS, MetricName, round_metrics
from portcompare.records.rounds import BASELINE, CONTROL, Round
from portcompare.stats.intervals import LEAST_BLOCKS, paired_ratio
from portcompare.units import count, share

EARLY_SHARE = 1 / 2
"""The part of the precision that intervals must reach for a level to be done before the fewest blocks.

A narrow interval of few blocks may be so by chance, and then it covers too little. One as narrow as this is
next to never so by chance where noise is as large as the precision; where it is much smaller, it does not
matter to a verdict.
"""


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
            ratio=_compare(metric, arms, arm, margins[metric]),
        )
        for (scenario, level), arms in by_level.items()
        if BASELINE in arms
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
    if low > most:
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
            width = inf if point is None or high is None else high / point - 1
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One block's values in a metric."""

    reference: float  # The baseline's
    value: float  # The arm's
    requests: int  # How many requests the round with the fewest has, of all that the values come from

    @property
    def ratio(self) -> float:
        """The arm's value divided by the baseline's."""
        return self.value / self.reference


def pair_blocks(metric: MetricName, arms: Mapping[str, Iterable[Round]], arm: str) -> dict[int, Pair]:
    """Pair an arm's rounds at a level with the baseline's."""
    known = {name: rounds_by_block(metric, rounds) for name, rounds in arms.items()}
    values = {name: {block: value for block, (value, _) in blocks.items()} for name, blocks in known.items()}
    return {
        block: Pair(
            reference=reference,
            value=values[arm][block],
            requests=min(
                known[name][block][1] for name in {BASELINE, CONTROL, arm} if block in known.get(name, ())
            ),
        )
        for block, reference in find_references(values, arm).items()
        if block in values[arm]
    }


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


def rounds_by_block(metric: MetricName, rounds: Iterable[Round]) -> dict[int, tuple[float, int]]:
    """An arm's value in each block that has one, and how many requests it rests on."""
    return {
        one.block: (value, one.load.requests)
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


def _compare(metric: MetricName, arms: Mapping[str, Sequence[Round]], arm: str, margin: float) -> Estimate:
    pairs = list(pair_blocks(metric, arms, arm).values())
    found = _not_known(metric, arms[BASELINE], arms[arm])
    if found is None and len(pairs) < LEAST_BLOCKS:
        known = f"{count(len(pairs), 'block')} with a valid round of both"
        found = Estimate(verdict="invalid", reason=f"{known}; an interval needs {LEAST_BLOCKS}")
    found = found or too_few_requests(metric, median(one.requests for one in pairs))
    if found is None:
        ratio = paired_ratio([one.reference for one in pairs], [one.value for one in pairs])
        found = judge_ratio(metric, ratio, margin)
    return replace(found, blocks=len(pairs))


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
