from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcompare.loadgen.window import choose_edge, smooth_rate


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


def test_steps_instead_of_slopes_would_count_a_wave_more_or_less() -> None:
    ended_s = np.repeat(np.arange(0.0, 10.0, 0.2), 8)
    rates = {round(smooth_rate(ended_s, start, start + 1.1, 0.0)) for start in np.linspace(2.0, 3.0, 50)}
    assert rates == {36, 44}  # the truth is 40


def test_slopes_of_nearly_the_right_length_are_nearly_exact() -> None:
    ended_s = np.repeat(np.arange(0.0, 10.0, 0.2005), 8)
    for start_s in np.linspace(2.0, 3.0, 50):
        assert smooth_rate(ended_s, start_s, start_s + 1.0, 0.2) == pytest.approx(8 / 0.2005, rel=0.01)


@given(seed=st.integers(0, 1000), edge_s=st.sampled_from([0.0, 0.1, 0.4]))
def test_the_rate_of_answers_at_random_is_unbiased(seed: int, edge_s: float) -> None:
    ended_s = np.random.default_rng(seed).uniform(0.0, 10.0, 100_000)
    assert smooth_rate(ended_s, 2.0, 9.0, edge_s) == pytest.approx(10_000, rel=0.03)


@given(st.permutations([3.0, 0.5, 2.5, 1.0, 1.5, 2.0]), st.sampled_from([0.0, 0.3]))
def test_the_order_of_the_answers_does_not_matter(ended_s: list[float], edge_s: float) -> None:
    in_order = smooth_rate(np.sort(ended_s), 1.2, 2.7, edge_s)
    assert smooth_rate(np.array(ended_s), 1.2, 2.7, edge_s) == pytest.approx(in_order)


def test_with_steps_each_answer_inside_counts_once() -> None:
    assert smooth_rate(np.array([0.9, 1.0, 2.0, 3.0, 3.1]), 1.0, 3.0, 0.0) == 1.0  # the second and third


@pytest.mark.parametrize("edge_s", [0.0, 0.5])
def test_without_answers_the_rate_is_zero(edge_s: float) -> None:
    assert smooth_rate(np.empty(0), 1.0, 3.0, edge_s) == 0.0
    assert smooth_rate(np.array([0.1, 3.1]), 1.0, 3.0, edge_s) == 0.0


@pytest.mark.parametrize(
    ("response_s", "delay_s", "first_s", "edge_s"),
    [
        (0.21, 0.2, 0.0, 0.21),  # a user's whole turn
        (1.6, 0.2, 0.0, 0.2),  # the window is too short for it, but not for the waves in it
        (0.9, 0.2, 9.5, 0.2),  # there are answers for a part of it only
        (0.2, 0.0, 9.9, 0.1),
        (0.3, 0.2, 9.9, 0.1),
        (3.0, 0.0, 0.0, 1.0),  # at most half the window
        (0.2, 0.2, 10.0, 0.0),  # no answer before the window
        (0.2, 0.2, 10.5, 0.0),
        (0.0, 0.2, 10.0, 0.0),  # no answer at all
    ],
)
def test_the_slopes_are_a_turn_long_or_else_a_wave_as_far_as_there_are_answers_for_them(
    response_s: float, delay_s: float, first_s: float, edge_s: float
) -> None:
    chosen_s = choose_edge(response_s, delay_s, first_s=first_s, start_s=10.0, end_s=12.0)
    assert chosen_s == pytest.approx(edge_s)


@pytest.mark.parametrize("phase_s", np.linspace(0.0, 1.6, 9))
def test_users_in_clumps_are_counted_exactly_by_slopes_of_a_turn(phase_s: float) -> None:
    clumps_s = [
        (turn * 1.6 + at_s - phase_s, users) for turn in range(20) for at_s, users in ((0, 3), (0.9, 5))
    ]
    ended_s = np.repeat(*(np.array(part) for part in zip(*clumps_s, strict=True)))
    edge_s = choose_edge(1.6, 0.2, first_s=0.0, start_s=4.0, end_s=16.0)
    assert smooth_rate(ended_s, 4.0, 16.0, edge_s) == pytest.approx(8 / 1.6)
