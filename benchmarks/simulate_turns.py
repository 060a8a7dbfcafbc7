"""Which interval honours both levels of chance, cycles of turns and starts of servers?

    .venv/bin/python -m benchmarks.simulate_turns

Five arms that are alike take turns of 0.1 s in random order, with the noise of benchmarks/turn_noise.py.
Seeds are fixed: the figures are the same each time. Takes some minutes and writes docs/method.md.
"""

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.common import HERE, header, publish, row, verdict
from benchmarks.turn_noise import ARMS, NOISES, Array, Noise, Places, draw, recordings
from portcompare.stats.intervals import (
    BLOCKS_A_CUT,
    DEVIATIONS_A_MEDIAN,
    LONGEST_FIT,
    SETTLED,
    SMALL_DEVIATIONS,
    arm_effects,
    paired_ratio,
    quantile,
)

Middle = Callable[[Places, Array], Array]
"""From the arms in the order of their turns and the logarithms of those, a row a block and NaN where a turn
was discarded, to a row a block and a column an arm; logarithms of ratios are differences of columns."""

PAGE = HERE.parent / "docs" / "method.md"
DESIGNS = ((3, 12), (5, 7), (6, 6), (8, 4), (5, 20))
RUNS, CHUNK = 500, 500
LEAST, MOST = 93.0, 97.0
FALSE_ASKED = 1 / 80
USED = "differences within a cycle"


