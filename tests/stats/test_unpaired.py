from __future__ import annotations

from math import log
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.simulate_unpaired import LEAST, MODELS, MOST, check_formula, cover
from portcompare.stats.intervals import chance_beyond, quantile, unpaired_ratio

if TYPE_CHECKING:
    from benchmarks.simulate_unpaired import Noise

VALUES = st.lists(st.floats(1e-6, 1e6), min_size=2, max_size=20)


def test_with_few_blocks_it_is_welchs_interval() -> None:
    old, new = [10.0, 11.0, 12.5, 9.7], [13.0, 12.0, 15.0, 14.4, 12.9]
    found = unpaired_ratio(old, new)
    # Expected: ttest_ind(log(new), log(old), equal_var=False) of scipy 1.17.1.
    assert found.degrees_of_freedom == pytest.approx(5.676771317123204)
    assert log(found.interval.low) == pytest.approx(0.04860939266864481)
    assert log(found.interval.high) == pytest.approx(0.3951678500468818)


def test_with_many_blocks_it_is_yuens_test() -> None:
    old = [1.23, 0.77, 1.04, 0.95, 0.96, 0.98, 0.82, 1.39]
    new = [1.15, 1.39, 1.11, 1.16, 1.08, 1.42, 1.09, 1.03, 1.34, 1.13, 0.91, 1.02, 1.14, 1.21, 0.86, 1.01]
    found = unpaired_ratio(old, new)
    error = log(found.interval.high / found.interval.low) / 2 / quantile(found.degrees_of_freedom)
    # Expected: ttest_ind(log(new), log(old), equal_var=False, trim=0.125) of scipy 1.17.1.
    assert found.degrees_of_freedom == pytest.approx(7.121642895582698)
    assert log(found.interval.ratio) / error == pytest.approx(1.4918363034728865)
    chance = chance_beyond(found.interval, found.degrees_of_freedom, 1e-12)
    assert chance == pytest.approx(0.1786515323755201)


@given(old=VALUES, new=VALUES)
def test_the_runs_in_turn_give_the_inverse(old: list[float], new: list[float]) -> None:
    one, other = unpaired_ratio(old, new).interval, unpaired_ratio(new, old).interval
    assert log(one.ratio) == pytest.approx(-log(other.ratio), abs=1e-9)
    assert log(one.low) == pytest.approx(-log(other.high), abs=1e-6)


@given(old=VALUES, new=VALUES, scale=st.floats(1e-3, 1e3))
def test_the_unit_does_not_matter(old: list[float], new: list[float], scale: float) -> None:
    one = unpaired_ratio(old, new)
    other = unpaired_ratio([scale * value for value in old], [scale * value for value in new])
    assert log(other.interval.ratio) == pytest.approx(log(one.interval.ratio), abs=1e-9)
    width = log(one.interval.high / one.interval.low)
    assert log(other.interval.high / other.interval.low) == pytest.approx(width, abs=1e-6)


@given(old=VALUES, new=VALUES)
def test_the_ratio_lies_inside_and_the_freedom_between_the_smaller_and_the_sum(
    old: list[float], new: list[float]
) -> None:
    found = unpaired_ratio(old, new)
    assert found.interval.low <= found.interval.ratio <= found.interval.high
    least, most = sorted(len(values) - 2 * (len(values) // 8) - 1 for values in (old, new))
    assert least * (1 - 1e-9) <= found.degrees_of_freedom <= (least + most) * (1 + 1e-9)


def test_values_without_any_spread_leave_no_doubt() -> None:
    found = unpaired_ratio([2.0, 2.0], [3.0, 3.0, 3.0])
    assert found.interval.low == found.interval.high == pytest.approx(1.5)
    assert found.degrees_of_freedom == 3


def test_a_single_block_is_too_few() -> None:
    with pytest.raises(ValueError, match="two blocks"):
        unpaired_ratio([1.0], [1.0, 2.0])


@pytest.mark.parametrize("blocks", [5, 8, 16, 30])
@pytest.mark.parametrize("model", list(MODELS.values()), ids=list(MODELS))
def test_the_interval_covers_the_truth_as_often_as_it_says(model: Noise, blocks: int) -> None:
    covered = cover(model, blocks, blocks)
    assert LEAST <= covered <= MOST + 1  # rounds that neighbours hit make it cover more than it says


def test_the_simulated_interval_is_the_one_that_is_used() -> None:
    check_formula()
