"""Each candidate, and the control, against the baseline: paired by block, by scenario, level and metric."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from portcompare.analyse.pairing import pair_blocks
from portcompare.analyse.verdicts import judge
from portcompare.intervals import LEAST_BLOCKS, paired_ratio
from portcompare.model import BASELINE, METRICS, Comparison
from portcompare.units import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from portcompare.analyse.pairing import Pair
    from portcompare.model import Metric, Round, Verdict

_REQUESTS_NEEDED: dict[Metric, int] = {
    "throughput": 0,
    "p50": 2,
    "p95": 20,
    "p99": 100,
    "cpu_s_per_request": 20,
}


def compare(rounds: Iterable[Round], margins: Mapping[Metric, float]) -> tuple[Comparison, ...]:
    """Compare every arm with the baseline wherever both were measured.

    Args:
        rounds: The judged rounds of all arms; void ones are left out.
        margins: The equivalence margin of each metric.

    Returns:
        The comparisons, in the order in which the levels and arms first appear.
    """
    by_level: dict[tuple[str, float], dict[str, list[Round]]] = {}
    for one in rounds:
        by_level.setdefault((one.scenario, one.level), {}).setdefault(one.arm, []).append(one)
    return tuple(
        _compare_metric(metric, arms, arm, margins[metric])
        for arms in by_level.values()
        if BASELINE in arms
        for arm in arms
        if arm != BASELINE
        for metric in METRICS
    )


def requests_needed(metric: Metric) -> int:
    """How many requests a round must have for a metric to mean something.

    Args:
        metric: The metric.

    Returns:
        For a percentile as many that one lies beyond it. For CPU time as many that one is 5% of them: of a
        request that a window's edge cuts, part of the CPU time lies outside. 0 for throughput.
    """
    return _REQUESTS_NEEDED[metric]


def _compare_metric(
    metric: Metric, arms: Mapping[str, Sequence[Round]], arm: str, margin: float
) -> Comparison:
    subject = arms[arm][0]
    pairs = list(pair_blocks(metric, arms, arm).values())
    too_few = _not_known(metric, arms[BASELINE], arms[arm]) or _too_few(metric, pairs)
    if too_few is not None:
        verdict, reason = too_few
        ratio = low = high = None
    else:
        interval = paired_ratio([one.reference for one in pairs], [one.value for one in pairs])
        verdict, reason = judge(metric, interval, margin)
        ratio, low, high = interval.ratio, interval.low, interval.high
    return Comparison(
        scenario=subject.scenario,
        level=subject.level,
        metric=metric,
        candidate=arm,
        blocks=len(pairs),
        ratio=ratio,
        low=low,
        high=high,
        verdict=verdict,
        reason=reason,
    )


def _not_known(
    metric: Metric, baseline: Sequence[Round], candidate: Sequence[Round]
) -> tuple[Verdict, str] | None:
    """Why there is nothing to compare in any round that counts; None if there is."""
    if metric != "cpu_s_per_request":
        return None
    unknown = [
        valid[0].deployment
        for valid in ([one for one in rounds if one.void is None] for rounds in (baseline, candidate))
        if valid and all(one.cpu_s_per_request is None for one in valid)
    ]
    if not unknown:
        return None
    names = " and ".join(dict.fromkeys(unknown))
    return "inconclusive", f"the CPU time of {names} is not known: it was already running"


def _too_few(metric: Metric, pairs: Sequence[Pair]) -> tuple[Verdict, str] | None:
    """Why the pairs cannot carry a verdict; None if they can."""
    if len(pairs) < LEAST_BLOCKS:
        found = f"{count(len(pairs), 'block')} with a valid round of both"
        return "invalid", f"{found}; an interval needs {LEAST_BLOCKS}"
    needed = requests_needed(metric)
    usual = median(one.requests for one in pairs)
    if usual < needed:
        return "inconclusive", f"{usual:g} requests a round are too few for a {metric}, which needs {needed}"
    return None
