import numpy as np
import pytest

from benchmarks.simulate_runs import LEVELS, NOISES, PLANNED, simulate_run
from benchmarks.simulate_turns import USED, Noise, check_methods, simulate
from portcompare.measure.blocks import EARLY_BLOCKS

NEIGHBOUR = Noise(machine="neighbour", start=0.01, discarded=0.1)


def test_what_is_simulated_is_what_portcompare_uses() -> None:
    check_methods()


def test_beside_a_neighbour_differences_tell_more_than_cycles_and_rounds() -> None:
    found = simulate(NEIGHBOUR, 5, 7, runs=200)
    assert 0.9 < found[USED].covered < 0.99
    assert found[USED].half < 0.95 * found["25% trimmed"].half
    assert found[USED].half < 0.5 * found["rounds of 1 s, 5 blocks"].half


def test_an_interval_that_ignores_starts_covers_too_little() -> None:
    found = simulate(Noise(machine="still", start=0.02), 3, 20, runs=200)
    assert found[USED].covered > 0.9
    assert found["mean, starts ignored"].covered < 0.8


@pytest.mark.parametrize(("noise", "blocks"), [(0.0005, EARLY_BLOCKS), (None, PLANNED.max_blocks)])
def test_a_run_ends_when_all_is_known_and_no_later_than_planned(
    noise: float | None, blocks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if noise is not None:
        quiet = np.random.default_rng(5).normal(0, noise, (PLANNED.max_blocks, len(LEVELS), 5, 5))
        monkeypatch.setattr("benchmarks.simulate_runs.draw_effects", lambda *_: quiet)
    _, rounds = simulate_run(np.random.default_rng(5), NOISES[-1])
    assert rounds[-1].block + 1 == blocks
