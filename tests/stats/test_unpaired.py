from __future__ import annotations

from math import log
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.simulate_unpaired import LEAST, MODELS, MOST, check_formula, cover
from portcompare.stats.intervals import chance_beyond, quantile, unpaired_ratio
from tests.altered import Known, known

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.simulate_unpaired import Noise

VALUES = st.lists(st.floats(1e-6, 1e6), min_size=2, max_size=20)


def ratio_of(old: Sequence[float], new: Sequence[float]) -> tuple[Known, float]:
    found, degrees = unpaired_ratio(old, new)
    return known(found), degrees


def test_with_few_blocks_it_is_welchs_interval() -> None:
    old, new = [10.0, 11.0, 12.5, 9.7], [13.0, 12.0, 15.0, 14.4, 12.9]
    found, degrees = ratio_of(old, new)
    # Expected: ttest_ind(log(new), log(old), equal_var=False) of scipy 1.17.1.
    assert degrees == pytest.approx(5.676771317123204)
    assert log(found.low) == pytest.approx(0.04860939266864481)
    assert log(found.high) == pytest.approx(0.3951678500468818)


def test_with_many_blocks_it_is_yuens_test() -> None:
    old = [1.23, 0.77, 1.04, 0.95, 0.96, 0.98, 0.82, 1.39]
    new = [1.15, 1.39, 1.11, 1.16, 1.08, 1.42, 1.09, 1.03, 1.34, 1.13, 0.91, 1.02, 1.14, 1.21, 0.86, 1.01]
    found, degrees = ratio_of(old, new)
    error = log(found.high / found.low) / 2 / quantile(degrees)
    # Expected: ttest_ind(log(new), log(old), equal_var=False, trim=0.125) of scipy 1.17.1.
    assert degrees == pytest.approx(7.121642895582698)
    assert log(found.point) / error == pytest.approx(1.4918363034728865)
    chance = chance_beyond(unpaired_ratio(old, new)[0], degrees, 1e-12)
    assert chance == pytest.approx(0.1786515323755201)


@given(old=VALUES, new=VALUES)
def test_the_runs_in_turn_give_the_inverse(old: list[float], new: list[float]) -> None:
    (one, _), (other, _) = ratio_of(old, new), ratio_of(new, old)
    assert log(one.point) == pytest.approx(-log(other.point), abs=1e-9)
    assert log(one.low) == pytest.approx(-log(other.high), abs=1e-6)


@given(old=VALUES, new=VALUES, scale=st.floats(1e-3, 1e3))
def test_the_unit_does_not_matter(old: list[float], new: list[float], scale: float) -> None:
    one, _ = ratio_of(old, new)
    other, _ = ratio_of([scale * value for value in old], [scale * value for value in new])
    assert log(other.point) == pytest.approx(log(one.point), abs=1e-9)
    width = log(one.high / one.low)
    assert log(other.high / other.low) == pytest.approx(width, abs=1e-6)


@given(old=VALUES, new=VALUES)
def test_the_ratio_lies_inside_and_the_freedom_between_the_smaller_and_the_sum(
    old: list[float], new: list[float]
) -> None:
    found, degrees = ratio_of(old, new)
    assert found.low <= found.point <= found.high
    least, most = sorted(len(values) - 2 * (len(values) // 8) - 1 for values in (old, new))
    assert least * (1 - 1e-9) <= degrees <= (least + most) * (1 + 1e-9)


def test_values_without_any_spread_leave_no_doubt() -> None:
    found, degrees = ratio_of([2.0, 2.0], [3.0, 3.0, 3.0])
    assert found.low == found.high == pytest.approx(1.5)
    assert degrees == 3


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
