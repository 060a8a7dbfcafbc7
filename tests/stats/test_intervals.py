from collections.abc import Sequence
from dataclasses import replace
from math import exp, log, sqrt
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.simulate_unpaired import check_formula
from portcompare.analyse.comparisons import judge_ratio
from portcompare.analyse.conclusions import find_holding, headline_family
from portcompare.records.metrics import METRICS
from portcompare.records.rounds import CONTROL
from portcompare.stats.intervals import (
    arm_effects,
    chance_beyond,
    degrees_of_freedom,
    holm,
    paired_ratio,
    quantile,
    unpaired_ratio,
)
from tests.altered import Known, altered, known
from tests.analyse.samples import COMPARISON
from tests.analyse.samples import MARGINS as EACH_MARGIN

TURNS = "abcbacacbcababc"
EFFECTS = {"a": -0.1, "b": 0.0, "c": 0.1}

values = st.floats(min_value=1e-4, max_value=1e4)
blocks = st.lists(st.tuples(values, values), min_size=2, max_size=12)
factors = st.floats(min_value=1e-3, max_value=1e3)


Pairs = list[tuple[float, float]]


def split(pairs: Pairs) -> tuple[list[float], list[float]]:
    return [base for base, _ in pairs], [candidate for _, candidate in pairs]


def ratio_of(baseline: Sequence[float], candidate: Sequence[float]) -> Known:
    return known(paired_ratio(baseline, candidate))


def test_three_blocks_by_hand_and_the_paired_t_test_on_logarithms() -> None:
    interval = ratio_of([100, 100, 100], [100, 200, 400])
    # The logarithms are 0, 1 and 2 times log 2: their mean and their standard deviation are log 2.
    # The 97.5% point of Student's t with 2 degrees of freedom is 4.303: NIST/SEMATECH e-Handbook of
    # Statistical Methods, section 1.3.6.7.2.
    half = 4.303 * log(2) / sqrt(3)
    assert interval.point == pytest.approx(2)
    assert interval.low == pytest.approx(2 * exp(-half), rel=1e-3)
    assert interval.high == pytest.approx(2 * exp(half), rel=1e-3)
    baseline = [812.0, 790.5, 845.2, 801.1, 777.7, 823.9]
    candidate = [1210.0, 1105.3, 1302.8, 1190.2, 1201.5, 1177.0]
    interval = ratio_of(baseline, candidate)
    # Expected: gmean and the confidence interval of ttest_rel, of scipy 1.17.1.
    assert interval.point == pytest.approx(1.4805126577871612)
    assert interval.low == pytest.approx(1.4195061452984774)
    assert interval.high == pytest.approx(1.544141064219988)


def assert_alike(found: Known, point: float, low: float, high: float) -> None:
    assert found.point == pytest.approx(point)
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-4)


@given(blocks, factors, st.randoms())
def test_neither_unit_nor_order_matters_swapping_inverts_and_a_factor_is_one_of_the_ratio(
    pairs: Pairs, factor: float, random: Random
) -> None:
    baseline, candidate = split(pairs)
    one = ratio_of(baseline, candidate)
    assert one.low <= one.point <= one.high
    assert_alike(ratio_of(*split(random.sample(pairs, len(pairs)))), *one)
    assert_alike(ratio_of(candidate, baseline), 1 / one.point, 1 / one.high, 1 / one.low)
    scaled = [factor * value for value in candidate]
    assert_alike(ratio_of([factor * value for value in baseline], scaled), *one)
    assert_alike(ratio_of(baseline, scaled), *(factor * value for value in one))


def test_fewer_than_two_blocks_or_unequal_numbers_of_them_have_no_interval() -> None:
    for blocks in (0, 1):
        with pytest.raises(ValueError, match="needs two blocks"):
            paired_ratio([1.0] * blocks, [1.0] * blocks)
    for some, others in ((1, 3), (2, 1), (2, 3)):
        with pytest.raises(ValueError, match="cannot be paired"):
            paired_ratio([1.0] * some, [1.0] * others)


