from itertools import product
from math import comb, inf, nan

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from portcompare.stats.intervals import binomial_quantile, t_quantile, t_tail

# Expected values: the density integrated by mpmath 1.4.1 with 30 digits.
TAILS = [
    (1.0, 1, 0.25),
    (1e6, 1, 3.1830988618368457e-7),
    (0.5, 2, 0.33333333333333333),
    (4.0, 3, 0.014004228005073083),
    (1.8, 4.5, 0.069114552475558326),
    (1.7, 7, 0.066464448391277632),
    (12.0, 7, 3.1791551890925501e-6),
    (0.001, 12.25, 0.49960910816268276),
    (2.0, 30, 0.027312522481491552),
    (9.0, 30, 2.5074159580739393e-10),
    (6.0, 100, 1.5862457514014283e-8),
    (1.96, 1000, 0.025136592477874359),
    (5.0, 1000, 3.3836281823243152e-7),
]
degrees = st.floats(1, 1000)
probabilities = st.floats(1e-30, 1 - 1e-12)


def test_tails_are_those_of_the_integrated_density() -> None:
    for value, degrees, tail in TAILS:
        assert t_tail(value, degrees) == pytest.approx(tail, rel=1e-10)


@given(value=st.floats(0, 1e6), degrees=degrees, farther=st.floats(1.0001, 10))
def test_a_tail_falls_with_the_value_and_is_never_negative_and_both_make_a_whole(
    value: float, degrees: float, farther: float
) -> None:
    assert 0 <= t_tail(value * farther, degrees) <= t_tail(value, degrees) <= 0.5
    assert t_tail(value, degrees) + t_tail(-value, degrees) == pytest.approx(1, rel=1e-15)


@given(probability=probabilities, degrees=degrees)
def test_the_quantile_is_the_inverse_of_the_tail(probability: float, degrees: float) -> None:
    value = t_quantile(probability, degrees)
    if value < 0:
        assert t_tail(-value, degrees) == pytest.approx(probability, rel=1e-10)
    else:
        assert t_tail(value, degrees) == pytest.approx(1 - probability, rel=1e-10)


def test_the_ends_and_the_middle_of_the_distribution() -> None:
    assert (t_tail(inf, 3), t_tail(0, 3), t_tail(-inf, 3)) == (0, 0.5, 1)
    assert t_quantile(0.5, 3) == 0


def test_without_degrees_of_freedom_or_at_what_is_no_probability_there_is_no_quantile() -> None:
    for function, degrees in product((t_tail, t_quantile), (0, -1, nan)):
        with pytest.raises(ValueError, match="degrees of freedom"):
            function(0.975, degrees)
    for quantile, probability in product((t_quantile, binomial_quantile), (0, 1, -0.1, 1.1, nan)):
        with pytest.raises(ValueError, match="no quantile at"):
            quantile(probability, 3)


@given(probability=st.floats(0, 1, exclude_min=True, exclude_max=True), trials=st.integers(0, 200))
def test_the_binomial_quantile_is_the_least_number_that_is_not_exceeded(
    probability: float, trials: int
) -> None:
    assume(probability > 1e-300)
    found = binomial_quantile(probability, trials)
    up_to = [sum(comb(trials, heads) for heads in range(end + 1)) for end in (found - 1, found)]
    assert up_to[0] < probability * 2**trials <= up_to[1]


@pytest.mark.parametrize(("trials", "quantile"), [(5, 0), (6, 1), (8, 1), (9, 2), (20, 6), (1000, 469)])
def test_binomial_quantiles_of_the_medians_interval(trials: int, quantile: int) -> None:
    # David and Nagaraja, "Order Statistics", 2003, section 7.1; the last from binom.ppf of scipy 1.17.1.
    assert binomial_quantile(0.025, trials) == quantile
