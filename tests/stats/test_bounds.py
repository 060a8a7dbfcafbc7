from __future__ import annotations

from dataclasses import replace

import pytest

from portcompare.stats.bounds import Limits, exceeds_bound, find_bound
from tests.altered import altered
from tests.analyse.samples import ROUND

ROOMY = Limits(concurrency=1000, slots=None, delay_s=0.0, server_cpus=1)


def test_slots_are_held_for_the_delay_and_the_cpu_time() -> None:
    bound = find_bound(0.010, Limits(concurrency=1000, slots=8, delay_s=0.190, server_cpus=1))
    assert bound is not None
    assert bound.name == "slots"
    assert bound.rate_rps == pytest.approx(8 / 0.200)
    assert bound.reason == "1,000 users for 8 slots, each held 190 ms + 10.0 ms by a request"


def test_the_bound_says_what_the_slots_are() -> None:
    limits = Limits(concurrency=64, slots=1, delay_s=0.2, server_cpus=1, slot_noun="blocked event loop")
    bound = find_bound(None, limits)
    assert bound is not None
    assert bound.rate_rps == pytest.approx(5.0)
    assert bound.reason == "64 users for 1 blocked event loop, each held 200 ms by a request"


def test_slots_limit_a_delay_even_if_the_cpu_time_is_not_known() -> None:
    bound = find_bound(None, Limits(concurrency=1000, slots=1, delay_s=0.2, server_cpus=1))
    assert bound is not None
    assert bound.rate_rps == pytest.approx(5)
    assert bound.reason == "1,000 users for 1 slot, each held 200 ms by a request"


def test_cpu_time_limits_by_all_the_servers_cpus_together() -> None:
    bound = find_bound(0.001, replace(ROOMY, server_cpus=2))
    assert bound is not None
    assert bound.name == "server CPU"
    assert bound.rate_rps == pytest.approx(2000)
    assert bound.reason == "2 CPUs at 1.00 ms a request"


@pytest.mark.parametrize(("users", "noun"), [(1, "1 user"), (3, "3 users")])
def test_users_can_ask_no_more_often_than_their_answers_come(users: int, noun: str) -> None:
    bound = find_bound(0.001, replace(ROOMY, concurrency=users, delay_s=0.2))
    assert bound is not None
    assert bound.name == "users"
    assert bound.rate_rps == pytest.approx(users / 0.2)
    assert bound.reason == f"{noun}, each waiting 200 ms for an answer"


@pytest.mark.parametrize(
    ("users", "slots", "cpu_s", "lowest"),
    [
        (100, 8, 0.001, "slots"),  # 500, 39.8 and 1,000 a second
        (4, 8, 0.001, "users"),  # 20, 39.8 and 1,000 a second
        (100, 8, 0.100, "server CPU"),  # 500, 26.7 and 10 a second
    ],
)
def test_the_lowest_bound_is_the_bound(users: int, slots: int, cpu_s: float, lowest: str) -> None:
    bound = find_bound(cpu_s, Limits(concurrency=users, slots=slots, delay_s=0.2, server_cpus=1))
    assert bound is not None
    assert bound.name == lowest


def test_without_delay_and_cpu_time_nothing_limits() -> None:
    assert find_bound(None, replace(ROOMY, slots=8)) is None
    assert exceeds_bound(altered(ROUND, cpu_s_per_request=None), ROOMY) is None


def test_an_impossible_round_is_told_with_its_figures_and_what_to_check() -> None:
    told = exceeds_bound(
        altered(ROUND, requests=300, cpu_s_per_request=0.010, window_s=2.0), replace(ROOMY, concurrency=1)
    )
    assert told == (
        "300 requests in 2.00 s are more than the bound allows (server CPU: 1 CPU at 10.0 ms a request); "
        "is the scenario's delay_s right?"
    )


@pytest.mark.parametrize(
    ("most", "window_s", "cpu_s", "limits"),
    [
        # 100/s for 100 s, 2% more as CPU time cannot be read at the very instant, and one for the user.
        (10_201, 100.0, 0.010, replace(ROOMY, concurrency=1)),
        # 50 users in 0.499 s: 102.2 with the tolerance, and one for each that was under way at the start.
        (152, 1.0, None, replace(ROOMY, concurrency=50, delay_s=0.5)),
        # A delay of 2 ms that a timer of whole milliseconds ends after 1 ms: 1,000/s for 10 s, 2%, one user.
        (10_201, 10.0, None, replace(ROOMY, concurrency=1, delay_s=0.002)),
    ],
    ids=["tolerance", "one more for each user", "timers of whole milliseconds"],
)
def test_what_measuring_adds_to_the_bound_is_allowed_and_no_more(
    most: int, window_s: float, cpu_s: float | None, limits: Limits
) -> None:
    measured = altered(ROUND, window_s=window_s, cpu_s_per_request=cpu_s)
    # One less and one more, for the rounding of the product.
    assert exceeds_bound(altered(measured, requests=most - 1), limits) is None
    assert exceeds_bound(altered(measured, requests=most + 2), limits) is not None


def test_a_delay_shorter_than_a_timer_tick_sets_no_bound() -> None:
    assert (
        exceeds_bound(
            altered(ROUND, requests=10**9, cpu_s_per_request=None), replace(ROOMY, slots=1, delay_s=0.0005)
        )
        is None
    )


OPEN = replace(ROOMY, concurrency=256, offered_rps=400.0)


def test_what_is_not_asked_for_cannot_be_answered() -> None:
    bound = find_bound(0.001, OPEN)
    assert bound is not None
    assert bound.name == "offered"
    assert bound.rate_rps == 400.0
    assert bound.reason == "400/s were asked for"


def test_connections_can_ask_no_more_often_than_their_answers_come() -> None:
    bound = find_bound(None, replace(OPEN, concurrency=20, delay_s=0.2))
    assert bound is not None
    assert bound.name == "connections"
    assert bound.rate_rps == pytest.approx(100)
    assert bound.reason == "20 connections, each waiting 200 ms for an answer"


def test_a_saturated_server_is_at_its_own_bound_and_not_at_what_was_offered() -> None:
    bound = find_bound(0.005, OPEN)
    assert bound is not None
    assert bound.name == "server CPU"


def test_a_window_in_which_nothing_fell_due_has_no_bound_of_zero() -> None:
    assert find_bound(None, replace(OPEN, offered_rps=0.0)) is None


def test_a_backlog_may_be_answered_inside_the_window_beside_what_was_offered() -> None:
    measured = altered(ROUND, requests=4000, cpu_s_per_request=0.0001)
    assert exceeds_bound(measured, OPEN) is None
    assert exceeds_bound(altered(measured, requests=12_000), OPEN) is not None  # the CPU's bound holds


def test_each_connection_may_have_one_request_under_way_at_the_windows_start() -> None:
    measured = altered(ROUND, cpu_s_per_request=0.010)  # 100/s, and the window lasts 1 s
    assert exceeds_bound(altered(measured, requests=102 + 256), OPEN) is None
    assert exceeds_bound(altered(measured, requests=102 + 258), OPEN) is not None


def test_a_server_elsewhere_of_whose_cpus_nothing_is_known_is_bound_by_users_alone() -> None:
    bound = find_bound(None, Limits(concurrency=4, slots=None, delay_s=0.2, server_cpus=0))
    assert bound is not None
    assert bound.name == "users"
    assert bound.rate_rps == pytest.approx(20)
    assert find_bound(None, Limits(concurrency=4, slots=None, delay_s=0.0, server_cpus=0)) is None
