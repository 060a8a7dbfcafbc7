"""Does the interval between two runs cover the truth as often as it says, at the number of blocks runs have?

    .venv/bin/python -m benchmarks.simulate_unpaired

Seeds are fixed: the figures are the same each time. Writes docs/diff.md.
"""

import json
from collections.abc import Callable, Iterator
from functools import cache, partial

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks.common import HERE, header, publish, row, verdict
from portcompare.stats.intervals import quantile, unpaired_ratio

Array = NDArray[np.float64]
Noise = Callable[[Generator, int, int], Array]

PAGE = HERE.parent / "docs" / "diff.md"
BLOCKS = ((5, 5), (8, 8), (12, 12), (16, 16), (30, 30), (5, 10), (10, 30))
SIMULATED = 10_000
LEAST, MOST = 93.0, 97.0
MOODS = (0.0, 0.01, 0.02, 0.05)
MOOD_BLOCKS = 10

FIXTURES = HERE.parent / "tests" / "analyse" / "fixtures"
RECORDED = ("calm", "busy")
COLUMNS = ("rate_rps", "p50_s", "p95_s", "p99_s", "cpu_s_per_request")


def main() -> None:
    """Simulate and publish."""
    check_formula()
    publish("unpaired", list(lines()), page=PAGE)


def check_formula() -> None:
    """What is simulated for many runs at once is what portcompare uses."""
    rng = np.random.default_rng(1)
    for old_blocks, new_blocks in BLOCKS:
        old, new = rng.normal(size=(5, old_blocks)), rng.normal(0, 2, size=(5, new_blocks))
        for then, now, low, high in zip(old, new, *intervals(old, new), strict=True):
            found, _ = unpaired_ratio(np.exp(then).tolist(), np.exp(now).tolist())
            assert np.allclose(np.log(found.interval or ()), [low, high])


def lines() -> Iterator[str]:
    """How often the interval covers the truth, by noise and blocks, and what a machine's mood makes of it."""
    yield f"Percent of intervals that cover the truth, {SIMULATED:,} pairs of runs each; old and new blocks:"
    yield ""
    yield from header("noise of a round", *(f"{old}, {new}" for old, new in BLOCKS))
    figures = {name: [cover(model, old, new) for old, new in BLOCKS] for name, model in MODELS.items()}
    for name, cells in figures.items():
        yield row(name, *(f"{covered:.1f}" for covered in cells))
    found = [covered for cells in figures.values() for covered in cells]
    inside = sum(LEAST <= covered <= MOST for covered in found)
    yield ""
    yield (
        f"{min(found):.1f}% to {max(found):.1f}%; {inside} of {len(found)} figures are in {LEAST:.0f}% to"
        f" {MOST:.0f}%: {verdict(met=inside == len(found))}."
        f" Of those outside {sum(covered < LEAST for covered in found)} cover less."
    )
    yield ""
    yield (
        f"The same where each run is faster or slower as a whole by its mood ({MOOD_BLOCKS} blocks of 3%"
        " noise), of a deployment's own figures and of its ratio to the baseline:"
    )
    yield ""
    yield from header("mood of a run", "own figures", "ratio to the baseline")
    for mood in MOODS:
        own, relative = cover_moods(mood)
        yield row(f"{100 * mood:.0f}%", f"{own:.1f}", f"{relative:.1f}")


def cover(model: Noise, old_blocks: int, new_blocks: int, runs: int = SIMULATED) -> float:
    """Percent of the intervals between two equal runs that hold their ratio, which is 1."""
    rng = np.random.default_rng([old_blocks, new_blocks])
    return _percent(model(rng, runs, old_blocks), model(rng, runs, new_blocks))


def cover_moods(mood: float) -> tuple[float, float]:
    """The same where each run is faster or slower as a whole: of one arm, and of two arms' ratio."""
    rng = np.random.default_rng(7)
    then, now = (
        rng.normal(0, mood, (SIMULATED, 1, 1)) + rng.normal(0, 0.03, (SIMULATED, MOOD_BLOCKS, 2))
        for _ in range(2)
    )
    return _percent(then[..., 1], now[..., 1]), _percent(
        then[..., 1] - then[..., 0], now[..., 1] - now[..., 0]
    )


