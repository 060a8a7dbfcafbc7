from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from portcompare.analyse.comparisons import judge_ratio
from portcompare.analyse.validity import find_invalid_reasons, find_warnings
from portcompare.records.estimates import Estimate
from portcompare.records.parity import Difference
from portcompare.records.rounds import CONTROL
from tests.altered import altered
from tests.analyse.samples import COMPARISON, MARGINS, PARITY, ROUND, in_users

if TYPE_CHECKING:
    from portcompare.records.estimates import Verdict
    from portcompare.records.metrics import MetricName

CONTROLLED = replace(COMPARISON, candidate=CONTROL)
DIFFERING = altered(CONTROLLED, point=1.5, low=1.49, high=1.51, verdict="faster")
# 1.2 / 1.06 = 1.3584 / 1.2: five blocks make it a difference by itself, but not among many.
SLIGHT = altered(CONTROLLED, point=1.2, low=1.06, high=1.3584, verdict="faster")
MANY = [replace(CONTROLLED, level=float(level)) for level in range(20)]
REMEDY = (
    "Close other programs, measure longer rounds (rounds.seconds) and more blocks (rounds.min_blocks, "
    "rounds.max_blocks), or use a machine with more CPUs"
)
VOID = altered(ROUND, discarded="spoilt")
DIFFERENCE = Difference(
    case="GET /data",
    deployment="new",
    kind="status",
    pointer="",
    severity="breaks",
    baseline="200",
    candidate="500",
)


def test_a_sound_run_is_valid_and_without_warnings() -> None:
    assert find_invalid_reasons([ROUND], [CONTROLLED, COMPARISON], MARGINS, PARITY, in_users) == ()
    assert find_warnings([ROUND], [CONTROLLED, COMPARISON], MARGINS, in_users) == ()


@pytest.mark.parametrize(("count", "places"), [(1, "1 place"), (2, "2 places")])
def test_answers_that_differ_make_a_run_invalid(count: int, places: str) -> None:
    allowed = replace(DIFFERENCE, allowed="meant to be")
    parity = replace(PARITY, equal=False, differences=(*(DIFFERENCE,) * count, allowed))
    assert find_invalid_reasons([ROUND], [CONTROLLED], MARGINS, parity, in_users) == (
        f"the responses differ in {places}",
    )


def test_a_parity_check_without_cases_is_not_called_a_difference() -> None:
    parity = replace(PARITY, equal=False, cases=0)
    assert find_invalid_reasons([ROUND], [CONTROLLED], MARGINS, parity, in_users) == (
        "no responses were compared",
    )


def test_a_run_that_ended_before_parity_was_checked_is_not_blamed_for_it() -> None:
    assert find_invalid_reasons([ROUND], [CONTROLLED], MARGINS, None, in_users) == ()


def test_a_run_without_rounds_is_invalid() -> None:
    assert find_invalid_reasons([], [], MARGINS, PARITY, in_users) == ("nothing was measured",)


def test_a_run_of_one_arm_alone_is_invalid() -> None:
    assert find_invalid_reasons([ROUND], [], MARGINS, PARITY, in_users) == (
        "nothing was compared: no level was measured both on the baseline and on another",
    )


def test_more_than_a_fifth_of_discarded_rounds_make_a_run_invalid() -> None:
    assert find_invalid_reasons([VOID, *[ROUND] * 4], [CONTROLLED], MARGINS, PARITY, in_users) == ()
    assert find_invalid_reasons([VOID, VOID, *[ROUND] * 7], [CONTROLLED], MARGINS, PARITY, in_users) == (
        "2 of 9 rounds were discarded",
    )


@pytest.mark.parametrize("verdict", ["faster", "slower"])
@pytest.mark.parametrize("metric", ["throughput", "p50"])
def test_a_control_that_differs_makes_a_run_invalid(metric: MetricName, verdict: Verdict) -> None:
    (reason,) = find_invalid_reasons(
        [ROUND], [*MANY, altered(DIFFERING, metric=metric, verdict=verdict)], MARGINS, PARITY, in_users
    )
    assert reason == (
        f"too noisy: the control, the baseline measured again, came out {verdict} in {metric} "
        f"(fast, 4 users). {REMEDY}"
    )


def test_a_control_that_differs_in_a_tail_is_no_reason() -> None:
    assert (
        find_invalid_reasons(
            [ROUND], [altered(DIFFERING, metric="p99", verdict="slower")], MARGINS, PARITY, in_users
        )
        == ()
    )


def test_a_candidate_that_differs_is_no_reason() -> None:
    assert (
        find_invalid_reasons([ROUND], [replace(DIFFERING, candidate="new")], MARGINS, PARITY, in_users) == ()
    )


def test_a_control_that_differs_by_itself_but_not_among_many_is_a_warning_and_no_reason() -> None:
    assert find_invalid_reasons([ROUND], [SLIGHT], MARGINS, PARITY, in_users) != ()
    assert find_warnings([ROUND], [SLIGHT], MARGINS, in_users) == ()
    assert find_invalid_reasons([ROUND], [*MANY, SLIGHT], MARGINS, PARITY, in_users) == ()
    assert find_warnings([ROUND], [*MANY, SLIGHT], MARGINS, in_users) == (
        (
            "the control, the baseline measured again, came out faster in throughput (fast, 4 users). "
            "Among 21 comparisons this may be chance (Holm, 5%), and so may be what a candidate shows there"
        ),
    )


