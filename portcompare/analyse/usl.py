"""The Universal Scalability Law: how an arm's rate grows with its users, and where it would be highest."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import inf, isfinite, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from portcompare.analyse.break_even import rates_by_level
from portcompare.records.sweeps import Estimate, Scalability
from portcompare.stats.intervals import CONFIDENCE
from portcompare.stats.quantiles import t_quantile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from portcompare.records.results import Round

LEAST_LEVELS = 6
"""Levels that a fit of three parameters needs: as many are left to show whether the law holds at all."""

LEAST_BLOCKS = 5
"""Blocks that an interval needs: no resample lies outside the extreme blocks, and these enclose the middle of
what they are drawn from with a probability of 1 - 2 / 2**n, which is 94% for five."""

_RESAMPLES = 500
_NOTHING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class UslFit:
    """The law's parameters."""

    one_user_rps: float  # The rate of a single user, lambda
    contention: float  # Sigma, 0 to 1
    coherency: float  # Kappa, 0 or more
    residual: float  # Root mean square of the rates' relative deviations from the law

    def rate_rps(self, users: float) -> float:
        """The law.

        Returns requests per second.
        """
        waits = 1 + self.contention * (users - 1) + self.coherency * users * (users - 1)
        return self.one_user_rps * users / waits

    @property
    def peak_users(self) -> float:
        """Users of the highest rate: infinite without a cost of coherency, never fewer than one."""
        if not self.coherency:
            return inf
        return max(sqrt((1 - self.contention) / self.coherency), 1.0)


def fit_usl(users: Sequence[float], rates_rps: Sequence[float]) -> UslFit | None:
    """Fit the law X(N) = lambda N / (1 + sigma (N - 1) + kappa N (N - 1)).

    N / X is a sum of 1, N and N (N - 1), each with a factor that cannot be negative, as sigma is a part of
    the work: (1 - sigma) / lambda, sigma / lambda and kappa / lambda. So the sum of squares of X / X(N) - 1
    has one minimum, which is found without a starting point. Errors that grow with the rate, as those of
    rounds do, weigh alike at all levels.

    Returns the fit; None if the rates fall so fast that a single user's would have to be infinite.
    References: Gunther, "Guerrilla Capacity Planning", Springer, 2007, chapters 4 to 6, for the law and its
    peak at sqrt((1 - sigma) / kappa). Lawson and Hanson, "Solving Least Squares Problems", 1974, for the
    solution without negative parts.
    """
    loads = np.asarray(users, dtype=float)
    per_rate_s = np.column_stack([np.ones_like(loads), loads, loads * (loads - 1)])
    shares = per_rate_s * (np.asarray(rates_rps, dtype=float) / loads)[:, np.newaxis]
    parts, norm = _fit_without_negatives(shares, np.ones_like(loads))
    parallel_s, serial_s, pairs_s = parts.tolist()
    alone_s = parallel_s + serial_s
    if not alone_s:
        return None
    if pairs_s * per_rate_s[:, 2].max() < _NOTHING * alone_s:
        pairs_s = 0.0  # what rounding leaves would put the peak at some billion users
    return UslFit(
        one_user_rps=1 / alone_s,
        contention=serial_s / alone_s,
        coherency=pairs_s / alone_s,
        residual=norm / sqrt(len(loads)),
    )


def _fit_without_negatives(
    shares: NDArray[np.float64], wanted: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """The least-squares solution without negative parts, and its norm: the best of those of any columns.

    That of all columns comes first, and is the best if it has no negative part.
    """
    best, least = np.zeros(shares.shape[1]), float(np.linalg.norm(wanted))
    for columns in product([True, False], repeat=shares.shape[1]):
        parts = np.zeros(shares.shape[1])
        parts[list(columns)] = np.linalg.lstsq(shares[:, columns], wanted)[0]
        norm = float(np.linalg.norm(shares @ parts - wanted))
        if parts.min() >= 0 and norm < least:
            best, least = parts, norm
            if all(columns):
                break
    return best, least


def find_scalability(rounds: Iterable[Round]) -> tuple[Scalability, ...]:
    """Fit the law to every arm in every scenario of the closed model that has six levels or more."""
    closed = [one for one in rounds if one.offered_rps is None]
    found = [
        _describe(scenario, arm, by_level)
        for (scenario, arm), by_level in rates_by_level(closed).items()
        if len(by_level) >= LEAST_LEVELS
    ]
    return tuple(one for one in found if one is not None)


def _describe(scenario: str, arm: str, by_level: Mapping[float, Mapping[int, float]]) -> Scalability | None:
    blocks = sorted(set.intersection(*(set(by_block) for by_block in by_level.values())))
    if not blocks:
        return None
    users = tuple(by_level)
    logs = np.log([[by_level[level][block] for level in users] for block in blocks])
    fit = fit_usl(users, np.exp(logs.mean(axis=0)).tolist())
    if fit is None:
        return None
    resampled = _resample(users, logs) if len(blocks) >= LEAST_BLOCKS else []
    peak = fit.peak_users
    return Scalability(
        scenario=scenario,
        arm=arm,
        levels=len(users),
        blocks=len(blocks),
        one_user_rps=_estimate(fit.one_user_rps, [one.one_user_rps for one in resampled], len(blocks)),
        contention=_estimate(fit.contention, [one.contention for one in resampled], len(blocks)),
        coherency=_estimate(fit.coherency, [one.coherency for one in resampled], len(blocks)),
        residual=fit.residual,
        peak_users=_estimate(peak, [one.peak_users for one in resampled], len(blocks))
        if isfinite(peak)
        else None,
        peak_rps=fit.rate_rps(peak) if isfinite(peak) else None,
    )


def _resample(users: Sequence[float], logs: NDArray[np.float64]) -> list[UslFit]:
    """Fits to blocks drawn with replacement; always the same draws, so that a report can be made again."""
    rng = np.random.default_rng(len(logs))
    draws = rng.integers(len(logs), size=(_RESAMPLES, len(logs)))
    fits = (fit_usl(users, rates.tolist()) for rates in np.exp(logs[draws].mean(axis=1)))
    return [fit for fit in fits if fit is not None]


def _estimate(value: float, resampled: Sequence[float], blocks: int) -> Estimate:
    if not resampled:
        return Estimate(value=value, low=None, high=None)
    # As far out as Student's t would go, in the deviations of a mean of so many blocks.
    reach = t_quantile((1 + CONFIDENCE) / 2, blocks - 1) * sqrt(blocks / (blocks - 1))
    tail = NormalDist().cdf(-reach)
    low, high = np.quantile(resampled, [tail, 1 - tail], method="nearest").tolist()
    # The fit to all blocks is a mean of them; an interval that left it out would confuse more than it told.
    return Estimate(value=value, low=min(low, value), high=max(high, value) if isfinite(high) else None)