def _percent(old: Array, new: Array) -> float:
    low, high = intervals(old, new)
    return 100 * float(((low <= 0) & (high >= 0)).mean())


def intervals(old: Array, new: Array) -> tuple[Array, Array]:
    """The interval of each row's difference new - old."""
    (then, old_error, old_freedom), (now, new_error, new_freedom) = _trimmed(old), _trimmed(new)
    variance = old_error**2 + new_error**2
    safe = np.where(variance > 0, variance, 1.0)
    parts = (old_error**2 / safe) ** 2 / old_freedom + (new_error**2 / safe) ** 2 / new_freedom
    freedom = np.where(variance > 0, 1 / np.where(parts > 0, parts, 1.0), old_freedom + new_freedom)
    half = np.interp(1 / freedom, *_quantiles()) * np.sqrt(variance)
    return now - then - half, now - then + half


@cache
def _quantiles() -> tuple[Array, Array]:
    """Student's t over 1 / degrees of freedom; interpolation between them is off by less than one in 1e6."""
    inverses = np.linspace(0.01, 1, 1000)
    return inverses, np.array([quantile(1 / one) for one in inverses.tolist()])


def _trimmed(logs: Array) -> tuple[Array, Array, int]:
    """Each row's trimmed mean, its standard error, and the degrees of freedom."""
    blocks = logs.shape[1]
    cut = blocks // 8
    ordered = np.sort(logs, axis=1)
    kept = ordered[:, cut : blocks - cut]
    winsorised = np.clip(ordered, kept[:, [0]], kept[:, [-1]])
    count = kept.shape[1]
    error = winsorised.std(axis=1, ddof=1) * ((blocks - 1) / (count * (count - 1))) ** 0.5
    return kept.mean(axis=1), error, count - 1


def normal(rng: Generator, runs: int, blocks: int) -> Array:
    """Every round 3% off, more or less."""
    return rng.normal(0, 0.03, (runs, blocks))


def lognormal(rng: Generator, runs: int, blocks: int) -> Array:
    """Every round loses time, most little and some much: 3% in the median, lognormal."""
    return -np.log1p(0.03 * rng.lognormal(0, 0.5, (runs, blocks)))


def heavy_tailed(rng: Generator, runs: int, blocks: int) -> Array:
    """Student's t with 3 degrees of freedom."""
    return np.asarray(0.03 * rng.standard_t(3, (runs, blocks)))


def read_rounds(name: str) -> list[dict[str, float | str]]:
    """The rounds of a recorded run."""
    data = json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))
    return [dict(zip(data["columns"], row, strict=True)) for row in data["rounds"]]


def recorded_residuals() -> dict[tuple[str, float], Array]:
    """What single rounds of the baseline's two instances strayed from their run's median, in logarithms.

    By scenario and level, a row a recorded round and a column a metric of `COLUMNS`.
    """
    pools: dict[tuple[str, float], list[Array]] = {}
    for name in RECORDED:
        by_level: dict[tuple[str, float], list[list[float]]] = {}
        for one in read_rounds(name):
            if one["arm"] in ("baseline", "control"):
                values = [float(np.log(float(one[column]))) for column in COLUMNS]
                by_level.setdefault((str(one["scenario"]), float(one["level"])), []).append(values)
        for level, rows in by_level.items():
            logs = np.array(rows)
            pools.setdefault(level, []).append(logs - np.median(logs, axis=0))
    return {level: np.concatenate(parts) for level, parts in pools.items()}


def recorded(column: str, rng: Generator, runs: int, blocks: int) -> Array:
    """Noise drawn from recorded rounds, each pair of runs at one of the recorded levels."""
    pools = np.stack([pool[:, COLUMNS.index(column)] for pool in recorded_residuals().values()])
    level = np.arange(runs)[:, None] % len(pools)
    return np.asarray(pools[level, rng.integers(0, pools.shape[1], size=(runs, blocks))])


MODELS: dict[str, Noise] = {
    "normal": normal,
    "lognormal": lognormal,
    "heavy tails (t3)": heavy_tailed,
    "recorded, throughput": partial(recorded, "rate_rps"),
    "recorded, p50": partial(recorded, "p50_s"),
}


if __name__ == "__main__":
    main()
