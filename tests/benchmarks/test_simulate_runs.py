import numpy as np
import pytest

from benchmarks.simulate_runs import LEVELS, NOISES, PLANNED, simulate_run
from benchmarks.simulate_turns import check_methods
from portcompare.measure.blocks import EARLY_BLOCKS


def test_what_is_simulated_is_what_portcompare_uses() -> None:
    check_methods()


@pytest.mark.parametrize(("noise", "blocks"), [(0.0005, EARLY_BLOCKS), (None, PLANNED.max_blocks)])
def test_a_run_ends_when_all_is_known_and_no_later_than_planned(
    noise: float | None, blocks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if noise is not None:
        quiet = np.random.default_rng(5).normal(0, noise, (PLANNED.max_blocks, len(LEVELS), 5, 5))
        monkeypatch.setattr("benchmarks.simulate_runs.draw_effects", lambda *_: quiet)
    _, rounds = simulate_run(np.random.default_rng(5), NOISES[-1])
    assert rounds[-1].block + 1 == blocks
