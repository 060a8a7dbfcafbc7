"""Whole simulated runs in which nothing differs, judged by the very functions that judge real ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from portcompare.analyse import compare, find_undecided
from portcompare.analyse.multiplicity import find_holding, headline_family
from portcompare.model import BASELINE, CONTROL, Latency, Round
from portcompare.plan.schema import Rounds

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator
    from numpy.typing import NDArray

    from portcompare.model import Comparison

    Draw = Callable[[Generator, tuple[str, float], int], NDArray[np.float64]]

LEVELS: tuple[tuple[str, float], ...] = (("fast", 1.0), ("fast", 32.0), ("delayed", 1.0), ("delayed", 64.0))
ARMS = (BASELINE, CONTROL, "one", "two", "three")
PLANNED = Rounds()
MARGINS = PLANNED.margins

_ROUND = Round(
    block=0, arm="", deployment="", scenario="", level=0.0, order=0, started_at_s=0.0, window_s=1.0,
    warmup_s=0.0, requests=1000, errors=0, error_kinds={}, rate_rps=1.0, latency_s=None, handler_s=None,
    steady=True,
    received_bytes_per_request=None, cpu_s_per_request=None, rss_peak_bytes=None, offered_rps=None, dropped=0,
    lag_p99_s=None, lag_max_s=None, stall_max_s=0.0, generator_cpu_ratio=0.0, generator_cpu_ratios={},
    reconnects=0, slices=(),
)  # fmt: skip


def simulate_run(rng: Generator, draw: Draw) -> tuple[tuple[Comparison, ...], int]:
    """Measure block after block of equal arms until every level is known well enough.

    Args:
        rng: The chance.
        draw: Noise of so many rounds at a level, in logarithms: one column a metric.

    Returns:
        The comparisons, and how many blocks there were.
    """
    rounds: list[Round] = []
    levels = LEVELS
    for block in range(PLANNED.max_blocks):
        for level in levels:
            noise = np.exp(draw(rng, level, len(ARMS))).tolist()
            rounds += [_round(block, arm, level, one) for arm, one in zip(ARMS, noise, strict=True)]
        if block + 1 >= PLANNED.min_blocks:
            undecided = find_undecided(compare(rounds, MARGINS), PLANNED.precision)
            levels = tuple(level for level in levels if level in undecided)
            if not levels:
                break
    return compare(rounds, MARGINS), block + 1


def holds_anything(comparisons: tuple[Comparison, ...]) -> bool:
    """Whether the headline would tell of any difference."""
    return bool(find_holding(headline_family(comparisons), MARGINS))


def _round(block: int, arm: str, level: tuple[str, float], values: list[float]) -> Round:
    rate_rps, p50_s, p95_s, p99_s, cpu_s = values
    return replace(
        _ROUND,
        block=block,
        arm=arm,
        scenario=level[0],
        level=level[1],
        rate_rps=rate_rps,
        latency_s=Latency(p50=p50_s, p95=p95_s, p99=p99_s, p999=p99_s, max=p99_s),
        cpu_s_per_request=cpu_s,
    )