def test_eight_blocks_by_hand() -> None:
    # Logarithms to the base 2: -9, 0, 0, 1, 1, 2, 2, 9. Without the ends their mean is 1.
    steps = [9, 0, 2, 1, -9, 2, 0, 1]
    interval = ratio_of([100] * 8, [100 * 2.0**step for step in steps])
    # The ends count as 0 and 2: eight values with squares of distances 6, so a deviation of sqrt(6 / 7). The
    # error is that times sqrt(7 / (6 * 5)); the 97.5% point of Student's t with 5 degrees of freedom is
    # 2.571: NIST/SEMATECH e-Handbook of Statistical Methods, section 1.3.6.7.2.
    half = 2.571 * sqrt(6 / 7) * sqrt(7 / 30)
    assert interval.point == pytest.approx(2)
    assert log(interval.high) == pytest.approx((1 + half) * log(2), abs=1e-3)
    assert log(interval.low) == pytest.approx((1 - half) * log(2), abs=1e-3)


@pytest.mark.parametrize(
    ("blocks", "spoilt", "holds"), [(7, 1, False), (8, 1, True), (15, 2, False), (16, 2, True)]
)
def test_one_block_in_eight_may_be_spoilt(blocks: int, spoilt: int, *, holds: bool) -> None:
    ratios = [1.2 + 0.001 * block for block in range(blocks - spoilt)] + [40.0] * spoilt
    assert (ratio_of([1.0] * blocks, ratios).high < 1.25) == holds


MARGINS = [0.01, 0.05, 0.5]


@given(blocks, st.sampled_from(MARGINS))
def test_chance_is_under_five_percent_just_where_the_interval_lies_beyond_the_margin(
    pairs: Pairs, margin: float
) -> None:
    interval = paired_ratio(*split(pairs))
    chance = chance_beyond(interval, degrees_of_freedom(len(pairs)), margin)
    beyond = judge_ratio("throughput", interval, margin).verdict in ("faster", "slower")
    assert 0 <= chance <= 1
    assert (chance < 0.05) == beyond or chance == pytest.approx(0.05, abs=1e-6) or not interval.is_result


def test_chance_is_that_of_the_t_test_against_the_margins_edge() -> None:
    ratios = [1.11, 1.08, 1.15, 1.09, 1.12, 1.10]
    interval = paired_ratio([1.0] * 6, ratios)
    expected = 0.001953609996928609  # ttest_1samp(log(ratios), log(1.05)) of scipy 1.17.1
    assert chance_beyond(interval, 5, 0.05) == pytest.approx(expected)
    inverted = paired_ratio(ratios, [1.0] * 6)
    assert chance_beyond(inverted, 5, 0.05) == pytest.approx(expected)


@pytest.mark.parametrize(("ratio", "chance"), [(1.06, 0.0), (0.94, 0.0), (1.04, 1.0)])
def test_without_any_spread_there_is_no_doubt(ratio: float, chance: float) -> None:
    assert chance_beyond(paired_ratio([1.0, 1.0], [ratio, ratio]), 1, 0.05) == chance


VALUES = st.lists(st.floats(1e-6, 1e6), min_size=2, max_size=20)


def unpaired_of(old: Sequence[float], new: Sequence[float]) -> tuple[Known, float]:
    found, degrees = unpaired_ratio(old, new)
    return known(found), degrees


def test_of_two_runs_it_is_welchs_interval_and_with_many_blocks_yuens_test() -> None:
    old, new = [10.0, 11.0, 12.5, 9.7], [13.0, 12.0, 15.0, 14.4, 12.9]
    found, degrees = unpaired_of(old, new)
    # Expected: ttest_ind(log(new), log(old), equal_var=False) of scipy 1.17.1.
    assert degrees == pytest.approx(5.676771317123204)
    assert log(found.low) == pytest.approx(0.04860939266864481)
    assert log(found.high) == pytest.approx(0.3951678500468818)
    old = [1.23, 0.77, 1.04, 0.95, 0.96, 0.98, 0.82, 1.39]
    new = [1.15, 1.39, 1.11, 1.16, 1.08, 1.42, 1.09, 1.03, 1.34, 1.13, 0.91, 1.02, 1.14, 1.21, 0.86, 1.01]
    found, degrees = unpaired_of(old, new)
    error = log(found.high / found.low) / 2 / quantile(degrees)
    # Expected: ttest_ind(log(new), log(old), equal_var=False, trim=0.125) of scipy 1.17.1.
    assert degrees == pytest.approx(7.121642895582698)
    assert log(found.point) / error == pytest.approx(1.4918363034728865)
    chance = chance_beyond(unpaired_ratio(old, new)[0], degrees, 1e-12)
    assert chance == pytest.approx(0.1786515323755201)


