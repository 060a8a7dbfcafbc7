"""Turns of arms that are alike, with noise that is drawn or was recorded.

What the machine does lasts 1 to 10 s and hits the turns in their order; what befalls a turn is its own; each
start makes a server a little faster or not.
"""

import json
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks.common import HERE
from portcompare.stats.intervals import arm_effects

Array = NDArray[np.float64]
Places = NDArray[np.int64]

RECORDED = HERE.parent / "tests" / "analyse" / "fixtures" / "turns.json"
ARMS, TURN_S, BETWEEN_S, SUBTURNS = 5, 0.1, 0.02, 4
BURST_S = (0.5, 5.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """What makes turns of equal arms differ."""

    machine: str  # "still", "wander", "neighbour", or the name of a recording
    own: str = "light"  # "light", "heavy" or "hit": what befalls single turns
    memory_s: float = 0.0  # of a machine that wanders
    column: int = 1  # of the recording
    start: float = 0.0  # standard deviation of what a start does to a server
    discarded: float = 0.0  # share of turns

    def __str__(self) -> str:
        metric = {1: "rate", 2: "p50", 3: "CPU time"}[self.column]
        own = f", {self.own}" if self.machine in ("still", "wander", "neighbour") else f": {metric}"
        wander = f" {self.memory_s:g} s" if self.memory_s else ""
        discarded = f", {self.discarded:.0%} discarded" if self.discarded else ""
        return f"{self.machine}{wander}{own}; starts {self.start:.0%}{discarded}"


NOISES = (
    Noise(machine="still"),
    Noise(machine="still", own="heavy", start=0.01),
    Noise(machine="still", own="hit", start=0.02, discarded=0.1),
    Noise(machine="wander", memory_s=1),
    Noise(machine="wander", memory_s=1, own="heavy", start=0.01, discarded=0.1),
    Noise(machine="wander", memory_s=10, start=0.02),
    Noise(machine="wander", memory_s=10, own="hit", discarded=0.1),
    Noise(machine="neighbour"),
    Noise(machine="neighbour", own="heavy", start=0.01, discarded=0.1),
    Noise(machine="neighbour", own="hit", start=0.02),
    Noise(machine="busy, 32 users"),
    Noise(machine="busy, 1 user", column=2, start=0.01),
    Noise(machine="neighbour, 32 users", start=0.01, discarded=0.1),
    Noise(machine="neighbour, 32 users", column=3),
    Noise(machine="neighbour, 1 user", column=2, start=0.02),
)


def draw(
    rng: Generator, noise: Noise, blocks: int, cycles: int, turn_s: float = TURN_S
) -> tuple[Places, Array]:
    """The arms of each block in the order of their turns, and the logarithms of those."""
    shape = (blocks, cycles * ARMS)
    if noise.machine in recordings():
        arms, logs = _recorded(rng, noise, blocks, cycles)
    else:
        arms = rng.permuted(np.broadcast_to(np.arange(ARMS), (blocks, cycles, ARMS)), axis=2).reshape(shape)
        busy = np.zeros(shape)
        logs = {
            "light": lambda: rng.normal(0, 0.05, shape),
            "heavy": lambda: 0.04 * rng.standard_t(3, shape),
            "hit": lambda: (
                rng.normal(0, 0.04, shape) - rng.binomial(1, 0.1, shape) * rng.exponential(0.5, shape)
            ),
        }[noise.own]() * (TURN_S / turn_s) ** 0.5
        if noise.machine == "wander":
            part = np.exp(-(turn_s + BETWEEN_S) / noise.memory_s)
            shocks = rng.normal(0, 0.2, shape) * np.r_[1.0, np.full(shape[1] - 1, (1 - part**2) ** 0.5)]
            logs = logs + np.stack(
                list(accumulate(shocks.T, lambda last, shock: part * last + shock)), axis=1
            )
        elif noise.machine == "neighbour":
            busy = _bursts(rng, shape, turn_s + BETWEEN_S)
            logs = logs + busy * (rng.normal(0, 0.1, shape) * (TURN_S / turn_s) ** 0.5 - np.log(2))
    logs = logs + np.take_along_axis(rng.normal(0, noise.start, (blocks, ARMS)), arms, 1)
    return arms, np.where(rng.random(shape) < noise.discarded, np.nan, logs)


def _bursts(rng: Generator, shape: tuple[int, int], step_s: float) -> Array:
    """The part of each turn in which a neighbour takes half of the CPUs."""
    times = np.arange(shape[1] * SUBTURNS) * step_s / SUBTURNS
    ends = rng.uniform(*BURST_S, (shape[0], 12 + round(times[-1] / BURST_S[0] / 2))).cumsum(axis=1)
    ends -= rng.uniform(0, 3 * BURST_S[1], (shape[0], 1))
    passed = np.stack([np.searchsorted(one, times) for one in ends])
    return np.asarray(
        ((passed + rng.integers(0, 2, (shape[0], 1))) % 2).reshape(*shape, SUBTURNS).mean(axis=2)
    )


@cache
def recordings() -> dict[str, Array]:
    """Turns as they were recorded, in their order: the arm, and the logarithms of rate, p50 and CPU time."""
    found = json.loads(RECORDED.read_text(encoding="utf-8"))["recordings"]
    turns = {name: np.array(rows) for name, rows in found.items()}
    for rows in turns.values():
        rows[:, 1:] = np.log(rows[:, 1:])
        for column in (1, 2, 3):
            effects = arm_effects(rows[:, 0].tolist(), rows[:, column].tolist())
            rows[:, column] -= [effects[arm] for arm in rows[:, 0]]
    return turns


def _recorded(rng: Generator, noise: Noise, blocks: int, cycles: int) -> tuple[Places, Array]:
    """Stretches of a recording, whose arms are given new names: so that none is faster than another."""
    turns = recordings()[noise.machine]
    first = rng.integers(0, len(turns) // ARMS - cycles + 1, (blocks, 1)) * ARMS
    places = first + np.arange(cycles * ARMS)
    names = rng.permuted(np.broadcast_to(np.arange(ARMS), (blocks, ARMS)), axis=1)
    return np.take_along_axis(names, turns[places, 0].astype(int), 1), turns[places, noise.column]
