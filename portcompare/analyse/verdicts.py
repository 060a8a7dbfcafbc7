"""From an interval to a word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcompare.units import share

if TYPE_CHECKING:
    from portcompare.intervals import RatioInterval
    from portcompare.model import Metric, Verdict

MORE_IS_BETTER: frozenset[Metric] = frozenset({"throughput"})


def judge(metric: Metric, interval: RatioInterval, margin: float) -> tuple[Verdict, str]:
    """The verdict on a ratio: by where its whole interval lies, never by its middle.

    Args:
        metric: What the ratio is of; more throughput is better, less of all else.
        interval: The ratio candidate / baseline.
        margin: Ratios from 1 / (1 + margin) to 1 + margin count as equivalent.

    Returns:
        The verdict, "faster" meaning better in this metric, and its reason.
    """
    low, high = 1 / (1 + margin), 1 + margin
    band = f"the equivalence margin of {share(margin)}"
    if interval.low > high:
        return ("faster" if metric in MORE_IS_BETTER else "slower"), f"the interval lies wholly above {band}"
    if interval.high < low:
        return ("slower" if metric in MORE_IS_BETTER else "faster"), f"the interval lies wholly below {band}"
    if low <= interval.low and interval.high <= high:
        return "equivalent", f"the interval lies wholly inside {band}"
    return "inconclusive", f"the interval crosses the edge of {band}"