@given(old=VALUES, new=VALUES, scale=st.floats(1e-3, 1e3))
def test_of_two_runs_the_unit_does_not_matter_and_in_turn_they_give_the_inverse(
    old: list[float], new: list[float], scale: float
) -> None:
    one, degrees = unpaired_of(old, new)
    assert one.low <= one.point <= one.high
    least, most = sorted(len(values) - 2 * (len(values) // 8) - 1 for values in (old, new))
    assert least * (1 - 1e-9) <= degrees <= (least + most) * (1 + 1e-9)
    turned, _ = unpaired_of(new, old)
    assert log(one.point) == pytest.approx(-log(turned.point), abs=1e-9)
    assert log(one.low) == pytest.approx(-log(turned.high), abs=1e-6)
    scaled, _ = unpaired_of([scale * value for value in old], [scale * value for value in new])
    assert log(scaled.point) == pytest.approx(log(one.point), abs=1e-9)
    assert log(scaled.high / scaled.low) == pytest.approx(log(one.high / one.low), abs=1e-6)


def test_values_without_any_spread_leave_no_doubt_and_a_single_block_is_too_few() -> None:
    found, degrees = unpaired_of([2.0, 2.0], [3.0, 3.0, 3.0])
    assert found.low == found.high == pytest.approx(1.5)
    assert degrees == 3
    with pytest.raises(ValueError, match="two blocks"):
        unpaired_ratio([1.0], [1.0, 2.0])


def test_the_simulated_interval_is_the_one_that_is_used() -> None:
    check_formula()


CLEAR = altered(COMPARISON, point=1.5, low=1.49, high=1.51, verdict="faster")


def test_holm_by_hand() -> None:
    # Holm, 1979: the least times 4, the next times 3, and none less than the one before.
    assert holm([0.04, 0.01, 0.03, 0.005]) == pytest.approx([0.06, 0.03, 0.06, 0.02])
    assert holm([0.9, 0.4, 0.6]) == (1.0, 1.0, 1.0)
    assert holm([0.03]) == (0.03,)
    assert holm([]) == ()


def test_the_family_is_throughput_and_median_of_the_candidates_where_there_is_a_ratio() -> None:
    everything = [
        replace(COMPARISON, metric=metric, candidate=candidate)
        for candidate in ("new", "newer", CONTROL)
        for metric in METRICS
    ]
    everything.append(altered(COMPARISON, point=None, low=None, high=None, verdict="invalid"))
    assert [(one.candidate, one.metric) for one in headline_family(everything)] == [
        (candidate, metric) for candidate in ("new", "newer") for metric in ("throughput", "p50")
    ]


def test_what_holds_lies_beyond_the_metrics_own_margin_and_more_blocks_make_it_surer() -> None:
    assert find_holding([CLEAR], EACH_MARGIN | {"throughput": 0.5}) == ()
    assert find_holding([CLEAR], EACH_MARGIN | {"p50": 0.5}) == (CLEAR,)
    many = [replace(COMPARISON, level=float(level)) for level in range(20)]
    sure = altered(CLEAR, point=1.2, low=1.12, high=1.2 * 1.2 / 1.12)
    fewer, more = (altered(sure, blocks=blocks) for blocks in (5, 30))
    assert find_holding([*many, fewer], EACH_MARGIN) == ()
    assert find_holding([*many, more], EACH_MARGIN) == (more,)


@pytest.mark.parametrize(
    "machine",
    [
        [0.01 * place for place in range(15)],  # gets slower all the time
        [0.7 * (place > 6) for place in range(15)],  # a burst begins inside a cycle
        [2.0 * (place == 4) for place in range(15)],  # a single turn is hit
    ],
)
def test_the_effects_of_arms_are_freed_of_what_the_machine_did(machine: list[float]) -> None:
    logs = [EFFECTS[arm] + noise for arm, noise in zip(TURNS, machine, strict=True)]
    assert arm_effects(TURNS, logs) == pytest.approx(EFFECTS, abs=0.01)
    left = [place for place in range(15) if place not in {3, 8, 9}]  # the others were discarded
    found = arm_effects([TURNS[place] for place in left], [logs[place] for place in left])
    assert found == pytest.approx(EFFECTS, abs=0.02)


def test_no_turns_and_a_single_arm_have_no_more_to_say_than_that() -> None:
    assert [arm_effects([], []), arm_effects("a", [3.0]), arm_effects("aa", [3.0, 4.0])] == [
        {},
        {"a": 0.0},
        {"a": 0.0},
    ]
