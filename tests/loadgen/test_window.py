from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from portcompare.loadgen.window import choose_edge, find_truncation, is_steady, smooth_rate

Times = NDArray[np.float64]
Rate = Callable[[Times], Times]

LOOK_S = 0.05
RATE_RPS = 3000.0


def responses(seed: int, rate: Rate, until_s: float = 4.0, unevenness: float = 0.3) -> Times:
    """Instants of responses at a rate that changes, from gamma-distributed gaps.

    `unevenness`: a gap's deviation divided by its mean: 1 for a Poisson process, 0 for an even one.
    """
    clock_s = np.linspace(0.0, until_s, 4001)
    rates_rps = rate(clock_s)
    due = np.concatenate([[0.0], np.cumsum((rates_rps[1:] + rates_rps[:-1]) / 2 * np.diff(clock_s))])
    shape = 1 / unevenness**2
    gaps = np.random.default_rng(seed).gamma(shape, 1 / shape, size=int(due[-1] * 1.5) + 100)
    arrived = np.cumsum(gaps)
    ended_s: Times = np.interp(arrived[arrived < due[-1]], due, clock_s)
    return ended_s


def climb(from_share: float, length_s: float = 1.0) -> Rate:
    return lambda at_s: RATE_RPS * np.clip(from_share + (1 - from_share) * at_s / length_s, 0.0, 1.0)


def level_at(rate_rps: float) -> Rate:
    return lambda at_s: np.full(len(at_s), rate_rps)


def opened_s(ended_s: Times, wave_s: float = 0.0) -> float:
    """When a test every 50 ms first finds the rate steady."""
    looks_s = np.arange(LOOK_S, 4.0, LOOK_S)
    return next((float(now_s) for now_s in looks_s if is_steady(ended_s, 0.0, float(now_s), wave_s)), 4.0)


@pytest.mark.parametrize("unevenness", [0.1, 0.3, 1.0])
@pytest.mark.parametrize("rate_rps", [RATE_RPS, 10_000.0])
def test_a_steady_rate_is_nearly_always_known_after_five_batches(rate_rps: float, unevenness: float) -> None:
    ended = [responses(seed, level_at(rate_rps), 1.0, unevenness) for seed in range(40)]
    assert not any(is_steady(ended_s, 0.0, 0.29, 0.0) for ended_s in ended)
    assert sum(is_steady(ended_s, 0.0, 0.301, 0.0) for ended_s in ended) >= 36


@pytest.mark.parametrize("slots", [1, 8, 64])
def test_waves_of_users_who_wait_alike_are_steady_after_two(slots: int) -> None:
    wave_s = 0.2
    # The users of a slot begin spread over the first delay, and each response takes 3 ms beside it.
    starts_s = np.linspace(0.0, wave_s, slots, endpoint=False)
    ended_s = (starts_s[:, None] + np.arange(1, 20) * (wave_s + 0.003)).ravel()
    assert not any(is_steady(ended_s, 0.0, now_s, wave_s) for now_s in np.arange(0.0, 0.6, 0.01))
    assert is_steady(ended_s, 0.0, 0.61, wave_s)


def test_waves_that_come_at_once_are_steady_though_they_fill_one_bin_of_five() -> None:
    ended_s = np.repeat(np.arange(1, 20) * 0.2 - 0.05, 8)
    assert is_steady(ended_s, 0.0, 0.56, 0.2)
    assert not is_steady(ended_s, 0.0, 0.5, 0.2)


def test_waves_that_grow_are_not_steady() -> None:
    # Users join one after the other: each wave is larger than the one before.
    ended_s = np.concatenate([np.linspace(wave, wave + 1, 20 * wave) * 0.2 for wave in range(1, 20)])
    assert not any(is_steady(ended_s, 0.0, now_s, 0.2) for now_s in (0.6, 0.8, 1.0, 1.2))


@pytest.mark.parametrize("from_share", [0.0, 0.3])
def test_a_climb_of_a_second_is_waited_for(from_share: float) -> None:
    opened = [opened_s(responses(seed, climb(from_share))) for seed in range(20)]
    assert np.quantile(opened, 0.1) >= 1.0
    assert max(opened) <= 2.5


def test_a_rate_that_falls_is_not_steady() -> None:
    fall: Rate = lambda at_s: RATE_RPS * np.clip(1.5 - at_s, 0.5, 1.5)  # noqa: E731 - as its neighbours
    assert sum(is_steady(responses(seed, fall, 1.0), 0.0, 0.301, 0.0) for seed in range(20)) <= 1


