"""How often does a whole run in which nothing differs say that something does?

    .venv/bin/python -m benchmarks.simulate_runs

The runs are judged by the very functions that judge real ones. Seeds are fixed: the figures are the same each
time. Takes some minutes on all CPUs and writes docs/method.md.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
from numpy.random import Generator

from benchmarks.common import header, publish, row, verdict
from benchmarks.simulate_turns import PAGE, differences
from benchmarks.turn_noise import ARMS, Noise, draw
from portcompare.analyse.comparisons import compare, find_undecided
from portcompare.analyse.conclusions import find_holding, headline_family
from portcompare.analyse.validity import find_invalid_reasons, find_warnings
from portcompare.measure.blocks import EARLY_BLOCKS
from portcompare.plan.schema import Rounds
from portcompare.records.estimates import Comparison
from portcompare.records.metrics import HEADLINE_METRICS, round_metrics
from portcompare.records.rounds import BASELINE, CONTROL, Latency, LoadReport, Round, Usage

LEVELS: dict[tuple[str, float], int] = {
    ("fast", 1.0): 1500,
    ("fast", 32.0): 5000,
    ("delayed", 1.0): 7,
    ("delayed", 64.0): 56,
}
"""The default plan's, and about how many requests its baseline responds to in a block."""

NAMES = (BASELINE, CONTROL, "one", "two", "three")
CYCLES, RUNS = 7, 100
TAILS = ("p95", "p99")
PLANNED = Rounds()
MARGINS = PLANNED.margins
MOST_FALSE = 5.0
TARGETS, OTHERS = ("any", "headline"), ("not valid", "warned")

NOISES = (
    Noise(machine="still"),
    Noise(machine="still", own="heavy", start=0.01),
    Noise(machine="wander", memory_s=10, own="hit", start=0.01),
    Noise(machine="neighbour", own="heavy", start=0.01, discarded=0.1),
    Noise(machine="neighbour, 32 users", start=0.02),
    Noise(machine="busy, 32 users", start=0.01),
)

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


def lines() -> Iterator[str]:
    """A row for each noise."""
    yield from header(
        *("noise", "blocks", *round_metrics(), f"any metric, {MOST_FALSE:.0f}% at most"),
        *(f"headline, {MOST_FALSE:.0f}% at most", *OTHERS, "intervals that cover 1"),
    )
    with ProcessPoolExecutor(os.cpu_count()) as processes:
        yield from (row(*cells) for cells in processes.map(simulate_runs, NOISES))


def simulate_runs(noise: Noise) -> list[str]:
    """The cells of a row: median of blocks, percent of runs with a false word, percent covered."""
    print(f"{RUNS} runs: {noise}", file=sys.stderr)
    rng = np.random.default_rng(2)
    wrong: Counter[str] = Counter()
    covered, blocks = 0, []
    for _ in range(RUNS):
        comparisons, rounds = simulate_run(rng, noise)
        control = [one for one in comparisons if one.candidate == CONTROL]
        said = {one.metric for one in control if one.ratio.verdict in ("faster", "slower")}
        wrong.update(said)
        wrong["any"] += bool(said)
        wrong["headline"] += bool(find_holding(headline_family(comparisons), MARGINS))
        wrong["not valid"] += any(find_invalid_reasons(rounds, comparisons, MARGINS, None, _in_words))
        wrong["warned"] += any(find_warnings((), comparisons, MARGINS, _in_words))
        stopping = [one for one in control if one.metric in HEADLINE_METRICS]
        covered += sum((one.ratio.low or 0) <= 1 <= (one.ratio.high or 0) for one in stopping)
        blocks.append(rounds[-1].block + 1)
    percent = {what: 100 * wrong[what] / RUNS for what in (*round_metrics(), *TARGETS, *OTHERS)}
    return [
        str(noise),
        f"{np.median(blocks):.0f}",
        *(f"{percent[metric]:.1f}%" for metric in round_metrics()),
        *(f"{percent[what]:.1f}%, {verdict(met=percent[what] <= MOST_FALSE)}" for what in TARGETS),
        *(f"{percent[what]:.1f}%" for what in OTHERS),
        f"{100 * covered / (RUNS * len(LEVELS) * len(HEADLINE_METRICS)):.1f}%",
    ]


def simulate_run(rng: Generator, noise: Noise) -> tuple[tuple[Comparison, ...], list[Round]]:
    """Measure block after block of equal arms until every level is known well enough."""
    rounds: list[Round] = []
    levels = tuple(LEVELS)
    effects = draw_effects(rng, noise)
    for block in range(PLANNED.max_blocks):
        for level in levels:
            values = np.exp(effects[block, list(LEVELS).index(level)])
            rounds += [
                _round(block, name, level, one.tolist()) for name, one in zip(NAMES, values.T, strict=True)
            ]
        if block + 1 >= EARLY_BLOCKS:
            # Nothing more is learnt of levels that are done.
            still = [one for one in rounds if (one.scenario, one.level) in levels]
            is_early = block + 1 < PLANNED.min_blocks
            undecided = find_undecided(compare(still, MARGINS), PLANNED.precision, is_early=is_early)
            levels = tuple(level for level in levels if level in undecided)
            if not levels:
                break
    return compare(rounds, MARGINS), rounds


def draw_effects(rng: Generator, noise: Noise) -> np.ndarray[tuple[int, int, int, int], np.dtype[np.float64]]:
    """The arms' logarithms by block, level, metric and arm.

    A tail is that of all requests of a block, so it takes all turns as they are: their mean.
    """
    shape = (PLANNED.max_blocks, len(LEVELS), len(round_metrics()), ARMS)
    arms, logs = draw(rng, noise, PLANNED.max_blocks * len(LEVELS) * len(round_metrics()), CYCLES)
    fitted = differences(ARMS, arms, logs).reshape(shape)
    whole = np.stack([np.nanmean(np.where(arms == arm, logs, np.nan), axis=1) for arm in range(ARMS)], axis=1)
    is_tail = np.array([metric in TAILS for metric in round_metrics()])
    return np.asarray(np.where(is_tail[:, None], whole.reshape(shape), fitted))


def _in_words(_scenario: str, level: float) -> str:
    return f"level {level:g}"


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


if __name__ == "__main__":
    publish("whole-runs", list(lines()), page=PAGE)
