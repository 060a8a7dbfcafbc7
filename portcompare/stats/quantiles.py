"""Tails and quantiles of Student's t distribution, and quantiles of the number of heads in fair tosses."""

from fractions import Fraction
from itertools import accumulate
from math import comb, exp, hypot, isinf, lgamma, log, sqrt
from statistics import NormalDist

_ROUNDING = 1e-15
_MOST_TERMS = 10_000  # of the continued fraction, which needs a hundred for 1,000 degrees of freedom
_NO_ZERO = 1e-300  # in place of a denominator of exactly 0
_MOST_STEPS = 50  # of Newton's method, which needs about six
_LAST_STEP = 1e-8  # what is left after it is its square


def t_tail(value: float, degrees: float) -> float:
    """The probability that Student's t is greater than a value; its relative error is below 1e-10.

    That holds for up to 1,000 degrees of freedom. Raises ValueError: the degrees of freedom are not above 0.
    """
    if not degrees > 0:
        msg = f"Student's t needs more than 0 degrees of freedom, not {degrees}"
        raise ValueError(msg)
    tail, _ = _upper_tail(abs(value), degrees)
    return tail if value >= 0 else 1 - tail


def t_quantile(probability: float, degrees: float) -> float:
    """The value that Student's t is below with a given probability.

    Newton's method solves for it on the logarithms of the value and of the tail. One is a concave function of
    the other (the generalised failure rate rises), so the steps converge from any start. Raises
    ValueError: the probability is not between 0 and 1, or the degrees of freedom are not above 0.
    Source: Lariviere, "A Note on Probability Distributions with Increasing Generalized Failure Rates",
    Operations Research 54 (3), 2006, for the generalised failure rate.
    """
    if not (0 < probability < 1 and degrees > 0):
        msg = f"Student's t has no quantile at {probability} with {degrees} degrees of freedom"
        raise ValueError(msg)
    wanted = min(probability, 1 - probability)
    value = -NormalDist().inv_cdf(wanted)
    for _ in range(_MOST_STEPS if value else 0):
        tail, fall = _upper_tail(value, degrees)
        step = log(tail / wanted) * tail / fall
        value *= exp(step)
        if abs(step) < _LAST_STEP:
            break
    return value if probability > wanted else -value


def binomial_quantile(probability: float, trials: int) -> int:
    """The smallest k for which fair tosses show at most k heads with at least the given probability.

    Raises ValueError: the probability is not between 0 and 1.
    """
    if not 0 < probability < 1:
        msg = f"a number of heads has no quantile at {probability}"
        raise ValueError(msg)
    wanted = Fraction(probability) * 2**trials
    ways = accumulate(comb(trials, heads) for heads in range(trials + 1))
    return next(heads for heads, so_far in enumerate(ways) if so_far >= wanted)


def _upper_tail(value: float, degrees: float) -> tuple[float, float]:
    """The tail beyond a value of 0 or more, and how fast it falls with the logarithm of the value.

    The tail is half the regularised incomplete beta function I_x(a, b) for a = degrees / 2, b = 1 / 2 and
    x = degrees / (degrees + value**2), and I_x(a, b) = 1 - I_y(b, a) for y = 1 - x. Source: Abramowitz
    and Stegun, "Handbook of Mathematical Functions", 1964, 26.7.1 and 26.5.2; NIST Digital Library of
    Mathematical Functions, 8.17.22, for the continued fraction and for where it converges quickly.
    """
    if isinf(value):
        return 0.0, 0.0
    a, b = degrees / 2, 0.5
    distance = value / sqrt(degrees)
    length = hypot(1, distance)
    x, root_y = 1 / length / length, distance / length
    fall = exp(lgamma(a + b) - lgamma(a) - lgamma(b) - degrees * log(length)) * root_y  # x^a y^b / B(a, b)
    if x < (a + 1) / (a + b + 2):
        return fall / a / _fraction(x, a, b) / 2, fall
    return 0.5 - fall / b / _fraction(root_y * root_y, b, a) / 2, fall


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction 1 + d1 / (1 + d2 / (1 + ...)) of the incomplete beta function.

    Source: NIST Digital Library of Mathematical Functions, 8.17.23, for the terms. Thompson and Barnett,
    "Coulomb and Bessel functions of complex arguments and order", Journal of Computational Physics 64 (2),
    1986, for Lentz's method of evaluating it.
    """
    fraction = upper = 1.0
    lower = 0.0
    for place in range(1, _MOST_TERMS):
        half = place // 2
        term = -(a + half) * (a + b + half) if place % 2 else half * (b - half)
        term *= x / ((a + place - 1) * (a + place))
        lower = 1 / (1 + term * lower or _NO_ZERO)
        upper = 1 + term / upper or _NO_ZERO
        fraction *= upper * lower
        if abs(upper * lower - 1) < _ROUNDING:
            break
    return fraction
