from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pytest

from portcompare.loadgen.arrivals import Share, due_times
from portcompare.wire.protocol import RateLoad

if TYPE_CHECKING:
    from numpy.typing import NDArray

EVEN = RateLoad(rate_rps=3.0, arrivals="even", connections=1, seed="a")
POISSON = RateLoad(rate_rps=400.0, arrivals="poisson", connections=1, seed="a")

# Exceeded once in a hundred samples: Smirnov, "Table for Estimating the Goodness of Fit of Empirical
# Distributions", Annals of Mathematical Statistics 19 (2), 1948.
CRITICAL_DISTANCE = 1.63


def first(load: RateLoad, number: int) -> list[float]:
    return list(islice(due_times(load), number))


def distance_from_exponential(gaps_s: NDArray[np.float64], mean_s: float) -> float:
    """Kolmogorov and Smirnov's: the greatest between both distributions, times the root of the number."""
    expected = -np.expm1(-np.sort(gaps_s) / mean_s)
    ranks = np.arange(len(gaps_s) + 1) / len(gaps_s)
    return float(max((ranks[1:] - expected).max(), (expected - ranks[:-1]).max()) * len(gaps_s) ** 0.5)


def test_even_arrivals_are_at_multiples_of_the_gap_without_drift() -> None:
    due_s = first(EVEN, 300_001)
    assert due_s[:3] == [0.0, 1 / 3, 2 / 3]
    assert due_s[300_000] == 100_000.0


def test_poisson_arrivals_rise_and_have_the_rate() -> None:
    due_s = np.array(first(POISSON, 40_000))
    assert due_s[0] > 0
    assert np.all(np.diff(due_s) > 0)
    # The deviation of a count of n is its root, here 0.5%.
    assert len(due_s) / due_s[-1] == pytest.approx(400.0, rel=0.02)


def test_the_gaps_of_poisson_arrivals_are_exponential_and_independent() -> None:
    gaps_s = np.diff(first(POISSON, 20_001))
    assert distance_from_exponential(gaps_s, 1 / 400) < CRITICAL_DISTANCE
    assert gaps_s.std() == pytest.approx(1 / 400, rel=0.05)
    assert abs(np.corrcoef(gaps_s[:-1], gaps_s[1:])[0, 1]) < 0.03


def test_counts_of_poisson_arrivals_vary_as_much_as_they_are() -> None:
    counts, _ = np.histogram(first(POISSON, 40_000), bins=np.arange(0, 99, 0.1))
    assert counts.var() / counts.mean() == pytest.approx(1.0, abs=0.15)


def test_the_same_seed_is_the_same_schedule() -> None:
    assert first(POISSON, 100) == first(replace(POISSON, connections=9), 100)
    assert first(POISSON, 100) != first(replace(POISSON, seed="b"), 100)


def test_a_schedule_is_the_same_on_any_day_and_machine() -> None:
    # Written down: what is computed here twice would be the same twice in this process alone.
    assert first(POISSON, 3) == pytest.approx([0.000793737, 0.000968014, 0.003258205], abs=1e-9)


def test_even_shares_add_up_to_the_whole_schedule() -> None:
    shares = [islice(due_times(EVEN, Share(index=index, processes=3)), 4) for index in range(3)]
    assert sorted(due_s for share in shares for due_s in share) == first(EVEN, 12)


def test_poisson_shares_are_independent_and_add_up_to_the_rate() -> None:
    one, other = (
        np.array(list(islice(due_times(POISSON, Share(index=index, processes=2)), 20_000)))
        for index in (0, 1)
    )
    for due_s in (one, other):
        assert distance_from_exponential(np.diff(due_s), 2 / POISSON.rate_rps) < CRITICAL_DISTANCE
    assert abs(np.corrcoef(np.diff(one), np.diff(other))[0, 1]) < 0.03
    until_s = min(one[-1], other[-1])
    together = np.sum(one < until_s) + np.sum(other < until_s)
    assert together / until_s == pytest.approx(POISSON.rate_rps, rel=0.03)
