from dataclasses import replace
from typing import Any

import pytest

from portcompare.stats.bounds import Limits, exceeds_bound, find_bound
from tests.altered import altered
from tests.analyse.samples import ROUND

ROOMY = Limits(concurrency=1000, slots=None, delay_s=0.0, server_cpus=1)
OPEN = replace(ROOMY, concurrency=256, offered_rps=400.0)
WAITING = "each waiting 200 ms for a response"


@pytest.mark.parametrize(
    ("cpu_s", "changes", "name", "rate_rps", "reason"),
    [
        # Slots are held for the delay and the CPU time.
        (
            *(0.010, {"slots": 8, "delay_s": 0.190}),
            *("slots", 8 / 0.200, "1,000 users for 8 slots, each held 190 ms + 10.0 ms by a request"),
        ),
        (
            *(None, {"concurrency": 64, "slots": 1, "delay_s": 0.2, "slot_noun": "blocked event loop"}),
            *("slots", 5, "64 users for 1 blocked event loop, each held 200 ms by a request"),
        ),
        (
            *(None, {"slots": 1, "delay_s": 0.2}),
            *("slots", 5, "1,000 users for 1 slot, each held 200 ms by a request"),
        ),
        # All the server's CPUs together.
        (0.001, {"server_cpus": 2}, "server CPU", 2000, "2 CPUs at 1.00 ms a request"),
        # Users can send no more often than responses come, and so can connections.
        (0.001, {"concurrency": 1, "delay_s": 0.2}, "users", 5, f"1 user, {WAITING}"),
        (0.001, {"concurrency": 3, "delay_s": 0.2}, "users", 15, f"3 users, {WAITING}"),
        (
            *(None, {"concurrency": 20, "delay_s": 0.2, "offered_rps": 400.0}),
            *("connections", 100, f"20 connections, {WAITING}"),
        ),
        # Of a server elsewhere no CPUs are known.
        (None, {"concurrency": 4, "delay_s": 0.2, "server_cpus": 0}, "users", 20, f"4 users, {WAITING}"),
        # There is no response without a request, unless the server's own bound is lower.
        (0.001, {"offered_rps": 400.0}, "offered", 400, "400/s were offered"),
        (0.005, {"offered_rps": 400.0}, "server CPU", 200, "1 CPU at 5.00 ms a request"),
    ],
)
def test_a_bound_has_a_name_a_rate_and_a_reason(
    cpu_s: float | None, changes: dict[str, Any], name: str, rate_rps: float, reason: str
) -> None:
    bound = find_bound(cpu_s, replace(ROOMY, **changes))
    assert bound is not None
    assert (bound.name, bound.reason) == (name, reason)
    assert bound.rate_rps == pytest.approx(rate_rps)


@pytest.mark.parametrize(
    "changes", [{"slots": 8}, {"offered_rps": 0.0}, {"concurrency": 4, "server_cpus": 0}]
)
def test_without_delay_and_cpu_time_nothing_limits(changes: dict[str, Any]) -> None:
    limits = replace(ROOMY, **changes)
    assert find_bound(None, limits) is None
    assert exceeds_bound(altered(ROUND, cpu_s_per_request=None), limits) is None


@pytest.mark.parametrize(
    ("most", "window_s", "cpu_s", "limits"),
    [
        # 100/s for 100 s, 2% more as CPU time cannot be read at the very instant, and one for the user.
        (10_201, 100.0, 0.010, replace(ROOMY, concurrency=1)),
        # 50 users in 0.499 s: 102.2 with the tolerance, and one for each that was under way at the start.
        (152, 1.0, None, replace(ROOMY, concurrency=50, delay_s=0.5)),
        # A delay of 2 ms that a timer of whole milliseconds ends after 1 ms: 1,000/s for 10 s, 2%, one user.
        (10_201, 10.0, None, replace(ROOMY, concurrency=1, delay_s=0.002)),
        # 100/s for 1 s, 2%, and one for each connection; what was offered is no bound of a single window.
        (358, 1.0, 0.010, OPEN),
        (10_456, 1.0, 0.0001, OPEN),
    ],
)
def test_what_measuring_adds_to_the_bound_is_allowed_and_no_more(
    most: int, window_s: float, cpu_s: float | None, limits: Limits
) -> None:
    measured = altered(ROUND, window_s=window_s, cpu_s_per_request=cpu_s)
    # One less and one more, for the rounding of the product.
    assert exceeds_bound(altered(measured, requests=most - 1), limits) is None
    assert exceeds_bound(altered(measured, requests=most + 2), limits) is not None


def test_a_delay_shorter_than_a_timer_tick_sets_no_bound() -> None:
    measured = altered(ROUND, requests=10**9, cpu_s_per_request=None)
    assert exceeds_bound(measured, replace(ROOMY, slots=1, delay_s=0.0005)) is None
