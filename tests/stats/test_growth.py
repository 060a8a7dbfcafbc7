"""How memory that grows with requests is distinguished from memory that fills up, or moves by chance."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from portcompare.stats.growth import Course, Growth, find_growth

PAGE_BYTES, ARENA_BYTES = 4096, 1_048_576
RUNS, BLOCKS, READINGS, REQUESTS = 200, 5, 20, 10_000
THROUGH = np.linspace(0, 1, READINGS)
Readings = Callable[[np.random.Generator], NDArray[np.float64]]


def fill_up(size: int, pace: float) -> Readings:
    return lambda random: random.uniform(0.8, 1.2) * size * ARENA_BYTES * (1 - np.exp(-THROUGH / pace))


def move(random: np.random.Generator) -> NDArray[np.float64]:
    return np.cumsum(random.choice([-1, *[0] * 6, 1], READINGS)) * ARENA_BYTES


def leak(bytes_per_request: int) -> Readings:
    return lambda random: (
        np.floor(bytes_per_request * REQUESTS * THROUGH / PAGE_BYTES + random.uniform(0, 99)) * PAGE_BYTES
    )


def found(readings: Readings) -> list[Growth]:
    """The growth in the runs that warn of it."""
    random = np.random.default_rng(1)
    growths = []
    for _ in range(RUNS):
        growth = find_growth(
            Course(block=block, requests=REQUESTS, readings_bytes=[int(one) for one in readings(random)])
            for block in range(BLOCKS)
        )
        if growth is not None and growth.low_bytes > 0:
            growths.append(growth)
    return growths


@pytest.mark.parametrize(
    "readings",
    [move, lambda _: np.zeros(READINGS), fill_up(5, 0.1), fill_up(50, 0.3), fill_up(50, 0.5)],
    ids=["by chance", "still", "at once", "slowly", "very slowly"],
)
def test_memory_that_does_not_leak_gives_no_alarm(readings: Readings) -> None:
    assert len(found(readings)) <= 0.04 * RUNS


def test_a_leak_is_found_with_its_size() -> None:
    growths = found(leak(1000))
    assert len(growths) >= 0.95 * RUNS
    assert np.mean([one.slope_bytes for one in growths]) == pytest.approx(1000, rel=0.05)
    assert np.mean([one.low_bytes < 1000 < one.high_bytes for one in growths]) >= 0.93
    assert found(leak(20)) == []  # too little to matter
