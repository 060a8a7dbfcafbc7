from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from portcompare.analyse.rounds import judge_objective
from portcompare.plan import Generator
from tests.altered import altered
from tests.analyse.samples import LATENCY, ROUND

if TYPE_CHECKING:
    from portcompare.records.rounds import Latency, Round
    from portcompare.records.sweeps import Outcome

OBJECTIVE = {"p99": 0.05, "p50": 0.02}
LIMITS = Generator(max_cpu_ratio=0.9, max_lag_s=0.01, max_stall_s=0.1)
OPEN = altered(ROUND, level=1000.0, offered_rps=1000.0, lag_p99_s=0.001, lag_max_s=0.002)


def outcome(measured: Round) -> Outcome:
    return judge_objective(measured, OBJECTIVE, LIMITS)


def test_a_round_whose_percentiles_are_low_enough_keeps_it() -> None:
    assert outcome(OPEN) == "kept"
    assert outcome(altered(OPEN, latency_s=replace(LATENCY, p50=0.02, p99=0.05))) == "kept"


@pytest.mark.parametrize("slow", [replace(LATENCY, p50=0.021), replace(LATENCY, p99=0.051)])
def test_one_percentile_too_high_misses_it(slow: Latency) -> None:
    assert outcome(altered(OPEN, latency_s=slow)) == "missed"


def test_percentiles_that_are_not_limited_do_not_matter() -> None:
    assert outcome(altered(OPEN, latency_s=replace(LATENCY, p95=9.0, p999=9.0, max=9.0))) == "kept"


@pytest.mark.parametrize(("achieved_rps", "expected"), [(991.0, "kept"), (989.0, "missed")])
def test_a_server_that_answers_less_than_99_percent_of_what_is_offered_misses_it(
    achieved_rps: float, expected: str
) -> None:
    at_once = replace(LATENCY, p50=0.0)
    assert outcome(altered(OPEN, rate_rps=achieved_rps, latency_s=at_once)) == expected


@pytest.mark.parametrize(("achieved_rps", "expected"), [(971.0, "kept"), (969.0, "missed")])
def test_what_chance_moves_over_the_edges_of_the_window_is_allowed_for(
    achieved_rps: float, expected: str
) -> None:
    # Requests are under way for 20 ms: 20 +- sqrt(20) of 1,000/s at either end of a window of 0.632 s, and
    # 2 sqrt(40) / 0.632 = 20.
    waiting = altered(OPEN, latency_s=replace(LATENCY, p50=0.02), window_s=0.6325)
    assert outcome(altered(waiting, rate_rps=achieved_rps)) == expected
    assert outcome(altered(waiting, rate_rps=980.0, window_s=4.0)) == "missed"


@pytest.mark.parametrize(("errors", "expected"), [(10, "kept"), (11, "missed")])
def test_more_than_one_percent_of_failures_miss_it(errors: int, expected: str) -> None:
    discarded = "more than 1.00% of the requests failed" if errors > 10 else None
    assert outcome(altered(OPEN, requests=1000, errors=errors, discarded=discarded)) == expected


def test_a_refused_request_misses_it() -> None:
    discarded = "responses were wrong: 1 x status 503"
    refused = altered(OPEN, errors=1, error_kinds={"status 503": 1}, discarded=discarded)
    assert outcome(refused) == "missed"


def test_a_wrong_body_says_nothing_of_the_rate() -> None:
    discarded = "responses were wrong: 500 x wrong body"
    wrong = altered(OPEN, errors=500, error_kinds={"wrong body": 500}, discarded=discarded)
    assert outcome(wrong) == "unknown"


def test_no_answer_at_all_misses_it() -> None:
    silent = altered(OPEN, requests=0, rate_rps=0.0, latency_s=None, discarded="no request succeeded")
    assert outcome(silent) == "missed"


@pytest.mark.parametrize(
    "overloaded",
    [altered(OPEN, generator_cpu_ratio=0.95), altered(OPEN, lag_p99_s=0.02), altered(OPEN, stall_max_s=0.2)],
)
def test_where_the_generator_was_the_limit_nothing_is_known_of_the_server(overloaded: Round) -> None:
    slow = altered(overloaded, discarded="the load generator was late", latency_s=replace(LATENCY, p99=1.0))
    assert outcome(slow) == "unknown"


def test_requests_that_found_no_connection_in_time_are_the_servers_fault() -> None:
    late = altered(OPEN, dropped=30, errors=30, discarded="30 requests found no free connection in time")
    assert outcome(late) == "missed"


def test_a_round_that_is_discarded_for_another_reason_is_not_known() -> None:
    assert outcome(altered(OPEN, discarded="a worker was lost")) == "unknown"
