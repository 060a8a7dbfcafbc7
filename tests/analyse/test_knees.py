from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from portcompare.analyse.capacity import find_knees
from tests.altered import altered, known
from tests.analyse.samples import ROUND

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from portcompare.records.rounds import Round


def sweep(rates_rps: Mapping[float, Sequence[float]]) -> list[Round]:
    """A round for each level and block."""
    return [
        altered(ROUND, level=float(level), block=block, rate_rps=rate_rps)
        for level, rates in rates_rps.items()
        for block, rate_rps in enumerate(rates)
    ]


def test_eight_threads_that_wait_are_full_at_eight_users() -> None:
    # A wait of 0.2 s: 5/s for each user, and 40/s for eight threads.
    rounds = sweep({users: [min(users, 8) * 5.0] * 3 for users in (1, 2, 16, 32, 64)})
    (knee,) = find_knees(rounds)
    assert knee.is_reached
    assert knee.load.point == pytest.approx(8)
    assert knee.load.low == pytest.approx(8)
    assert knee.load.high == pytest.approx(8)
    assert knee.rate_rps == pytest.approx(40)
    assert (knee.scenario, knee.arm, knee.levels, knee.load.blocks) == ("fast", "baseline", 5, 3)


def test_the_knee_of_the_open_model_is_the_ceiling() -> None:
    rounds = sweep({rate: [min(rate, 730.0)] * 2 for rate in (100, 400, 800, 1600)})
    (knee,) = find_knees(rounds)
    assert knee.load.point == pytest.approx(730)


def test_without_a_ceiling_the_knee_lies_beyond_the_levels() -> None:
    (knee,) = find_knees(sweep({users: [users * 5.0] * 3 for users in (1, 8, 64)}))
    assert not knee.is_reached
    assert knee.load.point == 64
    assert (knee.load.low, knee.load.high) == (None, None)


@pytest.mark.parametrize(("gain", "is_reached"), [(1.06, "yes"), (1.08, "no"), (0.8, "yes")])
def test_the_ceiling_is_reached_where_twice_the_load_brings_less_than_seven_percent(
    gain: float, is_reached: str
) -> None:
    (knee,) = find_knees(sweep({1: [100.0], 8: [400.0], 16: [400.0 * gain]}))
    assert knee.is_reached is (is_reached == "yes")


def test_what_two_near_levels_gain_says_nothing_of_a_ceiling() -> None:
    # 64 users bring no more than 60 did, but more than 32 did, in proportion.
    (knee,) = find_knees(sweep({1: [10.0], 32: [320.0], 60: [600.0], 64: [600.0]}))
    assert not knee.is_reached
    (knee,) = find_knees(sweep({10: [10.0], 11: [10.0], 12: [10.0]}))
    assert not knee.is_reached


def test_rates_that_fall_again_do_not_lower_the_ceiling() -> None:
    (knee,) = find_knees(sweep({1: [100.0], 8: [700.0], 32: [500.0], 64: [400.0]}))
    assert knee.is_reached
    assert knee.rate_rps == 700
    assert knee.load.point == pytest.approx(7)


def test_the_interval_comes_from_blocks_and_their_common_luck_cancels() -> None:
    luck = [1.0, 0.5, 2.0]
    (knee,) = find_knees(
        sweep(
            {1: [100 * one for one in luck], 8: [800 * one for one in luck], 16: [800 * one for one in luck]}
        )
    )
    assert knee.load.low == pytest.approx(8)
    assert knee.load.high == pytest.approx(8)
    (noisy,) = find_knees(sweep({1: [100, 110, 90], 8: [800, 800, 800], 16: [800, 790, 810]}))
    point, low, high = known(noisy.load)
    assert low < point < high


def test_95_of_100_intervals_cover_the_knee() -> None:
    rng = np.random.default_rng(20261123)
    runs, covered = 400, 0
    for _ in range(runs):
        noise = rng.lognormal(sigma=0.05, size=(4, 6))
        rates = [100.0, 800.0, 780.0, 760.0]
        rounds = sweep(dict(zip((1, 8, 16, 32), (np.array(rates)[:, None] * noise).tolist(), strict=True)))
        (knee,) = find_knees(rounds)
        assert knee.load.low is not None
        assert knee.load.high is not None
        covered += knee.load.low <= 8 <= knee.load.high
    # The standard error of 95% in 400 runs is 1.1%.
    assert 0.92 <= covered / runs <= 0.98


def test_one_block_has_no_interval() -> None:
    (knee,) = find_knees(sweep({1: [100.0], 8: [800.0], 16: [800.0]}))
    assert (knee.load.blocks, knee.load.low, knee.load.high) == (1, None, None)
    assert knee.load.point == pytest.approx(8)


def test_two_levels_have_no_knee() -> None:
    assert find_knees(sweep({1: [100.0] * 3, 64: [400.0] * 3})) == ()


def test_discarded_rounds_and_those_without_an_answer_are_left_out() -> None:
    rounds = sweep({1: [100.0] * 2, 8: [800.0] * 2, 16: [800.0] * 2})
    discarded = [altered(one, discarded="wrong body") if one.level == 16 else one for one in rounds]
    assert find_knees(discarded) == ()
    silent = [altered(one, rate_rps=0.0) if one.level == 16 else one for one in rounds]
    assert find_knees(silent) == ()


def test_blocks_that_lack_a_level_do_not_enter_the_interval() -> None:
    (knee,) = find_knees(sweep({1: [100.0] * 3, 8: [800.0] * 2, 16: [790.0] * 3}))
    assert knee.load.blocks == 2


def test_no_knee_without_a_block_of_both_asymptotes() -> None:
    rounds = sweep({1: [100.0] * 2, 8: [800.0] * 4, 16: [790.0] * 2})
    apart = [one for one in rounds if one.level != 8 or one.block > 1]
    assert find_knees(apart) == ()


def test_each_arm_and_scenario_has_a_knee_of_its_own() -> None:
    rounds = sweep({1: [100.0], 8: [800.0], 16: [800.0]})
    other = [altered(one, arm="new", rate_rps=one.level * 10 if one.level < 9 else 85.0) for one in rounds]
    slow = [replace(one, scenario="slow") for one in rounds]
    knees = {(one.scenario, one.arm): one.load.point for one in find_knees([*rounds, *other, *slow])}
    assert knees == {
        ("fast", "baseline"): pytest.approx(8),
        ("fast", "new"): pytest.approx(8.5),
        ("slow", "baseline"): pytest.approx(8),
    }
