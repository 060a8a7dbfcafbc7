"""Noise as machines make it, for the simulations: what remains of it in the log ratio of two equal arms.

A run has 20 rounds a block, of which two, at random places, are those of the arms compared. What the machine
does follows the rounds in their order; what befalls a round alone is its own.
"""

import json
from collections.abc import Callable
from functools import partial
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Array = NDArray[np.float64]
Noise = Callable[[Generator, int, int], Array]

ROUNDS = 20
FIXTURES = Path(__file__).parent.parent / "tests" / "analyse" / "fixtures"
RUNS = ("calm", "busy")
COLUMNS = ("rate_rps", "p50_s", "p95_s", "p99_s", "cpu_s_per_request")


def read_rounds(name: str) -> list[dict[str, float | str]]:
    """The rounds of a recorded run."""
    data = json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))
    return [dict(zip(data["columns"], row, strict=True)) for row in data["rounds"]]


def recorded_residuals() -> dict[tuple[str, float], Array]:
    """What single rounds of the baseline's two instances strayed from their run's median, in logarithms.

    Returns:
        For each scenario and level one row a recorded round, one column a metric of `COLUMNS`.
    """
    pools: dict[tuple[str, float], list[Array]] = {}
    for name in RUNS:
        by_level: dict[tuple[str, float], list[list[float]]] = {}
        for one in read_rounds(name):
            if one["arm"] in ("baseline", "control"):
                values = [float(np.log(float(one[column]))) for column in COLUMNS]
                by_level.setdefault((str(one["scenario"]), float(one["level"])), []).append(values)
        for level, rows in by_level.items():
            logs = np.array(rows)
            pools.setdefault(level, []).append(logs - np.median(logs, axis=0))
    return {level: np.concatenate(parts) for level, parts in pools.items()}


def recorded_log_ratios() -> Array:
    """Every arm's ratios to the baseline in throughput and median, in logarithms, a row each."""
    series = []
    for name in RUNS:
        rounds = read_rounds(name)
        places = {(one["scenario"], one["level"], one["arm"], one["block"]): one for one in rounds}
        for scenario, level, arm in dict.fromkeys(place[:3] for place in places):
            if arm == "baseline":
                continue
            blocks = range(sum(place[:3] == (scenario, level, arm) for place in places))
            for column in ("rate_rps", "p50_s"):
                arms = [
                    [float(places[scenario, level, one, block][column]) for block in blocks]
                    for one in ("baseline", arm)
                ]
                series.append(np.diff(np.log(arms), axis=0)[0])
    return np.array(series)


def autocorrelations(series: Array) -> Array:
    """The lag-1 autocorrelation of each row; rows without any spread have none and are left out."""
    off = series - series.mean(axis=1, keepdims=True)
    off = off[off.any(axis=1)]
    return np.asarray((off[:, 1:] * off[:, :-1]).sum(axis=1) / (off**2).sum(axis=1))


def recorded(column: str, rng: Generator, runs: int, blocks: int) -> Array:
    """Noise drawn from recorded rounds, each simulated run at one of the recorded levels."""
    at = COLUMNS.index(column)
    pools = np.stack([pool[:, at] for pool in recorded_residuals().values()])
    level = rng.integers(0, len(pools), size=(runs, 1, 1))
    drawn = pools[level, rng.integers(0, pools.shape[1], size=(runs, blocks, 2))]
    return _difference(drawn)


def normal(rng: Generator, runs: int, blocks: int) -> Array:
    """Every round 3% off, more or less."""
    return _difference(rng.normal(0, 0.03, (runs, blocks, 2)))


def autocorrelated(rng: Generator, runs: int, blocks: int) -> Array:
    """The machine's speed wanders: 0.96 from round to round, so 0.44 from block to block."""
    shocks = 0.06 * (1 - 0.96**2) ** 0.5 * rng.normal(size=(runs, 200 + blocks * ROUNDS))
    wander = autoregress(shocks, 0.96)
    own = rng.normal(0, 0.02, (runs, blocks, 2))
    return _difference(own + _at_places(rng, wander[:, 200:]))


def lognormal(rng: Generator, runs: int, blocks: int) -> Array:
    """Every round loses time, most little and some much: 3% in the median, lognormal."""
    return _difference(-np.log1p(0.03 * rng.lognormal(0, 1, (runs, blocks, 2))))


def heavy_tailed(rng: Generator, runs: int, blocks: int) -> Array:
    """Student's t with 3 degrees of freedom."""
    return _difference(0.03 * rng.standard_t(3, (runs, blocks, 2)))


