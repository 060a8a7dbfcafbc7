"""Each candidate, and the control, against the baseline: paired by block, by scenario, level and metric."""

from __future__ import annotations

from math import sqrt
from statistics import median
from typing import TYPE_CHECKING

from portcompare.analyse.verdicts import judge
from portcompare.intervals import LEAST_BLOCKS, paired_ratio
from portcompare.model import BASELINE, CONTROL, METRICS, Comparison
from portcompare.units import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

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

    In each block the baseline is measured twice, as itself and as the control, and both say the same of it: a
    candidate is compared with the geometric mean of the two. With equal noise in all rounds its log ratio has
    three quarters of the variance that it has with one of them, as that of a mean of two is half of it. The
    control is compared with the baseline alone, so what it differs by is no less than what candidates do.

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
        _compare_metric(metric, arms[BASELINE], arms.get(CONTROL, ()), arms[arm], margins[metric])
        for arms in by_level.values()
        if BASELINE in arms
        for arm in arms
        if arm != BASELINE
        for metric in METRICS
    )


def metric_of(measured: Round, metric: Metric) -> float | None:
    """A round's value in a metric.

    Args:
        measured: The round.
        metric: The metric.

    Returns:
        The value; None where it is not known or nothing succeeded.
    """
    if metric == "throughput":
        return measured.rate_rps or None
    if metric == "cpu_s_per_request":
        return measured.cpu_s_per_request or None
    return getattr(measured.latency_s, metric, None)


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
    metric: Metric,
    baseline: Sequence[Round],
    control: Sequence[Round],
    candidate: Sequence[Round],
    margin: float,
) -> Comparison:
    subject = candidate[0]
    theirs = _by_block(metric, candidate)
    second = {} if subject.arm == CONTROL else _by_block(metric, control)
    pairs = [
        (_reference(base_value, second.get(block)), *theirs[block], base_requests)
        for block, (base_value, base_requests) in _by_block(metric, baseline).items()
        if block in theirs
    ]
    too_few = _not_known(metric, baseline, candidate) or _too_few(metric, pairs)
    if too_few is not None:
        verdict, reason = too_few
        ratio = low = high = None
    else:
        base_values, candidate_values, *_ = zip(*pairs, strict=True)
        interval = paired_ratio(base_values, candidate_values)
        verdict, reason = judge(metric, interval, margin)
        ratio, low, high = interval.ratio, interval.low, interval.high
    return Comparison(
        scenario=subject.scenario,
        level=subject.level,
        metric=metric,
        candidate=subject.arm,
        blocks=len(pairs),
        ratio=ratio,
        low=low,
        high=high,
        verdict=verdict,
        reason=reason,
    )


def _by_block(metric: Metric, rounds: Iterable[Round]) -> dict[int, tuple[float, int]]:
    """An arm's value in each block that has one, and how many requests it rests on."""
    return {
        one.block: (value, one.requests)
        for one in rounds
        if one.void is None and (value := metric_of(one, metric)) is not None
    }


def _reference(base_value: float, second: tuple[float, int] | None) -> float:
    """What a block's candidates are compared with: both instances' mean, where the second was measured."""
    return base_value if second is None else sqrt(base_value * second[0])


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


def _too_few(metric: Metric, pairs: Sequence[tuple[float, float, int, int]]) -> tuple[Verdict, str] | None:
    """Why the pairs cannot carry a verdict; None if they can."""
    if len(pairs) < LEAST_BLOCKS:
        found = f"{count(len(pairs), 'block')} with a valid round of both"
        return "invalid", f"{found}; an interval needs {LEAST_BLOCKS}"
    needed = requests_needed(metric)
    usual = median(min(requests) for _, _, *requests in pairs)
    if usual < needed:
        return "inconclusive", f"{usual:g} requests a round are too few for a {metric}, which needs {needed}"
    return None
