from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from portcompare.records.rounds import Round, Slice
from portcompare.stats.changes import (
    Course,
    Growth,
    describe_changes,
    find_changes,
    find_growth,
    locate_change,
)
from tests.altered import altered
from tests.analyse.samples import MARGINS, ROUND, in_users

Noise = Callable[[np.random.Generator], Sequence[float]]

ARMS = ("baseline", "control", "new", "other")


def measured(counts: Sequence[float], *, arm: str = "new", block: int = 0, level: float = 4.0) -> Round:
    slices = tuple(Slice(requests=round(each), errors=0, p50_s=None, p99_s=None) for each in counts)
    return altered(ROUND, arm=arm, deployment=arm, block=block, level=level, slices=slices)


def noisy(rng: np.random.Generator, deviation: float = 0.03) -> Sequence[float]:
    return list(1000 * (1 + rng.normal(0, deviation, 10)))


def run_of(noise: Noise, seed: int) -> list[Round]:
    """A hundred rounds: five blocks of four arms at five levels."""
    rng = np.random.default_rng(seed)
    return [
        measured(noise(rng), arm=arm, block=block, level=level)
        for block in range(5)
        for level in range(5)
        for arm in ARMS
    ]


def with_step(one: Round, ratio: float, place: int = 5) -> Round:
    counts = [part.requests * (ratio if at >= place else 1) for at, part in enumerate(one.load.slices)]
    return measured(counts, arm=one.arm, block=one.block, level=one.level)


@pytest.mark.parametrize(
    ("place", "counts"), [(2, [9] * 2 + [5] * 8), (5, [1] * 5 + [2] * 5), (8, [3] * 8 + [9, 8])]
)
def test_a_change_is_located_at_the_first_count_after_it(place: int, counts: list[int]) -> None:
    assert locate_change(counts) == place


def test_changed_series_are_found_among_a_hundred_however_many_they_are() -> None:
    rng = np.random.default_rng(1)
    series = [noisy(rng) for _ in range(100)]
    series[42] = [count * (0.8 if at >= 6 else 1.0) for at, count in enumerate(series[42])]
    assert find_changes(series, [0.03] * 100) == {42: 6}
    rng = np.random.default_rng(2)
    series = [noisy(rng) for _ in range(100)]
    for place in range(0, 100, 5):
        series[place] = [count * (0.7 if at >= 5 else 1.0) for at, count in enumerate(series[place])]
    found = find_changes(series, [0.03] * 100)
    assert set(range(0, 100, 5)) <= found.keys()
    assert len(found) <= 21


def test_noise_single_slices_and_short_or_empty_series_are_no_change() -> None:
    rng = np.random.default_rng(3)
    loud = [noisy(rng, 0.2 if place == 7 else 0.01) for place in range(50)]
    assert find_changes(loud, [0.01] * 50) == {}
    rng = np.random.default_rng(5)
    series = [list(noisy(rng)) for _ in range(40)]
    for place in range(10):
        series[4 * place][place] = 200.0
    assert find_changes(series, [0.03] * 40) == {}
    assert find_changes([[], [9, 1], [9, 9, 1], [0] * 10], [0.01] * 4) == {}


@pytest.mark.parametrize(
    "noise",
    [
        pytest.param(noisy, id="even"),
        pytest.param(lambda rng: rng.poisson(300, 10), id="random arrivals"),
        pytest.param(lambda rng: rng.poisson(1, 10), id="few responses"),
        pytest.param(lambda rng: 1000 * (1 + 0.03 * rng.standard_t(3, 10)).clip(0), id="heavy tails"),
        pytest.param(lambda rng: noisy(rng, rng.choice([0.01, 0.1])), id="noisy and quiet rounds"),
        pytest.param(lambda rng: np.roll([8, 0] * 5, rng.integers(2)), id="waves"),
        pytest.param(lambda rng: [500] * 10, id="no noise"),  # noqa: ARG005 - all have the same form
    ],
)
def test_a_run_without_a_change_is_not_warned_of(noise: Noise) -> None:
    assert describe_changes(run_of(noise, 1), MARGINS, in_users) == ()


def test_a_change_in_one_round_of_a_hundred_is_found_with_its_place_and_size() -> None:
    rounds = run_of(noisy, 7)
    place = next(at for at, one in enumerate(rounds) if (one.arm, one.block, one.level) == ("new", 2, 3))
    rounds[place] = measured([1000, 1010, 990, 1000, 700, 690, 710, 700, 705, 695], block=2, level=3.0)
    (warning,) = describe_changes(rounds, MARGINS, in_users)
    assert warning == (
        "change inside rounds: something else may have run for a part of 1 of 100 rounds: "
        "new (fast, 3 users) from 10,000/s to 7,000/s in block 3"
    )


def test_what_all_rounds_of_an_arm_have_in_common_is_reported_once_and_not_round_by_round() -> None:
    rounds = [
        with_step(one, 1.07) if (one.arm, one.level) == ("new", 1) else one
        for one in run_of(lambda rng: noisy(rng, 0.04), 8)
    ]
    (warning,) = describe_changes(rounds, MARGINS, in_users)
    assert warning.startswith(
        "change inside rounds: the rate changed alike in the rounds of a level, so their warm-up ended too "
        "early or the server does not keep its rate: new (fast, 1 user) from "
    )
    assert warning.count("from") == 1
    rounds = [with_step(one, 0.6) if one.arm == "new" else one for one in run_of(noisy, 9)]
    (warning,) = describe_changes(rounds, MARGINS, in_users)
    assert warning.count("new (fast, ") == 5
    assert "block" not in warning


def test_a_change_within_the_margin_or_in_rounds_that_do_not_count_does_not_matter() -> None:
    rounds = [with_step(one, 1.1) if one.arm == "new" else one for one in run_of(noisy, 10)]
    assert describe_changes(rounds, MARGINS, in_users)
    assert describe_changes(rounds, MARGINS | {"throughput": 0.2}, in_users) == ()
    rounds = [altered(with_step(one, 0.5), discarded="spoilt") for one in run_of(noisy, 13)]
    assert describe_changes([*rounds, ROUND], MARGINS, in_users) == ()
    assert describe_changes([], MARGINS, in_users) == ()


@pytest.mark.parametrize("ratio", [0.0, 5.0])
def test_a_rate_that_comes_from_nothing_or_comes_to_nothing_is_a_change(ratio: float) -> None:
    rounds = run_of(noisy, 11)
    counts = [0] * 4 + [900] * 6 if ratio else [900] * 4 + [0] * 6
    place = next(at for at, one in enumerate(rounds) if (one.arm, one.block, one.level) == ("new", 0, 0))
    rounds[place] = measured(counts, level=0.0)
    (warning,) = describe_changes(rounds, MARGINS, in_users)
    assert ("from 0/s to 9,000/s" if ratio else "from 9,000/s to 0/s") in warning


def test_of_many_changed_rounds_the_first_five_are_named() -> None:
    rounds = [
        with_step(one, 0.5) if one.arm in {"new", "other"} and one.block == 0 and one.level < 4 else one
        for one in run_of(noisy, 12)
    ]
    (warning,) = describe_changes(rounds, MARGINS, in_users)
    assert "8 of 100 rounds: " in warning
    assert warning.count("in block") == 5
    assert warning.endswith("; and 3 more")


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
