from dataclasses import replace
from typing import Any

import pytest

from portcompare.analyse.rounds import judge_objective, judge_round, judge_visit
from portcompare.plan import Generator
from portcompare.records.pages import PageVisit
from portcompare.records.rounds import Latency, Round
from portcompare.records.sweeps import Outcome
from portcompare.stats.bounds import Limits
from portcompare.wire.protocol import TIMEOUT
from tests.altered import altered
from tests.analyse.samples import LATENCY, ROUND

LIMITS = Limits(concurrency=4, slots=None, delay_s=0.0, server_cpus=1)
GENERATOR = Generator(max_cpu_ratio=0.9, max_lag_s=0.01, max_stall_s=0.1)
MEASURED = replace(ROUND, bound=None)
VISIT = PageVisit(block=0, order=0, arm="baseline", deployment="old", page="slow", users=64, loads=())


def judge(measured: Round, generator: Generator = GENERATOR) -> str | None:
    return judge_round(measured, LIMITS, generator).discarded


def test_a_sound_round_counts_and_has_a_bound_and_one_discarded_already_keeps_its_reason() -> None:
    judged = judge_round(MEASURED, LIMITS, GENERATOR)
    assert judged.discarded is None
    assert judged.bound is not None
    assert judged.bound.rate_rps == pytest.approx(2000)
    assert replace(judged, bound=None) == MEASURED
    cold = altered(MEASURED, discarded="3 of 4 users were cold", generator_cpu_ratio=1.0)
    judged = judge_round(cold, LIMITS, GENERATOR)
    assert judged.discarded == "3 of 4 users were cold"
    assert judged.bound is not None
    limits = replace(LIMITS, delay_s=0.2)
    assert judge_round(MEASURED, limits, GENERATOR).bound is not None
    assert judge_round(altered(MEASURED, requests=0), limits, GENERATOR).bound is None


NO_SUCCESS = {"requests": 0, "rate_rps": 0.0}
WRONG = {"status 500": 1, "wrong body": 1}
FAILED = "more than 1.00% of the requests failed"
WAITED = "s for one response, more than 1.00 s and 5 times the median of"
SHORT_S, LONG_S = (replace(LATENCY, p50=p50_s) for p50_s in (0.01, 0.5))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (NO_SUCCESS | {"error_kinds": {"timeout": 2}}, "no request succeeded: 2 x timeout"),
        (NO_SUCCESS, "no request succeeded"),
        ({"error_kinds": WRONG | {"timeout": 1}}, "responses were wrong: 1 x status 500, 1 x wrong body"),
        ({"error_kinds": {"status 404": 1}}, "responses were wrong: 1 x status 404"),
        ({"requests": 980, "error_kinds": {"timeout": 20}}, f"{FAILED}: 20 x timeout"),
        (
            {"requests": 980, "error_kinds": {"timeout": 4}, "censored": 7},
            f"{FAILED}: 4 x timeout, 7 x no response by the end of the wait",
        ),
        (
            {"requests": 990, "error_kinds": {"reset": 2}, "closed_unannounced": 9},
            (
                f"{FAILED} or found their connection closed: 2 x reset, "
                "9 x connection closed unannounced before the request, and replaced"
            ),
        ),
        (
            {"latency_s": SHORT_S, "wait_max_s": 1.25, "censored": 3},
            f"a user waited 1.25 {WAITED} 10.0 ms, and 3 requests had none by then",
        ),
        (
            {"latency_s": SHORT_S, "wait_max_s": 0.5, "error_kinds": {TIMEOUT: 3}},
            f"a user waited 500 ms for one response, more than 5 times the median of 10.0 ms: 3 x {TIMEOUT}",
        ),
        ({"latency_s": LONG_S, "wait_max_s": 2.6}, f"a user waited 2.60 {WAITED} 500 ms"),
        ({"generator_cpu_ratio": 0.95}, "the load generator was at 95.0% of its CPU and may be the limit"),
        (
            {"lag_p99_s": 0.0123},
            "the load generator was more than 12.3 ms late for 1% of the requests; 10.0 ms are allowed",
        ),
        ({"stall_max_s": 0.25}, "the load generator stood still for 250 ms, more than 100 ms"),
        (
            {"dropped": 1, "error_kinds": {"not sent in time": 1}},
            "1 request found no free connection in time",
        ),
        (
            {"requests": 10, "dropped": 90, "error_kinds": {"not sent in time": 90}},
            "90 requests found no free connection in time",
        ),
        (
            {"requests": 3000},
            (
                "3000 requests in 1.00 s are more than the bound allows "
                "(server CPU: 1 CPU at 500 us a request); is the scenario's delay_s right?"
            ),
        ),
    ],
)
def test_a_round_with_a_fault_is_discarded_and_says_why(changes: dict[str, Any], reason: str) -> None:
    assert judge(altered(MEASURED, **changes)) == reason