def test_a_change_too_small_to_matter_does_not_prolong_the_warm_up() -> None:
    def creep(share: float) -> Times:
        return responses(0, lambda at_s: 200_000 * (1 + share * at_s), until_s=0.6, unevenness=0.01)

    assert is_steady(creep(0.03), 0.0, 0.5, 0.0)
    assert not is_steady(creep(0.09), 0.0, 0.5, 0.0)  # it is not for want of certainty


@pytest.mark.parametrize(
    ("ended_s", "now_s"),
    [
        (np.empty(0), 30.0),
        (np.linspace(0.0, 0.1, 300, endpoint=False), 0.5),  # the server has stopped responding
        (np.linspace(0.0, 0.1, 300, endpoint=False), 3.0),
        (np.linspace(0.501, 1.5, 3000), 0.5),  # after the present instant
    ],
)
def test_nothing_is_steady_without_responses_by_now(ended_s: Times, now_s: float) -> None:
    assert not is_steady(ended_s, 0.0, now_s, 0.0)


def test_the_clock_may_begin_anywhere_and_the_responses_come_in_any_order() -> None:
    ended_s = responses(1, level_at(RATE_RPS), 0.5)
    shuffled_s = np.random.default_rng(1).permutation(ended_s) + 12345.6
    assert is_steady(shuffled_s, 12345.6, 12346.0, 0.0)
    assert not is_steady(shuffled_s, 12345.75, 12346.0, 0.0)  # four batches


@pytest.mark.parametrize(
    ("means", "truncation"),
    [
        ([8.0, 8.0, 8.0, 8.0, 8.0], 0),
        ([0.0, 8.0, 8.0, 8.0, 8.0], 1),
        ([0.0, 3.0, 8.0, 8.0, 8.0], 2),
        ([1.0, 9.0, 10.0, 11.0, 10.0, 9.0, 10.0, 11.0, 10.0], 1),
        ([30.0, 10.0, 11.0, 10.0, 9.0, 10.0], 1),
        ([10.0, 9.0, 11.0, 10.0, 10.0], 0),  # the last two are alike by chance
        ([8.0, 8.0, 8.0, 8.0], None),  # too short
        ([0.0, 2.0, 4.0, 6.0, 8.0], None),  # still starting
        ([0.0, 0.0, 0.0, 8.0, 8.0], None),
        ([8.0, 8.0, 8.0, 8.0, 0.0, 0.0, 0.0], None),
    ],
)
def test_a_start_that_differs_is_left_out(means: list[float], truncation: int | None) -> None:
    assert find_truncation(np.array(means)) == truncation


@given(
    period_s=st.floats(0.001, 0.5),
    phase=st.floats(0, 1),
    users=st.integers(1, 50),
    start_s=st.floats(1.1, 2),
    periods=st.floats(2.01, 40),
)
def test_the_rate_of_waves_is_exact_wherever_the_window_falls(
    period_s: float, phase: float, users: int, start_s: float, periods: float
) -> None:
    end_s = start_s + periods * period_s
    waves_s = np.arange(phase * period_s, end_s + 2 * period_s, period_s)
    ended_s = np.repeat(waves_s, users)  # all users at once, as those of a fixed delay come to be
    assert smooth_rate(ended_s, start_s, end_s, period_s) == pytest.approx(users / period_s, rel=1e-6)


def test_with_steps_each_response_inside_counts_once() -> None:
    assert smooth_rate(np.array([0.9, 1.0, 2.0, 3.0, 3.1]), 1.0, 3.0, 0.0) == 1.0  # the second and third


@pytest.mark.parametrize(
    ("response_s", "delay_s", "first_s", "edge_s"),
    [
        (0.21, 0.2, 0.0, 0.21),  # a user's whole turn
        (1.6, 0.2, 0.0, 0.2),  # the window is too short for it, but not for the waves in it
        (0.9, 0.2, 9.5, 0.2),  # there are responses for a part of it only
        (0.2, 0.0, 9.9, 0.1),
        (0.3, 0.2, 9.9, 0.1),
        (3.0, 0.0, 0.0, 1.0),  # at most half the window
        (0.2, 0.2, 10.0, 0.0),  # no response before the window
        (0.2, 0.2, 10.5, 0.0),
        (0.0, 0.2, 10.0, 0.0),  # no response at all
    ],
)
def test_the_slopes_are_a_turn_long_or_else_a_wave_as_far_as_there_are_responses_for_them(
    response_s: float, delay_s: float, first_s: float, edge_s: float
) -> None:
    chosen_s = choose_edge(response_s, delay_s, first_s=first_s, start_s=10.0, end_s=12.0)
    assert chosen_s == pytest.approx(edge_s)
