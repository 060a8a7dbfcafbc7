from __future__ import annotations

from dataclasses import astuple, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from portcompare.analyse.validity import describe_drifts, find_trend
from portcompare.records.metrics import METRICS
from portcompare.records.rounds import BASELINE, CONTROL
from tests.altered import altered
from tests.analyse.samples import LATENCY, ROUND, in_users, rounds_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from portcompare.records.metrics import MetricName
    from portcompare.records.rounds import Round

    Noise = Callable[[np.random.Generator, int], np.ndarray[tuple[int], np.dtype[np.float64]]]

MARGINS: dict[MetricName, float] = dict.fromkeys(METRICS, 0.05)

STEADY = [1000.0, 1010.0, 995.0, 1005.0, 990.0, 1000.0]
FALLING = [1000.0, 962.0, 920.0, 884.0, 842.0, 800.0]


def test_it_is_the_least_squares_line_through_the_logarithms() -> None:
    values = {0: 812.0, 1: 790.5, 2: 845.2, 4: 861.1, 5: 877.7, 7: 923.9}
    trend = find_trend(values)
    assert trend is not None
    assert trend.blocks == 6
    # Expected: linregress of scipy 1.17.1.
    assert trend.ratio == pytest.approx(1.1505482089225478)
    assert trend.chance == pytest.approx(0.0038809355262437875)


def test_the_order_of_the_blocks_in_the_mapping_does_not_matter() -> None:
    values = dict(enumerate(FALLING))
    forwards, backwards = find_trend(values), find_trend(dict(reversed(values.items())))
    assert forwards is not None
    assert backwards is not None
    # Sums in another order, or of numbers that lie otherwise in memory, differ in their last digit.
    assert astuple(backwards) == pytest.approx(astuple(forwards), rel=1e-12)


def test_an_exact_trend_is_sure_and_an_exact_constant_is_none() -> None:
    exact = find_trend({block: 2.0**block for block in range(5)})
    level = find_trend(dict.fromkeys(range(5), 3.0))
    assert exact is not None
    assert level is not None
    assert exact.ratio == pytest.approx(16.0)
    assert exact.chance < 1e-9
    assert (level.ratio, level.chance) == (1.0, 1.0)


def test_four_blocks_have_no_trend() -> None:
    assert find_trend({0: 4.0, 1: 3.0, 2: 2.0, 3: 1.0}) is None


def test_a_steady_run_is_not_warned_of() -> None:
    rounds = rounds_of(BASELINE, STEADY) + rounds_of("new", STEADY[::-1])
    assert describe_drifts(rounds, MARGINS, in_users) == ()
    assert describe_drifts([], MARGINS, in_users) == ()


def test_a_baseline_that_drifts_is_a_machine_that_drifts() -> None:
    rounds = rounds_of(BASELINE, FALLING) + rounds_of(CONTROL, FALLING) + rounds_of("new", FALLING)
    (warning,) = describe_drifts(rounds, MARGINS, in_users)
    assert warning == (
        "drift: the machine changed while it was measured; ratios are paired by block and bear that, "
        "absolute figures do not: the baseline's throughput -19.9% over 6 blocks (fast, 4 users)"
    )


def test_an_arm_that_drifts_beside_the_baseline_is_told_of_by_its_ratio() -> None:
    rounds = rounds_of(BASELINE, STEADY) + rounds_of("new", FALLING[::-1])
    (warning,) = describe_drifts(rounds, MARGINS, in_users)
    assert warning.startswith(
        "drift: these ratios to the baseline changed from block to block, so no single one holds for the "
        "run: new's throughput +25."
    )
    assert warning.endswith("% over 6 blocks (fast, 4 users)")


def test_an_arm_drifts_beside_both_of_the_baseline_s_instances() -> None:
    rising = [1e6 / one for one in FALLING]  # the mean of both is 1000 in every block
    rounds = rounds_of(BASELINE, FALLING) + rounds_of(CONTROL, rising)
    _, arms = describe_drifts(rounds + rounds_of("new", STEADY), MARGINS, in_users)
    assert "control's" in arms
    assert "new's" not in arms


