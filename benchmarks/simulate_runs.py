"""Whole simulated runs in which nothing differs, judged by the very functions that judge real ones."""

from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.random import Generator

from benchmarks.simulate_run_noise import Noise
from portcompare.analyse.comparisons import compare, find_undecided
from portcompare.analyse.conclusions import find_holding, headline_family
from portcompare.analyse.validity import find_invalid_reasons, find_warnings
from portcompare.measure.blocks import EARLY_BLOCKS
from portcompare.plan.schema import Rounds
from portcompare.records.estimates import Comparison
from portcompare.records.rounds import BASELINE, CONTROL, Latency, LoadReport, Round, Usage

Item = TypeVar("Item")

LEVELS: dict[tuple[str, float], int] = {
    ("fast", 1.0): 1500,
    ("fast", 32.0): 5000,
    ("delayed", 1.0): 7,
    ("delayed", 64.0): 56,
}
"""The default plan's, and about how many requests its baseline answers in a round."""

ARMS = (BASELINE, CONTROL, "one", "two", "three")
PLANNED = Rounds()
MARGINS = PLANNED.margins

_LOAD = LoadReport(
    started_at_s=0.0,
    window_s=1.0,
    warmup_s=0.0,
    requests=1000,
    error_kinds={},
    rate_rps=1.0,
    latency_s=None,
    handler_s=None,
    steady=True,
    received_bytes_per_request=None,
    offered_rps=None,
    dropped=0,
    lag_p99_s=None,
    lag_max_s=None,
    stall_max_s=0.0,
    generator_cpu_ratio=0.0,
    generator_cpu_ratios={},
    reconnects=0,
    slices=(),
)


def simulate_run(rng: Generator, noise: Noise) -> tuple[tuple[Comparison, ...], list[Round]]:
    """Measure block after block of equal arms until every level is known well enough.

    Args:
        rng: The chance.
        noise: What makes rounds of equal arms differ.

    Returns:
        The comparisons and the rounds.
    """
    rounds: list[Round] = []
    levels = tuple(LEVELS)
    draw = noise(rng)
    for block in range(PLANNED.max_blocks):
        for level in _shuffled(rng, levels):
            values = np.exp(draw(level, len(ARMS))).tolist()
            arms = _shuffled(rng, ARMS)
            rounds += [_round(block, arm, level, one) for arm, one in zip(arms, values, strict=True)]
        if block + 1 >= EARLY_BLOCKS:
            # Nothing more is learnt of levels that are done.
            still = [one for one in rounds if (one.scenario, one.level) in levels]
            is_early = block + 1 < PLANNED.min_blocks
            undecided = find_undecided(compare(still, MARGINS), PLANNED.precision, is_early=is_early)
            levels = tuple(level for level in levels if level in undecided)
            if not levels:
                break
    return compare(rounds, MARGINS), rounds


def is_invalid(comparisons: tuple[Comparison, ...], rounds: list[Round]) -> bool:
    """Whether the control would make the run invalid."""
    return bool(find_invalid_reasons(rounds, comparisons, MARGINS, None, _in_words))


def is_warned_of(comparisons: tuple[Comparison, ...]) -> bool:
    """Whether the run would warn of what the control shows."""
    return bool(find_warnings((), comparisons, MARGINS, _in_words))


def _in_words(_scenario: str, level: float) -> str:
    return f"level {level:g}"


def _shuffled(rng: Generator, items: tuple[Item, ...]) -> list[Item]:
    return [items[place] for place in rng.permutation(len(items))]


def holds_anything(comparisons: tuple[Comparison, ...]) -> bool:
    """Whether the headline would tell of any difference."""
    return bool(find_holding(headline_family(comparisons), MARGINS))


def _round(block: int, arm: str, level: tuple[str, float], values: list[float]) -> Round:
    rate_rps, p50_s, p95_s, p99_s, cpu_s = values
    load = replace(
        _LOAD,
        requests=LEVELS[level],
        rate_rps=rate_rps,
        latency_s=Latency(p50=p50_s, p95=p95_s, p99=p99_s, p999=p99_s, max=p99_s),
    )
    return Round(
        block=block,
        order=0,
        arm=arm,
        deployment="",
        scenario=level[0],
        level=level[1],
        load=load,
        usage=Usage(cpu_s=cpu_s * load.window_s * rate_rps, rss_bytes=0),
    )
