from dataclasses import replace

import pytest

from portcompare.analyse.conclusions import find_holding, headline_family
from portcompare.records.metrics import METRICS
from portcompare.records.rounds import CONTROL
from portcompare.stats.intervals import holm
from tests.altered import altered
from tests.analyse.samples import COMPARISON, MARGINS

CLEAR = altered(COMPARISON, point=1.5, low=1.49, high=1.51, verdict="faster")
SLIGHT = altered(COMPARISON, point=1.2, low=1.06, high=1.3584, verdict="faster")  # 1.2 / 1.06 = 1.3584 / 1.2


def test_holm_by_hand() -> None:
    # Holm, 1979: the least times 4, the next times 3, and none less than the one before.
    assert holm([0.04, 0.01, 0.03, 0.005]) == pytest.approx([0.06, 0.03, 0.06, 0.02])


def test_holm_exceeds_no_certainty_and_changes_nothing_for_one() -> None:
    assert holm([0.9, 0.4, 0.6]) == (1.0, 1.0, 1.0)
    assert holm([0.03]) == (0.03,)
    assert holm([]) == ()


def test_the_family_is_throughput_and_median_of_the_candidates() -> None:
    everything = [
        replace(COMPARISON, metric=metric, candidate=candidate)
        for candidate in ("new", "newer", CONTROL)
        for metric in METRICS
    ]
    assert [(one.candidate, one.metric) for one in headline_family(everything)] == [
        ("new", "throughput"),
        ("new", "p50"),
        ("newer", "throughput"),
        ("newer", "p50"),
    ]


def test_what_came_to_no_ratio_is_no_comparison() -> None:
    assert headline_family([altered(COMPARISON, point=None, low=None, high=None, verdict="invalid")]) == []


def test_what_is_held_beyond_is_the_metrics_own_margin() -> None:
    assert find_holding([CLEAR], MARGINS | {"throughput": 0.5}) == ()
    assert find_holding([CLEAR], MARGINS | {"p50": 0.5}) == (CLEAR,)


def test_more_blocks_make_the_same_interval_surer() -> None:
    many = [replace(COMPARISON, level=float(level)) for level in range(20)]
    sure = altered(CLEAR, point=1.2, low=1.12, high=1.2 * 1.2 / 1.12)
    fewer, more = (altered(sure, blocks=blocks) for blocks in (5, 30))
    assert find_holding([*many, fewer], MARGINS) == ()
    assert find_holding([*many, more], MARGINS) == (more,)
