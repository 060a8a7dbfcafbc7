"""Noise of the rounds of whole runs: each round's own, or that of a machine that changes along the run."""

from collections.abc import Callable
from functools import cache, partial
from itertools import islice

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks.simulate_noise import ROUNDS, autoregress, recorded_residuals
from portcompare.plan.schema import Rounds
from portcompare.records.metrics import round_metrics

Array = NDArray[np.float64]
Draw = Callable[[tuple[str, float], int], Array]
Noise = Callable[[Generator], Draw]

LONGEST = ROUNDS * Rounds().max_blocks
BEFORE = 200

SLOWER = np.array([-1.0 if metric == "throughput" else 1.0 for metric in round_metrics()])
"""What a slower machine does to each metric."""

read_pools = cache(recorded_residuals)


def normal(size: float, rng: Generator) -> Draw:
    """Every round is off by this much, more or less, in each metric by itself."""
    return lambda _level, rounds: rng.normal(0, size, (rounds, len(round_metrics())))


def lognormal(rng: Generator) -> Draw:
    """Every round loses time, most little and some much: 3% in the median, lognormal."""
    return lambda _level, rounds: (
        SLOWER * np.log1p(0.03 * rng.lognormal(0, 1, (rounds, len(round_metrics()))))
    )


def heavy_tailed(rng: Generator) -> Draw:
    """Student's t with 3 degrees of freedom."""
    return lambda _level, rounds: 0.03 * rng.standard_t(3, (rounds, len(round_metrics())))


def autocorrelated(rng: Generator) -> Draw:
    """The machine's speed wanders by 6%: 0.96 from round to round, so 0.44 from block to block."""
    shocks = 0.06 * (1 - 0.96**2) ** 0.5 * rng.normal(size=BEFORE + LONGEST)
    return _along(rng, autoregress(shocks, 0.96)[BEFORE:])


def drifting(rng: Generator) -> Draw:
    """The machine gets 30% slower over the run, and 10% inside each block."""
    place = np.arange(LONGEST)
    return _along(rng, 0.3 * place / LONGEST + 0.1 * (place % ROUNDS) / ROUNDS)


def recorded(rng: Generator) -> Draw:
    """Each round is one that was recorded at its level."""

    def draw(level: tuple[str, float], rounds: int) -> Array:
        pool = read_pools()[level]
        return np.asarray(pool[rng.integers(0, len(pool), rounds)])

    return draw


def _along(rng: Generator, slower: Array) -> Draw:
    """The rounds one after the other on a machine that changes, each 2% off by itself."""
    machine = iter(slower)

    def draw(_level: tuple[str, float], rounds: int) -> Array:
        now = np.fromiter(islice(machine, rounds), float, rounds)
        return np.asarray(np.outer(now, SLOWER) + rng.normal(0, 0.02, (rounds, len(round_metrics()))))

    return draw


NOISES: dict[str, Noise] = {
    "normal, 2%": partial(normal, 0.02),
    "normal, 4%": partial(normal, 0.04),
    "machine's speed autocorrelated": autocorrelated,
    "machine drifts": drifting,
    "lognormal": lognormal,
    "heavy tails (t3)": heavy_tailed,
    "recorded rounds": recorded,
}
"""From the chance to what draws the noise of so many rounds at a level, in the order in which they are
measured, in logarithms, a row each and a column a metric. Each run begins its noise anew."""