def by_cycle(middle: Callable[[Array], Array], arms: Places, logs: Array) -> Array:
    """A middle over cycles of each arm's distance from the baseline, which is arm 0."""
    cycles = np.empty((len(logs), logs.shape[1] // ARMS, ARMS))
    np.put_along_axis(cycles, arms.reshape(cycles.shape), logs.reshape(cycles.shape), 2)
    return middle(cycles - cycles[..., :1])


def trimmed(share: float, cycles: Array) -> Array:
    """The mean without a share of the cycles at either end."""
    known = (~np.isnan(cycles)).sum(axis=1, keepdims=True)
    cut, place = (share * known).astype(int), np.arange(cycles.shape[1])[:, None]
    kept = (place >= cut) & (place < known - cut)
    return np.asarray(np.where(kept, np.sort(cycles, axis=1), 0).sum(axis=1) / kept.sum(axis=1))


def pseudomedian(cycles: Array) -> Array:
    """Hodges and Lehmann's: the median of the means of all pairs."""
    one, other = np.triu_indices(cycles.shape[1])
    return np.asarray(np.nanmedian((cycles[:, one] + cycles[:, other]) / 2, axis=1))


def differences(reach: int, arms: Places, logs: Array) -> Array:
    """What `arm_effects` does, for many blocks at once; `reach`: the most turns apart."""
    parts = range(0, len(logs), CHUNK)
    return np.concatenate([_fit(reach, arms[at : at + CHUNK], logs[at : at + CHUNK]) for at in parts])


def _fit(reach: int, arms: Places, logs: Array) -> Array:
    kept_first = np.argsort(np.isnan(logs), axis=1, kind="stable")
    arms, logs = np.take_along_axis(arms, kept_first, 1), np.take_along_axis(logs, kept_first, 1)
    one_hot, distances = np.eye(ARMS)[arms], range(1, min(reach + 1, logs.shape[1]))
    pairs = np.concatenate([one_hot[:, apart:] - one_hot[:, :-apart] for apart in distances], axis=1)
    steps = np.concatenate([logs[:, apart:] - logs[:, :-apart] for apart in distances], axis=1)
    nearness = np.concatenate([np.full(logs.shape[1] - apart, 1 / apart) for apart in distances])
    known = pairs.any(axis=2) & ~np.isnan(steps)
    nearness, steps = nearness * known, np.nan_to_num(steps)
    weights, effects = nearness, np.zeros((len(logs), ARMS))
    for _ in range(LONGEST_FIT):
        weighted = np.swapaxes(pairs * weights[..., None], 1, 2)
        equations = weighted @ pairs + 1 + 1e-9 * np.eye(ARMS)  # an arm without any turn has an effect too
        before, effects = effects, np.linalg.solve(equations, weighted @ steps[..., None])[..., 0]
        if np.abs(effects - before).max() < SETTLED:
            break
        off = np.abs(steps - (pairs @ effects[..., None])[..., 0])
        median = np.nanmedian(np.where(known, off, np.nan), axis=1, keepdims=True)
        weights = nearness / np.maximum(
            1, off / np.maximum(SMALL_DEVIATIONS * DEVIATIONS_A_MEDIAN * median, SETTLED)
        )
    return effects


MIDDLES: dict[str, Middle] = {
    "mean of cycles": partial(by_cycle, partial(trimmed, 0)),
    "10% trimmed": partial(by_cycle, partial(trimmed, 0.1)),
    "20% trimmed": partial(by_cycle, partial(trimmed, 0.2)),
    "25% trimmed": partial(by_cycle, partial(trimmed, 0.25)),
    "median of cycles": partial(by_cycle, lambda cycles: np.asarray(np.nanmedian(cycles, axis=1))),
    "pseudomedian": partial(by_cycle, pseudomedian),
    "differences of neighbours": partial(differences, 1),
    USED: partial(differences, ARMS),
}
UNCUT = "differences, no block cut"
POOLED, COMPONENTS, SHRUNK = (
    "mean, starts ignored",
    "mean, variance components",
    "differences, variances shared",
)
ROUNDS = "rounds of 1 s, 5 blocks"


def of_blocks(logs: Array, *, cut: int | None = None) -> tuple[Array, Array]:
    """The interval of `paired_ratio`, a row each run: its middle and its half-width."""
    blocks = logs.shape[1]
    cut = blocks // BLOCKS_A_CUT if cut is None else cut
    kept = np.sort(logs, axis=1)[:, cut : blocks - cut]
    deviation = logs.clip(kept[:, [0]], kept[:, [-1]]).std(axis=1, ddof=1)
    error = deviation * ((blocks - 1) / (kept.shape[1] * (kept.shape[1] - 1))) ** 0.5
    return kept.mean(axis=1), quantile(kept.shape[1] - 1) * error


def pooled(cycles: Array) -> tuple[Array, Array]:
    """The t interval of all cycles, whichever block they are of."""
    known = (~np.isnan(cycles)).sum(axis=(1, 2))
    error = np.nanstd(cycles, axis=(1, 2), ddof=1) / known**0.5
    return np.nanmean(cycles, axis=(1, 2)), quantile(float(np.median(known)) - 1) * error


def components(cycles: Array) -> tuple[Array, Array]:
    """Variances between and within blocks, that within raised by its autocorrelation.

    Where the blocks do not differ by more than their cycles explain, these give the degrees of freedom.
    """
    blocks, of_block = cycles.shape[1], np.nanmean(cycles, axis=2)
    off = cycles - of_block[..., None]
    known = (~np.isnan(cycles)).sum(axis=2)
    lag = np.nanmean(off[..., 1:] * off[..., :-1], axis=(1, 2)) / np.nanmean(off**2, axis=(1, 2))
    lag = np.clip(lag + 1 / cycles.shape[2], 0, 0.9)  # it is too small by that, as the mean is estimated
    within = np.nansum(off**2, axis=(1, 2)) / (known - 1).sum(axis=1) * (1 + lag) / (1 - lag)
    between = known.mean(axis=1) * of_block.var(axis=1, ddof=1)
    reach = np.where(between > within, quantile(blocks - 1), quantile(blocks * (cycles.shape[2] - 1)))
    return of_block.mean(axis=1), reach * (np.maximum(between, within) / known.sum(axis=1)) ** 0.5


def shrunk(effects: Array) -> tuple[Array, Array]:
    """Student's t of the control with half its variance from the other arms, as if all had the same."""
    blocks = effects.shape[1]
    others = effects[..., 2:] - effects[..., 2:].mean(axis=2, keepdims=True)
    shared = 2 * others.var(axis=1, ddof=1).mean(axis=1) * (ARMS - 2) / (ARMS - 3)
    control = effects[..., 1] - effects[..., 0]
    variance = (control.var(axis=1, ddof=1) + shared) / 2
    return control.mean(axis=1), quantile(2 * (blocks - 1)) * (variance / blocks) ** 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of a method, a noise and a design: parts of the runs, and logarithms."""

    covered: float
    half: float  # median
    false: dict[float, float]  # by margin
    found: dict[float, float]  # a candidate slower by twice the margin and a bit, by margin


MARGIN = 0.05  # the plan's default
MARGINS = {MARGIN: 0.10, 0.02: 0.05}  # with the difference that shall be found


def judge(*intervals: tuple[Array, Array]) -> Figures:
    """How often intervals whose truth is 0 hold it, and what would be said of them."""
    middle, half = (np.concatenate(parts) for parts in zip(*intervals, strict=True))
    return Figures(
        covered=float((np.abs(middle) <= half).mean()),
        half=float(np.nanmedian(half)),  # a block may lack all turns of an arm
        false={margin: float((np.abs(middle) - half > np.log1p(margin)).mean()) for margin in MARGINS},
        found={
            margin: float((middle + np.log1p(more) - half > np.log1p(margin)).mean())
            for margin, more in MARGINS.items()
        },
    )


def simulate(noise: Noise, blocks: int, cycles: int, runs: int = RUNS) -> dict[str, Figures]:
    """Simulate runs and judge the control, and a candidate beside the mean of baseline and control."""
    rng = np.random.default_rng([blocks, cycles])
    arms, logs = draw(rng, noise, runs * blocks, cycles)
    found = {}
    for name, middle in MIDDLES.items():
        effects = middle(arms, logs).reshape(runs, blocks, ARMS)
        base, control, candidate = effects[..., 0], effects[..., 1], effects[..., 2]
        found[name] = judge(of_blocks(control - base), of_blocks(candidate - (base + control) / 2))
    found[UNCUT] = judge(
        *(of_blocks(one, cut=0) for one in (control - base, candidate - (base + control) / 2))
    )
    found[SHRUNK] = judge(shrunk(effects))
    of_control = by_cycle(lambda of_arms: of_arms[..., 1], arms, logs).reshape(runs, blocks, cycles)
    found[POOLED], found[COMPONENTS] = judge(pooled(of_control)), judge(components(of_control))
    if noise.machine not in recordings():
        _, rounds = draw(rng, noise, runs * 5, 1, turn_s=1.0)
        found[ROUNDS] = judge(of_blocks(np.nan_to_num(rounds[:, 1] - rounds[:, 0]).reshape(runs, 5)))
    return found


def simulate_designs(noise: Noise) -> dict[tuple[int, int], dict[str, Figures]]:
    """Simulate a noise at each number of blocks and cycles."""
    print(noise, file=sys.stderr)
    return {design: simulate(noise, *design) for design in DESIGNS}


def check_methods() -> None:
    """The simulated fit and interval are those that portcompare uses."""
    arms, logs = draw(np.random.default_rng(1), NOISES[9], 4, 8)
    for order, values, effects in zip(arms, logs, differences(ARMS, arms, logs), strict=True):
        found = arm_effects(order.tolist(), values.tolist())
        assert np.allclose([found[arm] for arm in range(ARMS)], effects, atol=1e-3)
    for blocks, _ in DESIGNS:
        logs = np.random.default_rng(1).normal(size=(5, blocks))
        for one, middle, half in zip(logs, *of_blocks(logs), strict=True):
            estimate = paired_ratio([1.0] * blocks, np.exp(one).tolist())
            assert np.allclose(np.log(estimate.interval or ()), [middle - half, middle + half])


def lines() -> Iterator[str]:
    """The methods beside each other, and the used one at each noise."""
    with ProcessPoolExecutor(os.cpu_count()) as processes:
        figures = dict(zip(NOISES, processes.map(simulate_designs, NOISES), strict=True))
    yield from header(
        *(
            "a block's ratio",
            "covered",
            f"in {LEAST:.0f} to {MOST:.0f}%",
            "half-width: still",
            "wander",
            "neighbour",
        ),
        *("recorded", "false at 5%, 2%", "+10% found at 5%", "+5% found at 2%"),
    )
    for name in (*MIDDLES, UNCUT, SHRUNK, COMPONENTS, POOLED, ROUNDS):
        yield row(*_of_method(name, figures))
    yield ""
    yield f"*{USED}*, by blocks x cycles: percent covered, median half-width in percent."
    yield ""
    yield from header("noise", *(f"{blocks} x {cycles}" for blocks, cycles in DESIGNS))
    for noise, by_design in figures.items():
        cells = (f"{100 * one[USED].covered:.1f}, {100 * one[USED].half:.1f}" for one in by_design.values())
        yield row(noise, *cells)
    yield ""
    yield stalls()


def stalls() -> str:
    """What is seen of a deployment that stops by itself in a tenth of its turns."""
    rng = np.random.default_rng(1)
    arms, logs = draw(rng, Noise(machine="still"), 400, 20)
    is_one = arms == 1
    logs = logs - is_one * rng.binomial(1, 0.1, arms.shape) * rng.exponential(0.5, arms.shape)
    lost = 1 - np.exp(logs[is_one]).mean() / np.exp(logs[arms == 0]).mean()
    seen = {}
    for name, middle in MIDDLES.items():
        effects = middle(arms, logs)
        seen[name] = 1 - np.exp((effects[:, 1] - effects[:, 0]).mean())
    losses = ", ".join(f"{name} {100 * one:.1f}%" for name, one in seen.items())
    what = f"A deployment that stops by itself in a tenth of its turns and loses {100 * lost:.1f}%"
    return f"{what} seems to lose: {losses}."


def _of_method(name: str, figures: dict[Noise, dict[tuple[int, int], dict[str, Figures]]]) -> Iterator[str]:
    """The cells of a method's row: over all noises and designs."""
    found = [
        (noise, one[name], one[USED])
        for noise, cell in figures.items()
        for one in cell.values()
        if name in one
    ]
    covered = [100 * one.covered for _, one, _ in found]
    yield f"**{name}**" if name == USED else name
    yield f"{min(covered):.1f} to {max(covered):.1f}%, mean {np.mean(covered):.1f}%"
    yield f"{sum(LEAST <= one <= MOST for one in covered)} of {len(covered)}"
    kinds = ("still", "wander", "neighbour")
    for kind in (*kinds, None):
        widths = [
            np.log(one.half / used.half)
            for noise, one, used in found
            if (noise.machine == kind if kind else noise.machine not in kinds)
        ]
        yield f"{np.exp(np.mean(widths)):.2f}" if widths else ""
    false = {margin: max(one.false[margin] for _, one, _ in found) for margin in MARGINS}
    met = false[MARGIN] <= FALSE_ASKED
    yield f"{' / '.join(f'{100 * one:.1f}%' for one in false.values())}, {verdict(met=met)}"
    for margin in MARGINS:
        yield f"{100 * np.mean([one.found[margin] for _, one, _ in found]):.0f}%"


if __name__ == "__main__":
    check_methods()
    publish("turns", list(lines()), page=PAGE)
