from __future__ import annotations

from dataclasses import replace

import pytest

from portcompare.analyse import find_undecided
from portcompare.model import CONTROL, METRICS, Metric
from tests.analyse.samples import COMPARISON

NARROW = replace(COMPARISON, ratio=2.0, low=1.95, high=2.05)
WIDE = replace(COMPARISON, ratio=2.0, low=1.60, high=2.50)
HERE = frozenset({("fast", 4.0)})


@pytest.mark.parametrize("metric", ["throughput", "p50"])
def test_a_level_is_undecided_while_throughput_or_median_is_wide(metric: Metric) -> None:
    others = [replace(NARROW, metric=other) for other in METRICS if other != metric]
    assert find_undecided([*others, replace(WIDE, metric=metric)], 0.05) == HERE
    assert find_undecided([*others, replace(NARROW, metric=metric)], 0.05) == frozenset()


@pytest.mark.parametrize("metric", ["p95", "p99", "cpu_s_per_request"])
def test_other_metrics_keep_no_level_going(metric: Metric) -> None:
    assert find_undecided([NARROW, replace(WIDE, metric=metric)], 0.05) == frozenset()


def test_what_cannot_be_told_is_undecided() -> None:
    unknown = replace(COMPARISON, ratio=None, low=None, high=None, verdict="invalid")
    assert find_undecided([unknown], 0.05) == HERE


def test_the_width_is_relative_to_the_ratio() -> None:
    interval = replace(COMPARISON, ratio=10.0, low=9.6, high=10.4)
    assert find_undecided([interval], 0.05) == frozenset()
    assert find_undecided([interval], 0.03) == HERE


def test_a_width_of_just_the_precision_is_narrow_enough() -> None:
    edge = replace(COMPARISON, ratio=2.0, low=1.6, high=2.5)
    assert find_undecided([edge], 0.25) == frozenset()
    assert find_undecided([replace(edge, high=2.5001)], 0.25) == HERE


def test_verdicts_do_not_decide_when_to_stop() -> None:
    assert find_undecided([replace(WIDE, verdict="faster")], 0.05) == HERE
    assert find_undecided([replace(NARROW, verdict="inconclusive")], 0.05) == frozenset()


def test_one_wide_arm_keeps_its_level_going_and_no_other() -> None:
    comparisons = [
        NARROW,
        replace(WIDE, candidate=CONTROL),
        replace(NARROW, level=8.0),
        replace(WIDE, scenario="slow", level=8.0),
    ]
    assert find_undecided(comparisons, 0.05) == {("fast", 4.0), ("slow", 8.0)}
