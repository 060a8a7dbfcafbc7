"""Ratios with their intervals, p-values beyond a margin, the correction for several; Student's t."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from math import comb, exp, hypot, isinf, lgamma, log, sqrt
from statistics import NormalDist
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from portcompare.records.estimates import Estimate

Arm = TypeVar("Arm", bound=Hashable)
Item = TypeVar("Item")

CONFIDENCE = 0.95

LEAST_BLOCKS = 2  # a deviation needs two values

BLOCKS_A_CUT = 8
"""One block in this many is cut at either end: none of fewer than eight, one of eight to fifteen.

Source: the simulation in docs/method.md, "Verdicts".
"""

SMALL_DEVIATIONS = 0.3
"""Differences count by their size, not by its square, from this many of their deviations on: nearly all do.

Source: the simulation in docs/method.md, "Verdicts".
"""

DEVIATIONS_A_MEDIAN = 1.4826  # a normal distribution's standard deviation over its median absolute one
LONGEST_FIT, SETTLED = 30, 1e-5  # steps; change of an effect's logarithm


@dataclass(frozen=True, slots=True, kw_only=True)
class TrimmedMean:
    """A trimmed mean, its standard error, and the degrees of freedom of that."""

    middle: float
    error: float
    degrees_of_freedom: int


def paired_ratio(baseline: Sequence[float], candidate: Sequence[float]) -> Estimate:
    """The ratio candidate / baseline with its interval, from the logarithms of each block's ratio.

    The values are positive. Raises ValueError: fewer than two blocks, or unequal numbers of them.
    Source: Fleming and Wallace, "How not to lie with statistics: the correct way to summarize benchmark
    results", Communications of the ACM 29 (3), 1986, for the geometric mean of ratios.
    """
    if len(baseline) != len(candidate):  # numpy would repeat a single value as often as needed
        msg = f"{len(baseline)} blocks of the baseline cannot be paired with {len(candidate)}"
        raise ValueError(msg)
    found = trimmed_mean(
        np.log(np.asarray(candidate, dtype=float)) - np.log(np.asarray(baseline, dtype=float))
    )
    return _estimate(found.middle, quantile(found.degrees_of_freedom) * found.error, len(baseline))


def mean_estimate(values: Sequence[float]) -> Estimate:
    """The geometric mean of the blocks' values with its interval: their ratio to one."""
    return paired_ratio([1.0] * len(values), values)


def _estimate(middle: float, half: float, blocks: int) -> Estimate:
    """A ratio from its logarithm and half the width of the logarithm's interval."""
    return Estimate(point=exp(middle), low=exp(middle - half), high=exp(middle + half), blocks=blocks)


def arm_effects(arms: Sequence[Arm], logs: Sequence[float]) -> dict[Arm, float]:
    """Each arm's logarithm in one block, freed of what the machine did, from its turns in their order.

    The effects have the mean 0: the difference of two is the logarithm of their ratio. Every two turns that
    are at most a cycle apart are compared, the nearest most, so that noise which lasts longer than they are
    apart cancels; a burst that begins between them spoils one difference, not a cycle. Discarded turns are
    left out of both sequences.
    Sources: Besag and Kempton, "Statistical analysis of field experiments using neighbouring plots",
    Biometrics 42 (2), 1986, for effects from the differences of neighbours; Huber, "Robust estimation of a
    location parameter", Annals of Mathematical Statistics 35 (1), 1964, for the loss; Holland and Welsch,
    "Robust regression using iteratively reweighted least-squares", Communications in Statistics 6 (9), 1977.
    """
    names = list(dict.fromkeys(arms))
    if len(names) <= 1:
        return dict.fromkeys(names, 0.0)
    one_hot = np.eye(len(names))[[names.index(arm) for arm in arms]]
    values = np.asarray(logs, dtype=float)
    distances = range(1, min(len(names) + 1, len(values)))
    effects = np.zeros(len(names))
    pairs = np.concatenate([one_hot[apart:] - one_hot[:-apart] for apart in distances])
    differences = np.concatenate([values[apart:] - values[:-apart] for apart in distances])
    nearness = np.concatenate([np.full(len(values) - apart, 1 / apart) for apart in distances])
    known = pairs.any(axis=1)  # two turns of one arm say nothing
    pairs, differences, nearness = pairs[known], differences[known], nearness[known]
    weights = nearness
    for _ in range(LONGEST_FIT):
        weighted = pairs * weights[:, np.newaxis]
        # The effects' sum is free: with a sum of zero the equations have one solution.
        before, effects = effects, np.linalg.solve(weighted.T @ pairs + 1, weighted.T @ differences)
        if np.abs(effects - before).max() < SETTLED:
            break
        off = np.abs(differences - pairs @ effects)
        small = SMALL_DEVIATIONS * DEVIATIONS_A_MEDIAN * float(np.median(off))
        weights = nearness / np.maximum(1.0, off / max(small, SETTLED))
    return dict(zip(names, effects.tolist(), strict=True))