@pytest.mark.parametrize(
    ("at_the_edge", "beyond"),
    [
        (
            {"requests": 990, "error_kinds": {"timeout": 10}},
            {"requests": 989, "error_kinds": {"timeout": 11}},
        ),
        ({"closed_unannounced": 10, "reconnects": 900}, {"closed_unannounced": 11, "reconnects": 11}),
        ({"latency_s": SHORT_S, "wait_max_s": 1.0}, {"latency_s": SHORT_S, "wait_max_s": 1.01}),
        ({"latency_s": LONG_S, "wait_max_s": 2.5}, {"latency_s": LONG_S, "wait_max_s": 2.51}),
        ({"generator_cpu_ratio": 0.9}, {"generator_cpu_ratio": 0.901}),
        ({"lag_p99_s": 0.01, "lag_max_s": 5.0}, {"lag_p99_s": 0.0101}),
        ({"stall_max_s": 0.1}, {"stall_max_s": 0.101}),
    ],
    ids=["failures", "closed connections", "wait", "medians of wait", "CPU", "lag", "stall"],
)
def test_what_is_just_allowed_discards_no_round(at_the_edge: dict[str, Any], beyond: dict[str, Any]) -> None:
    assert judge(altered(MEASURED, **at_the_edge)) is None
    reason = judge(altered(MEASURED, **beyond))
    assert reason is not None
    if "load generator" in reason:
        lenient = Generator(max_cpu_ratio=1.0, max_lag_s=1.0, max_stall_s=1.0)
        assert judge(altered(MEASURED, **beyond), lenient) is None


@pytest.mark.parametrize(
    ("requests", "kinds", "discarded"),
    [
        (990, {"timeout": 10}, None),
        (989, {"timeout": 11}, "under load more than 1.00% of the requests failed: 11 x timeout"),
        (1000, {"wrong body": 1}, "under load responses were wrong: 1 x wrong body"),
        (0, {"timeout": 3}, "under load no request succeeded: 3 x timeout"),
        (0, {}, None),  # a visit may be shorter than a response takes
    ],
)
def test_a_visit_is_discarded_where_a_round_with_its_load_would_be(
    requests: int, kinds: dict[str, int], discarded: str | None
) -> None:
    load = replace(MEASURED.load, requests=requests, error_kinds=kinds)
    measured = replace(VISIT, users_load=load)
    assert judge_visit(measured).discarded == discarded
    cold = "3 of 64 users were cold"
    assert judge_visit(replace(measured, discarded=cold)).discarded == cold
    idle = replace(VISIT, users=0)
    assert judge_visit(idle) == idle


OPEN = altered(ROUND, level=1000.0, offered_rps=1000.0, lag_p99_s=0.001, lag_max_s=0.002)


def outcome(measured: Round) -> Outcome:
    return judge_objective(measured, {"p99": 0.05, "p50": 0.02}, GENERATOR)


@pytest.mark.parametrize(
    ("latency_s", "expected"),
    [
        (LATENCY, "kept"),
        (replace(LATENCY, p50=0.02, p99=0.05), "kept"),
        (replace(LATENCY, p95=9.0, p999=9.0, max=9.0), "kept"),  # they are not limited
        (replace(LATENCY, p50=0.021), "missed"),
        (replace(LATENCY, p99=0.051), "missed"),
    ],
)
def test_an_objective_is_kept_if_each_limited_percentile_is_low_enough(
    latency_s: Latency, expected: str
) -> None:
    assert outcome(altered(OPEN, latency_s=latency_s)) == expected


def test_a_server_that_serves_less_than_99_percent_misses_it_but_for_chance_at_the_edges() -> None:
    at_once = altered(OPEN, latency_s=replace(LATENCY, p50=0.0))
    # Requests are under way for 20 ms: 20 +- sqrt(20) of 1,000/s at either end of a window of 0.632 s, and
    # 2 sqrt(40) / 0.632 = 20.
    waiting = altered(OPEN, latency_s=replace(LATENCY, p50=0.02), window_s=0.6325)
    for measured, kept_rps, missed_rps in ((at_once, 991.0, 989.0), (waiting, 971.0, 969.0)):
        assert outcome(altered(measured, rate_rps=kept_rps)) == "kept"
        assert outcome(altered(measured, rate_rps=missed_rps)) == "missed"
    assert outcome(altered(waiting, rate_rps=980.0, window_s=4.0)) == "missed"


SLOW = {"latency_s": replace(LATENCY, p99=1.0), "discarded": "the load generator was late"}


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        (altered(OPEN, errors=10), "kept"),
        (altered(OPEN, errors=11, discarded="more than 1.00% of the requests failed"), "missed"),
        (altered(OPEN, error_kinds={"status 503": 1}, discarded="responses were wrong"), "missed"),
        (altered(OPEN, requests=0, rate_rps=0.0, latency_s=None, discarded="no request succeeded"), "missed"),
        # The server's fault: it was too slow for the connections.
        (altered(OPEN, dropped=30, errors=30, discarded="30 requests found no free connection"), "missed"),
        # A wrong body says nothing of the rate, and an overloaded generator nothing of the server.
        (altered(OPEN, error_kinds={"wrong body": 500}, discarded="responses were wrong"), "unknown"),
        (altered(OPEN, generator_cpu_ratio=0.95, **SLOW), "unknown"),
        (altered(OPEN, lag_p99_s=0.02, **SLOW), "unknown"),
        (altered(OPEN, stall_max_s=0.2, **SLOW), "unknown"),
        (altered(OPEN, discarded="a worker was lost"), "unknown"),
    ],
)
def test_failures_miss_an_objective_and_what_says_nothing_of_the_server_leaves_it_unknown(
    measured: Round, expected: str
) -> None:
    assert outcome(measured) == expected
