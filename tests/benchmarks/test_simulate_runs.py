from collections import Counter
from functools import partial

import numpy as np
import pytest

from benchmarks.simulate_run_noise import LONGEST, NOISES, normal
from benchmarks.simulate_runs import ARMS, LEVELS, PLANNED, simulate_run
from portcompare.measure.blocks import EARLY_BLOCKS
from portcompare.records.metrics import round_metrics
from portcompare.records.rounds import BASELINE

LEVEL = next(iter(LEVELS))


def drawn(name: str, rounds: int) -> np.ndarray:
    return NOISES[name](np.random.default_rng(4))(LEVEL, rounds)


@pytest.mark.parametrize("name", NOISES)
def test_a_noise_has_a_row_a_round_and_a_column_a_metric_as_long_as_a_run_may_be(name: str) -> None:
    draw = NOISES[name](np.random.default_rng(4))
    for level in LEVELS:
        assert draw(level, LONGEST // len(LEVELS)).shape == (LONGEST // len(LEVELS), len(round_metrics()))


def test_neighbouring_rounds_are_alike_where_the_machine_wanders_and_nowhere_else() -> None:
    wandering, quiet = (
        drawn(name, LONGEST)[:, 0] for name in ("machine's speed autocorrelated", "normal, 2%")
    )
    assert np.corrcoef(wandering[1:], wandering[:-1])[0, 1] > 0.5
    assert abs(np.corrcoef(quiet[1:], quiet[:-1])[0, 1]) < 0.25


def test_a_machine_that_drifts_answers_less_and_later_in_the_end() -> None:
    values = drawn("machine drifts", LONGEST)
    change = values[-20:].mean(axis=0) - values[:20].mean(axis=0)
    assert change == pytest.approx([-0.27, 0.27, 0.27, 0.27, 0.27], abs=0.03)


def test_a_run_ends_when_all_is_known_and_no_later_than_planned() -> None:
    quiet, loud = (simulate_run(np.random.default_rng(5), partial(normal, size))[1] for size in (0.001, 0.5))
    assert quiet[-1].block + 1 == EARLY_BLOCKS
    assert loud[-1].block + 1 == PLANNED.max_blocks


def test_each_arm_comes_in_each_place_of_its_level() -> None:
    _, rounds = simulate_run(np.random.default_rng(6), NOISES["normal, 4%"])
    levels = [rounds[start : start + len(ARMS)] for start in range(0, len(rounds), len(ARMS))]
    assert all({one.arm for one in level} == set(ARMS) for level in levels)
    assert len({[one.arm for one in level].index(BASELINE) for level in levels}) == len(ARMS)
    first = [(level[0].scenario, level[0].level) for level in levels[: len(LEVELS)]]
    assert Counter(first) == Counter(list(LEVELS))