def trimmed_mean(values: NDArray[np.float64]) -> TrimmedMean:
    """The mean of the values without the outermost ones, and its standard error.

    Raises ValueError: fewer than two values.
    Sources: Tukey and McLaughlin, "Less vulnerable confidence and significance procedures for location based
    on a single sample: trimming/winsorization 1", Sankhya A 25 (3), 1963; without a cut it is the mean of
    Student, "The probable error of a mean", Biometrika 6 (1), 1908.
    """
    blocks = len(values)
    if blocks < LEAST_BLOCKS:
        msg = "an interval needs two blocks or more"
        raise ValueError(msg)
    ordered = np.sort(values)
    cut = blocks // BLOCKS_A_CUT
    kept = ordered[cut : blocks - cut]
    # Without the values that are cut the deviation would be too small: each counts as the nearest kept value.
    deviation = float(ordered.clip(kept[0], kept[-1]).std(ddof=1))
    return TrimmedMean(
        middle=float(kept.mean()),
        error=deviation * ((blocks - 1) / (len(kept) * (len(kept) - 1))) ** 0.5,
        degrees_of_freedom=degrees_of_freedom(blocks),
    )


def chance_beyond(ratio: Estimate, degrees: float, margin: float) -> float:
    """The p-value of a ratio beyond the margin, if the true ratio lies on the margin's edge.

    It is twice the tail of the interval's own t statistic, as a ratio may be beyond on either side. It is
    less than 5% exactly where the whole interval lies beyond the margin. Without an interval it is 1.
    """
    if ratio.point is None or ratio.low is None or ratio.high is None:
        return 1.0
    beyond = abs(log(ratio.point)) - log(1 + margin)
    error = log(ratio.high / ratio.low) / 2 / quantile(degrees)
    if error == 0:
        return 0.0 if beyond > 0 else 1.0
    return min(1.0, 2 * t_tail(beyond / error, degrees))


def quantile(degrees: float) -> float:
    """How many standard errors a 95% interval reaches to either side."""
    return t_quantile((1 + CONFIDENCE) / 2, degrees)


def degrees_of_freedom(blocks: int) -> int:
    """The degrees of freedom of a trimmed mean: the kept values less one (Tukey and McLaughlin 1963)."""
    return blocks - 2 * (blocks // BLOCKS_A_CUT) - 1


def unpaired_ratio(old: Sequence[float], new: Sequence[float]) -> tuple[Estimate, float]:
    """The ratio new / old with its interval and degrees of freedom, from the logarithms of each run's values.

    It cuts the same share as `paired_ratio`. The runs may have unequal numbers of blocks and unequal spread.
    The interval does not cover what changed for one run as a whole.
    Sources: Yuen, "The two-sample trimmed t for unequal population variances", Biometrika 61 (1), 1974; with
    fewer than eight blocks in both it is the interval of Welch, "The generalization of 'Student's' problem
    when several different population variances are involved", Biometrika 34 (1-2), 1947.
    """
    then, now = (trimmed_mean(np.log(np.asarray(values, dtype=float))) for values in (old, new))
    parts = [(one.error**2, one.degrees_of_freedom) for one in (then, now)]
    variance = sum(part for part, _ in parts)
    degrees = float(sum(degrees for _, degrees in parts))
    if variance > 0:  # as shares of the variance: the squares of small variances would underflow
        degrees = 1 / sum((part / variance) ** 2 / degrees for part, degrees in parts)
    half = quantile(degrees) * variance**0.5
    return _estimate(now.middle - then.middle, half, min(len(old), len(new))), degrees


def reject(tested: Sequence[Item], chances: Sequence[float]) -> tuple[Item, ...]:
    """Choose the tests that remain significant (5%) when their p-values are adjusted for their number."""
    return tuple(one for one, chance in zip(tested, holm(chances), strict=True) if chance < 1 - CONFIDENCE)


def holm(chances: Sequence[float]) -> tuple[float, ...]:
    """Adjust p-values for their number, by Holm's step-down method.

    Source: Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6 (2), 1979.
    """
    order = np.argsort(chances, kind="stable")
    factors = np.arange(len(chances), 0, -1)
    adjusted = np.empty(len(chances))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(factors * np.asarray(chances)[order]))
    return tuple(adjusted.tolist())


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
