from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING

import pytest

from portcompare.analyse.comparisons import find_undecided
from portcompare.records.metrics import METRICS, MetricName
from portcompare.records.rounds import CONTROL
from tests.altered import altered
from tests.analyse.samples import COMPARISON

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portcompare.records.estimates import Comparison

NARROW = altered(COMPARISON, point=2.0, low=1.95, high=2.05)
WIDE = altered(COMPARISON, point=2.0, low=1.60, high=2.50)
HERE = frozenset({("fast", 4.0)})


def undecided(comparisons: Iterable[Comparison], precision: float) -> frozenset[tuple[str, float]]:
    return frozenset(find_undecided(comparisons, precision, is_early=False))


@pytest.mark.parametrize("metric", ["throughput", "p50"])
def test_a_level_is_undecided_while_throughput_or_median_is_wide(metric: MetricName) -> None:
    others = [replace(NARROW, metric=other) for other in METRICS if other != metric]
    assert undecided([*others, replace(WIDE, metric=metric)], 0.05) == HERE
    assert undecided([*others, replace(NARROW, metric=metric)], 0.05) == frozenset()


@pytest.mark.parametrize("metric", ["p95", "p99", "cpu_s_per_request"])
def test_other_metrics_keep_no_level_going(metric: MetricName) -> None:
    assert undecided([NARROW, replace(WIDE, metric=metric)], 0.05) == frozenset()


def test_what_cannot_be_told_is_undecided() -> None:
    unknown = altered(COMPARISON, point=None, low=None, high=None, verdict="invalid")
    assert undecided([unknown], 0.05) == HERE


def test_the_width_is_relative_to_the_ratio() -> None:
    interval = altered(COMPARISON, point=10.0, low=9.6, high=10.4)
    assert undecided([interval], 0.05) == frozenset()
    assert undecided([interval], 0.03) == HERE


def test_a_width_of_just_the_precision_is_narrow_enough() -> None:
    edge = altered(COMPARISON, point=2.0, low=1.6, high=2.5)
    assert undecided([edge], 0.25) == frozenset()
    assert undecided([altered(edge, high=2.5001)], 0.25) == HERE


def test_verdicts_do_not_decide_when_to_stop() -> None:
    assert undecided([altered(WIDE, verdict="faster")], 0.05) == HERE
    assert undecided([altered(NARROW, verdict="inconclusive")], 0.05) == frozenset()


def test_one_wide_arm_keeps_its_level_going_and_no_other() -> None:
    comparisons = [
        NARROW,
        replace(WIDE, candidate=CONTROL),
        replace(NARROW, level=8.0),
        replace(WIDE, scenario="slow", level=8.0),
    ]
    assert undecided(comparisons, 0.05) == {("fast", 4.0), ("slow", 8.0)}


def test_the_widest_interval_of_a_level_is_told() -> None:
    wider = altered(WIDE, metric="p50", candidate=CONTROL, high=3.0)
    unknown = altered(WIDE, scenario="slow", point=None, low=None, high=None)
    assert find_undecided([WIDE, wider, NARROW, unknown], 0.05, is_early=False) == {
        ("fast", 4.0): pytest.approx(0.5),
        ("slow", 4.0): inf,
    }


def test_before_the_least_number_of_blocks_only_intervals_of_half_the_width_are_enough() -> None:
    wider = altered(COMPARISON, point=2.0, low=1.949, high=2.051)
    for one, is_undecided in ((wider, True), (NARROW, False)):
        found = find_undecided([one], 0.05, is_early=True)
        assert bool(found) == is_undecided
        assert find_undecided([one], 0.05, is_early=False) == {}