def test_both_are_told_of_and_each_in_one_sentence_over_all_levels() -> None:
    here = rounds_of(BASELINE, FALLING) + rounds_of("new", STEADY)
    there = [replace(one, scenario="slow", level=1.0) for one in here]
    machine, arms = describe_drifts(here + there, MARGINS, in_users)
    assert machine.count("the baseline's throughput -19.9% over 6 blocks") == 2
    assert "(fast, 4 users); " in machine
    assert machine.endswith("(slow, 1 user)")
    assert arms.count("new's throughput +") == 2


def test_a_sure_drift_within_the_margin_does_not_matter() -> None:
    rounds = rounds_of(BASELINE, FALLING)
    assert describe_drifts(rounds, MARGINS | {"throughput": 0.24}, in_users)
    assert describe_drifts(rounds, MARGINS | {"throughput": 0.26}, in_users) == ()


def test_a_single_bad_block_at_the_end_is_no_drift() -> None:
    assert describe_drifts(rounds_of(BASELINE, [*STEADY, 500.0]), MARGINS, in_users) == ()


def test_discarded_rounds_do_not_count() -> None:
    rounds = rounds_of(BASELINE, FALLING)
    spoilt = [altered(one, discarded="spoilt") if one.block < 2 else one for one in rounds]
    assert describe_drifts(rounds, MARGINS, in_users)
    assert describe_drifts(spoilt, MARGINS, in_users) == ()


def test_a_ratio_needs_the_baseline_of_the_same_block() -> None:
    rounds = rounds_of(BASELINE, STEADY)[2:] + rounds_of("new", FALLING)
    assert describe_drifts(rounds, MARGINS, in_users) == ()


def test_the_open_model_is_judged_by_its_median_response_time() -> None:
    rounds = [
        altered(
            one, offered_rps=1000.0, latency_s=replace(LATENCY, p50=10 / one.load.rate_rps), rate_rps=1000.0
        )
        for one in rounds_of(BASELINE, FALLING)
    ]
    (warning,) = describe_drifts(rounds, MARGINS, in_users)
    assert "the baseline's p50 +24.9% over 6 blocks" in warning


def test_rounds_without_a_success_do_not_count() -> None:
    rounds = [altered(ROUND, block=block, rate_rps=0.0, latency_s=None) for block in range(6)]
    assert describe_drifts(rounds, MARGINS, in_users) == ()


def run_of(noise: Noise, seed: int, blocks: int) -> list[Round]:
    """Five arms at four levels; the noise of a block hits all its arms, and each round has its own."""
    rng = np.random.default_rng(seed)
    rounds = []
    for level in range(4):
        luck = noise(rng, blocks)
        for arm in (BASELINE, CONTROL, "a", "b", "c"):
            rates_rps = 1000 * np.exp(luck + noise(rng, blocks))
            rounds += [replace(one, level=float(level)) for one in rounds_of(arm, rates_rps.tolist())]
    return rounds


@pytest.mark.parametrize("blocks", [5, 10])
@pytest.mark.parametrize(
    "noise",
    [
        pytest.param(lambda rng, blocks: rng.normal(0, 0.1, blocks), id="normal"),
        pytest.param(lambda rng, blocks: 0.05 * rng.standard_t(3, blocks), id="heavy tails"),
        pytest.param(lambda rng, blocks: -0.4 * (rng.uniform(size=blocks) < 0.1), id="bad blocks"),
    ],
)
def test_runs_without_a_drift_are_seldom_warned_of(noise: Noise, blocks: int) -> None:
    warned = sum(bool(describe_drifts(run_of(noise, seed, blocks), MARGINS, in_users)) for seed in range(60))
    assert warned <= 8  # 3 on average at most; more than 8 come in one of 300 such tests
