from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portcompare.analyse.comparisons import judge_ratio
from portcompare.records.estimates import Estimate
from portcompare.records.metrics import METRICS, MetricName

if TYPE_CHECKING:
    from portcompare.records.estimates import Verdict

LOWEST, HIGHEST = 1 / 1.05, 1.05  # of what counts as equivalent, at a margin of 5%
LESS_IS_BETTER = [metric for metric in METRICS if metric != "throughput"]


def interval_of(low: float, high: float) -> Estimate:
    return Estimate(point=(low * high) ** 0.5, low=low, high=high)


def test_wholly_above_is_faster_where_more_is_better() -> None:
    found = judge_ratio("throughput", interval_of(1.06, 1.20), 0.05)
    assert found.verdict == "faster"
    assert found.reason == "the interval lies wholly above the equivalence margin of 5.00%"


def test_wholly_below_is_slower_where_more_is_better() -> None:
    found = judge_ratio("throughput", interval_of(0.80, 0.95), 0.05)
    assert found.verdict == "slower"
    assert found.reason == "the interval lies wholly below the equivalence margin of 5.00%"


@pytest.mark.parametrize("metric", LESS_IS_BETTER)
def test_where_less_is_better_it_is_the_other_way_round(metric: MetricName) -> None:
    assert judge_ratio(metric, interval_of(1.06, 1.20), 0.05).verdict == "slower"
    assert judge_ratio(metric, interval_of(0.80, 0.95), 0.05).verdict == "faster"


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.97, 1.03, "equivalent"),
        (1.01, 1.04, "equivalent"),  # a real difference, but one that does not matter
        (LOWEST, HIGHEST, "equivalent"),  # the edges belong to the margin
        (1.00, HIGHEST + 1e-9, "inconclusive"),
        (LOWEST - 1e-9, 1.00, "inconclusive"),
        (HIGHEST, 1.20, "inconclusive"),
        (0.80, LOWEST, "inconclusive"),
        (0.50, 2.00, "inconclusive"),
    ],
)
def test_an_interval_that_reaches_the_margin_is_not_a_difference(
    metric: MetricName, low: float, high: float, expected: Verdict
) -> None:
    assert judge_ratio(metric, interval_of(low, high), 0.05).verdict == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(HIGHEST + 1e-9, 1.20, "faster"), (0.80, LOWEST - 1e-9, "slower")],
)
def test_an_interval_just_past_the_margin_is_a_difference(low: float, high: float, expected: Verdict) -> None:
    assert judge_ratio("throughput", interval_of(low, high), 0.05).verdict == expected


def test_reasons_say_where_the_interval_lies() -> None:
    assert judge_ratio("p50", interval_of(0.99, 1.01), 0.1).reason == (
        "the interval lies wholly inside the equivalence margin of 10.0%"
    )
    assert judge_ratio("p50", interval_of(0.50, 1.01), 0.1).reason == (
        "the interval crosses the edge of the equivalence margin of 10.0%"
    )


def test_a_wider_margin_forgives_more() -> None:
    assert judge_ratio("throughput", interval_of(1.06, 1.08), 0.05).verdict == "faster"
    assert judge_ratio("throughput", interval_of(1.06, 1.08), 0.10).verdict == "equivalent"