def neighbour(rng: Generator, runs: int, blocks: int) -> Array:
    """A neighbour comes for 3 rounds at a time, in 10% of them, and takes a quarter of the speed or so."""
    length = 200 + blocks * ROUNDS
    starts, lasts = rng.random((runs, length)) < 1 / 27, rng.random((runs, length)) < 2 / 3
    busy = np.zeros((runs, length))
    for place in range(1, length):
        busy[:, place] = np.where(busy[:, place - 1] > 0, lasts[:, place], starts[:, place])
    taken = busy * rng.exponential(0.3, (runs, length))
    own = rng.normal(0, 0.01, (runs, blocks, 2))
    return _difference(own - _at_places(rng, taken[:, 200:]))


def drifting(rng: Generator, runs: int, blocks: int) -> Array:
    """The machine gets 30% slower over the run, and 10% inside each block."""
    place = np.arange(blocks * ROUNDS)
    slower = 0.3 * place / len(place) + 0.1 * (place % ROUNDS) / ROUNDS
    own = rng.normal(0, 0.02, (runs, blocks, 2))
    return _difference(own - _at_places(rng, np.broadcast_to(slower, (runs, len(place)))))


def one_sided(rng: Generator, runs: int, blocks: int) -> Array:
    """One arm alone is hit, in every fifth round: the ratios are skewed."""
    hits = (rng.random((runs, blocks)) < 0.2) * rng.exponential(0.1, (runs, blocks))  # noqa: PLR2004
    return normal(rng, runs, blocks) - hits


def tail_of_few(rng: Generator, runs: int, blocks: int) -> Array:
    """The p99 of rounds of 200 requests: their second greatest response time, lognormal with a heavy tail."""
    # The k-th of N ordered uniform variates has a beta distribution: no need to draw the other requests.
    rank = rng.beta(198, 3, (runs, blocks, 2))
    return _difference(np.log1p((1 - rank) ** -0.5 / 10))


def tail_of_stalls(rng: Generator, runs: int, blocks: int) -> Array:
    """The p99 of rounds of 5,000 requests, of which a stall, once a round on average, holds 1% up."""
    rank = rng.beta(4950, 51, (runs, blocks, 2))
    stalls = rng.poisson(1.0, (runs, blocks, 2))
    return _difference(np.log1p((1 - rank) ** -0.5 / 10) + np.where(stalls > 0, 0.7, 0.0))


def dependent(rng: Generator, runs: int, blocks: int) -> Array:
    """The log ratios themselves are autocorrelated, 0.4 from block to block: what random order prevents."""
    return autoregress(rng.normal(0, 0.03, (runs, 50 + blocks)), 0.4)[:, 50:]


def autoregress(shocks: Array, memory: float) -> Array:
    """Along the last axis, each value is a part of the one before it and a shock."""
    steps = accumulate(np.moveaxis(shocks, -1, 0), lambda last, shock: memory * last + shock)
    return np.stack(list(steps), axis=-1)


def _difference(arms: Array) -> Array:
    """The log ratio, block by block, of two arms along the last axis."""
    return np.asarray(arms[..., 1] - arms[..., 0])


def _at_places(rng: Generator, machine: Array) -> Array:
    """What the machine did in the rounds of two arms, at two random places of each block."""
    runs, blocks = machine.shape[0], machine.shape[1] // ROUNDS
    first = rng.integers(0, ROUNDS, (runs, blocks))
    second = (first + rng.integers(1, ROUNDS, (runs, blocks))) % ROUNDS
    places = np.stack([first, second], axis=-1)
    return np.take_along_axis(machine.reshape(runs, blocks, ROUNDS), places, axis=-1)


DEPENDENT = "log ratios autocorrelated"
MODELS: dict[str, Noise] = {
    "normal": normal,
    "machine's speed autocorrelated": autocorrelated,
    "machine drifts": drifting,
    "lognormal": lognormal,
    "heavy tails (t3)": heavy_tailed,
    "hit by a neighbour": neighbour,
    "one arm alone hit": one_sided,
    "recorded, throughput": partial(recorded, "rate_rps"),
    "recorded, p50": partial(recorded, "p50_s"),
    "recorded, p99": partial(recorded, "p99_s"),
    "p99 of 200 requests": tail_of_few,
    "p99 with stalls": tail_of_stalls,
    DEPENDENT: dependent,
}
