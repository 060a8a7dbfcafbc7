"""Which interval covers the truth as often as it says, at the number of blocks that a run has?

    .venv/bin/python -m benchmarks.simulate_intervals

Seeds are fixed: the figures are the same each time. Writes docs/method.md.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from benchmarks.common import HERE, header, publish, row, verdict
from benchmarks.simulate_methods import METHODS, trimmed
from benchmarks.simulate_noise import (
    DEPENDENT,
    MODELS,
    Noise,
    autocorrelations,
    one_sided,
    recorded_log_ratios,
)
from benchmarks.simulate_run_noise import NOISES
from benchmarks.simulate_runs import LEVELS, holds_anything, is_invalid, is_warned_of, simulate_run
from portcompare.records.metrics import HEADLINE_METRICS, round_metrics
from portcompare.records.rounds import CONTROL
from portcompare.stats.intervals import paired_ratio

PAGE = HERE.parent / "docs" / "method.md"
BLOCKS = (5, 8, 12, 16, 30)
SIMULATED, RESAMPLED = 10_000, 2_000
WHOLE_RUNS = 2_000
CHOSEN = "trimmed t"
LEAST, MOST = 93.0, 97.0
MOST_FALSE = 5.0
TARGETS, OTHERS = ("any", "headline"), ("not valid", "warned")


def main() -> None:
    """Simulate and publish."""
    check_chosen_method()
    publish("intervals", list(coverage_lines()), page=PAGE)
    publish("whole-runs", list(run_lines()), page=PAGE)


def check_chosen_method() -> None:
    """The simulated method is the one that portcompare uses."""
    rng = np.random.default_rng(1)
    for blocks in BLOCKS:
        logs = rng.normal(size=(5, blocks))
        for one, low, middle, high in zip(logs, *trimmed(logs), strict=True):
            found = paired_ratio([1.0] * blocks, np.exp(one).tolist())
            assert np.allclose(np.log([found.point, *(found.interval or ())]), [middle, low, high])


def coverage_lines() -> Iterator[str]:
    """How often each method's interval covers the truth, and how wide it is."""
    figures = {name: [compare_methods(model, blocks) for blocks in BLOCKS] for name, model in MODELS.items()}
    names = list(METHODS)
    yield f"Percent of intervals that cover the truth: {' / '.join(names)}."
    yield ""
    yield from header("noise", *(f"{blocks} blocks" for blocks in BLOCKS))
    for noise, cells in figures.items():
        yield row(noise, *(" / ".join(f"{covered:.1f}" for covered, _ in cell.values()) for cell in cells))
    yield ""
    yield f"Median width, Student's t = 1: {' / '.join(names[1:])}."
    yield ""
    yield from header("noise", *(f"{blocks} blocks" for blocks in BLOCKS))
    for noise, cells in figures.items():
        student = [cell[names[0]][1] for cell in cells]
        widths = (
            " / ".join(f"{cell[name][1] / one:.2f}" for name in names[1:])
            for cell, one in zip(cells, student, strict=True)
        )
        yield row(noise, *widths)
    yield ""
    for name in names:
        covered = [cell[name][0] for noise, cells in figures.items() if noise != DEPENDENT for cell in cells]
        inside = sum(LEAST <= one <= MOST for one in covered)
        yield (
            f"- {name}{' (used)' if name == CHOSEN else ''}: {min(covered):.1f}% to {max(covered):.1f}%; "
            f"{inside} of {len(covered)} figures are in {LEAST:.0f}% to {MOST:.0f}% (without the last row)"
        )
    found = autocorrelations(recorded_log_ratios())
    chance = autocorrelations(np.random.default_rng(5).normal(size=(20_000, 5)))
    error = found.std(ddof=1) / len(found) ** 0.5
    yield (
        f"- autocorrelation of recorded log ratios from block to block, mean of {len(found)} series of 5: "
        f"{found.mean():.2f} ± {error:.2f}; independent ones would give {chance.mean():.2f}"
    )


def compare_methods(model: Noise, blocks: int) -> dict[str, tuple[float, float]]:
    """Coverage in percent and median width of each method."""
    logs = model(np.random.default_rng(blocks), SIMULATED, blocks)
    found = {}
    for name, method in METHODS.items():
        low, middle, high = method(logs[:RESAMPLED] if name == "bootstrap t" else logs)
        # Skewed ratios have no centre that all methods agree on: each is held to its own.
        truth = middle.mean() if model is one_sided else 0.0
        found[name] = (100 * float(((low <= truth) & (truth <= high)).mean()), float(np.median(high - low)))
    return found


def run_lines() -> Iterator[str]:
    """How often a whole run in which nothing differs says that something does."""
    yield from header(
        "noise",
        "blocks",
        *round_metrics(),
        f"any metric, {MOST_FALSE:.0f}% at most",
        f"headline, {MOST_FALSE:.0f}% at most",
        "not valid",
        "warned",
        "intervals that cover 1",
    )
    with ProcessPoolExecutor(os.cpu_count()) as processes:
        yield from (row(*cells) for cells in processes.map(simulate_runs, NOISES))


def simulate_runs(name: str) -> list[str]:
    """The cells of a row: median of blocks, percent of runs with a false word, percent covered."""
    print(f"{WHOLE_RUNS} runs: {name}", file=sys.stderr)
    rng = np.random.default_rng(2)
    wrong: Counter[str] = Counter()
    covered, blocks = 0, []
    for _ in range(WHOLE_RUNS):
        comparisons, rounds = simulate_run(rng, NOISES[name])
        control = [one for one in comparisons if one.candidate == CONTROL]
        said = {one.metric for one in control if one.ratio.verdict in ("faster", "slower")}
        wrong.update(said)
        wrong["any"] += bool(said)
        wrong["headline"] += holds_anything(comparisons)
        wrong["not valid"] += is_invalid(comparisons, rounds)
        wrong["warned"] += is_warned_of(comparisons)
        stopping = [one for one in control if one.metric in HEADLINE_METRICS]
        covered += sum((one.ratio.low or 0) <= 1 <= (one.ratio.high or 0) for one in stopping)
        blocks.append(rounds[-1].block + 1)
    percent = {what: 100 * wrong[what] / WHOLE_RUNS for what in (*round_metrics(), *TARGETS, *OTHERS)}
    targets = (f"{percent[what]:.1f}%, {verdict(met=percent[what] <= MOST_FALSE)}" for what in TARGETS)
    return [
        name,
        f"{np.median(blocks):.0f}",
        *(f"{percent[metric]:.1f}%" for metric in round_metrics()),
        *targets,
        *(f"{percent[what]:.1f}%" for what in OTHERS),
        f"{100 * covered / (WHOLE_RUNS * len(LEVELS) * len(HEADLINE_METRICS)):.1f}%",
    ]


if __name__ == "__main__":
    main()