def test_the_candidates_do_not_make_the_controls_differences_fewer() -> None:
    others = [replace(one, candidate="new") for one in MANY]
    assert find_invalid_reasons([ROUND], [*others, SLIGHT], MARGINS, PARITY, in_users) != ()


def test_the_control_is_held_to_the_metrics_own_margin() -> None:
    assert find_invalid_reasons([ROUND], [DIFFERING], MARGINS | {"throughput": 0.6}, PARITY, in_users) == ()


def test_every_reason_is_given() -> None:
    parity = replace(PARITY, equal=False, differences=(DIFFERENCE,))
    assert len(find_invalid_reasons([VOID], [DIFFERING], MARGINS, parity, in_users)) == 3


@pytest.mark.parametrize("metric", ["throughput", "p50"])
def test_a_control_that_cannot_be_told_equivalent_is_a_warning(metric: MetricName) -> None:
    noisy = altered(CONTROLLED, metric=metric, low=0.9, high=1.125, verdict="inconclusive")
    assert find_invalid_reasons([ROUND], [noisy], MARGINS, PARITY, in_users) == ()
    (warning,) = find_warnings([ROUND], [noisy], MARGINS, in_users)
    assert warning == (
        "too noisy: the control, the baseline measured again, cannot be shown to be equivalent, so "
        f"only differences larger than these can be told here today: {metric} 17.4% (fast, 4 users). {REMEDY}"
    )  # 1.05 * sqrt(1.125 / 0.9) - 1


def test_what_can_be_told_is_what_would_just_be_called_a_difference() -> None:
    noisy = altered(CONTROLLED, low=0.9, high=1.125, verdict="inconclusive")
    (warning,) = find_warnings([ROUND], [noisy], MARGINS | {"throughput": 0.20}, in_users)
    (found,) = re.findall(r"throughput ([\d.]+)%", warning)
    ratio, half = 1 + float(found) / 100, (1.125 / 0.9) ** 0.5
    for factor, verdict in ((0.999, "inconclusive"), (1.001, "faster")):
        interval = Estimate(point=factor * ratio, low=factor * ratio / half, high=factor * ratio * half)
        assert judge_ratio("throughput", interval, 0.20).verdict == verdict


def test_every_place_where_the_control_differs_is_told_in_one_reason() -> None:
    slower = altered(DIFFERING, verdict="slower")
    reasons = find_invalid_reasons(
        [ROUND], [slower, replace(slower, metric="p50")], MARGINS, PARITY, in_users
    )
    assert len(reasons) == 1
    assert "slower in throughput (fast, 4 users); slower in p50 (fast, 4 users). Close" in reasons[0]


def test_nothing_else_that_is_inconclusive_is_a_warning() -> None:
    wide = altered(CONTROLLED, low=0.9, high=1.125, verdict="inconclusive")
    quiet = [
        replace(wide, candidate="new"),
        replace(wide, metric="p99"),
        altered(wide, verdict="equivalent"),
        altered(wide, point=None, low=None, high=None),
    ]
    assert find_warnings([ROUND], quiet, MARGINS, in_users) == ()


def test_discarded_rounds_are_told_once_for_each_reason_and_place() -> None:
    rounds = [
        VOID,
        ROUND,
        replace(VOID, block=1),
        replace(VOID, arm=CONTROL),
        altered(VOID, discarded="late"),
    ]
    assert find_warnings(rounds, [], MARGINS, in_users) == (
        "discarded round: baseline (fast, 4 users): spoilt",
        "discarded round: control (fast, 4 users): spoilt",
        "discarded round: baseline (fast, 4 users): late",
    )


def test_a_control_without_valid_rounds_makes_a_run_invalid() -> None:
    (reason,) = find_invalid_reasons(
        [ROUND], [altered(CONTROLLED, verdict="invalid")], MARGINS, PARITY, in_users
    )
    assert reason == (
        "the control, the baseline measured again, has too few valid rounds: throughput (fast, 4 users)"
    )


def test_all_noise_is_told_in_one_warning() -> None:
    noisy = altered(CONTROLLED, low=0.9, high=1.125, verdict="inconclusive")
    (warning,) = find_warnings(
        [ROUND], [noisy, replace(noisy, scenario="slow", level=1.0)], MARGINS, in_users
    )
    assert "(fast, 4 users); " in warning
    assert "(slow, 1 user). " in warning


def test_levels_are_worded_as_the_scenarios_load_has_them() -> None:
    def word(scenario: str, level: float) -> str:
        return f"{level} of {scenario}"

    (reason,) = find_invalid_reasons([ROUND], [DIFFERING], MARGINS, PARITY, word)
    assert "(fast, 4.0 of fast). " in reason
    assert find_warnings([VOID], [], MARGINS, word) == (
        "discarded round: baseline (fast, 4.0 of fast): spoilt",
    )
