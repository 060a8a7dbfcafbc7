"""The interval methods that the simulations compare, each for many runs at once."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from portcompare.stats.intervals import quantile

Array = NDArray[np.float64]
Method = Callable[[Array], tuple[Array, Array, Array]]

RESAMPLES, CHUNK = 399, 250


def student(logs: Array) -> tuple[Array, Array, Array]:
    """Student's t: low, middle and high of each row."""
    return trimmed(logs, 0)


def trimmed(logs: Array, cut: int | None = None) -> tuple[Array, Array, Array]:
    """The t interval of the mean without `cut` values at either end; by default one in eight."""
    blocks = logs.shape[1]
    cut = blocks // 8 if cut is None else cut
    ordered = np.sort(logs, axis=1)
    kept = blocks - 2 * cut
    middle = ordered[:, cut : blocks - cut].mean(axis=1)
    winsorised = np.clip(ordered, ordered[:, [cut]], ordered[:, [blocks - 1 - cut]])
    error = winsorised.std(axis=1, ddof=1) * ((blocks - 1) / (kept * (kept - 1))) ** 0.5
    half = quantile(kept - 1) * error
    return middle - half, middle, middle + half


def signed_ranks(logs: Array) -> tuple[Array, Array, Array]:
    """Hodges and Lehmann's interval of the exact signed-rank distribution, as near to 95% as there is."""
    blocks = logs.shape[1]
    first, second = np.triu_indices(blocks)
    means = np.sort((logs[:, first] + logs[:, second]) / 2, axis=1)
    ways = np.ones(1)
    for rank in range(1, blocks + 1):
        ways = np.pad(ways, (0, rank)) + np.pad(ways, (rank, 0))
    below = np.cumsum(ways)[: len(ways) // 2] / 2**blocks
    cut = int(np.argmin(abs(below - 0.025)))
    return means[:, cut], np.median(means, axis=1), means[:, -1 - cut]


def bootstrap_t(logs: Array) -> tuple[Array, Array, Array]:
    """The studentised bootstrap, 399 resamples."""
    rng, blocks = np.random.default_rng(11), logs.shape[1]
    parts = []
    for start in range(0, len(logs), CHUNK):
        chunk = logs[start : start + CHUNK]
        middle, error = chunk.mean(axis=1), chunk.std(axis=1, ddof=1)
        drawn = chunk[:, rng.integers(0, blocks, (RESAMPLES, blocks))]
        spread = drawn.std(axis=2, ddof=1)
        scores = (drawn.mean(axis=2) - middle[:, None]) / np.where(spread > 0, spread, 1e-9)
        low, high = np.quantile(scores, [0.025, 0.975], axis=1)
        parts.append(np.stack([middle - high * error, middle, middle - low * error]))
    low, middle, high = np.concatenate(parts, axis=1)
    return low, middle, high


METHODS: dict[str, Method] = {
    "Student t": student,
    "trimmed t": trimmed,
    "signed ranks": signed_ranks,
    "bootstrap t": bootstrap_t,
}
