from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from portcompare.analyse.rounds import judge_round, judge_visit
from portcompare.plan import Generator
from portcompare.records.pages import PageVisit
from portcompare.stats.bounds import Limits
from tests.altered import altered
from tests.analyse.samples import ROUND

if TYPE_CHECKING:
    from portcompare.records.rounds import Round

LIMITS = Limits(concurrency=4, slots=None, delay_s=0.0, server_cpus=1)
GENERATOR = Generator(max_cpu_ratio=0.9, max_lag_s=0.01, max_stall_s=0.1)
MEASURED = replace(ROUND, bound=None)


def test_a_sound_round_counts_and_gets_its_bound() -> None:
    judged = judge_round(MEASURED, LIMITS, GENERATOR)
    assert judged.discarded is None
    assert judged.bound is not None
    assert judged.bound.rate_rps == pytest.approx(2000)
    assert replace(judged, bound=None) == MEASURED


@pytest.mark.parametrize(
    ("measured", "reason"),
    [
        (
            altered(MEASURED, requests=0, rate_rps=0.0, errors=3, error_kinds={"timeout": 2, "refused": 1}),
            "no request succeeded: 2 x timeout, 1 x refused",
        ),
        (altered(MEASURED, requests=0, rate_rps=0.0), "no request succeeded"),
        (
            altered(MEASURED, errors=3, error_kinds={"status 500": 1, "wrong body": 1, "timeout": 1}),
            "responses were wrong: 1 x status 500, 1 x wrong body",
        ),
        (
            altered(MEASURED, requests=980, errors=20, error_kinds={"timeout": 20}),
            "more than 1.00% of the requests failed: 20 x timeout",
        ),
        (
            altered(MEASURED, generator_cpu_ratio=0.95),
            "the load generator was at 95.0% of its CPU and may be the limit",
        ),
        (
            altered(MEASURED, lag_p99_s=0.0123),
            "the load generator was more than 12.3 ms late for 1% of the requests; 10.0 ms are allowed",
        ),
        (
            altered(MEASURED, stall_max_s=0.25),
            "the load generator stood still for 250 ms, more than 100 ms",
        ),
        (
            altered(MEASURED, dropped=1, errors=1, error_kinds={"not sent in time": 1}),
            "1 request found no free connection in time",
        ),
        (
            altered(MEASURED, requests=10, dropped=90, errors=90, error_kinds={"not sent in time": 90}),
            "90 requests found no free connection in time",
        ),
        (
            altered(MEASURED, requests=3000),
            (
                "3000 requests in 1.00 s are more than the bound allows "
                "(server CPU: 1 CPU at 500 us a request); is the scenario's delay_s right?"
            ),
        ),
    ],
    ids=[
        "nothing but failures",
        "nothing",
        "wrong answers",
        "failures",
        "CPU",
        "lag",
        "stall",
        "drop",
        "drops",
        "bound",
    ],
)
def test_a_round_with_a_fault_is_discarded_and_says_why(measured: Round, reason: str) -> None:
    assert judge_round(measured, LIMITS, GENERATOR).discarded == reason


@pytest.mark.parametrize("kind", ["status 404", "wrong body"])
def test_a_single_wrong_answer_discards_a_round(kind: str) -> None:
    measured = altered(MEASURED, errors=1, error_kinds={kind: 1})
    assert judge_round(measured, LIMITS, GENERATOR).discarded == f"responses were wrong: 1 x {kind}"


def test_one_request_in_a_hundred_may_fail() -> None:
    at_the_edge = altered(MEASURED, requests=990, errors=10, error_kinds={"timeout": 10})
    assert judge_round(at_the_edge, LIMITS, GENERATOR).discarded is None
    beyond = altered(MEASURED, requests=989, errors=11, error_kinds={"timeout": 11})
    assert judge_round(beyond, LIMITS, GENERATOR).discarded is not None


def test_the_generator_may_be_as_late_as_its_limits() -> None:
    limits = Generator(max_lag_s=0.05, max_stall_s=0.06)
    at_the_edge = altered(MEASURED, lag_p99_s=0.05, stall_max_s=0.06)
    assert judge_round(at_the_edge, LIMITS, limits).discarded is None
    assert judge_round(altered(at_the_edge, lag_p99_s=0.051), LIMITS, limits).discarded is not None
    assert judge_round(altered(at_the_edge, stall_max_s=0.061), LIMITS, limits).discarded is not None


def test_the_worst_lag_alone_discards_no_round() -> None:
    measured = altered(MEASURED, lag_p99_s=0.001, lag_max_s=5.0)
    assert judge_round(measured, LIMITS, GENERATOR).discarded is None


def test_the_generator_may_use_nine_tenths_of_its_cpu() -> None:
    assert judge_round(altered(MEASURED, generator_cpu_ratio=0.9), LIMITS, GENERATOR).discarded is None
    assert judge_round(altered(MEASURED, generator_cpu_ratio=0.901), LIMITS, GENERATOR).discarded is not None


def test_a_round_that_was_discarded_already_keeps_its_reason_and_gets_its_bound() -> None:
    judged = judge_round(
        altered(MEASURED, discarded="3 of 4 users were cold", generator_cpu_ratio=1.0), LIMITS, GENERATOR
    )
    assert judged.discarded == "3 of 4 users were cold"
    assert judged.bound is not None


def test_a_round_without_a_success_has_no_bound() -> None:
    limits = replace(LIMITS, delay_s=0.2)
    assert judge_round(MEASURED, limits, GENERATOR).bound is not None
    assert judge_round(altered(MEASURED, requests=0), limits, GENERATOR).bound is None


VISIT = PageVisit(block=0, order=0, arm="baseline", deployment="old", page="slow", users=64, loads=())


@pytest.mark.parametrize(
    ("requests", "kinds", "discarded"),
    [
        (990, {"timeout": 10}, None),
        (989, {"timeout": 11}, "under load more than 1.00% of the requests failed: 11 x timeout"),
        (1000, {"wrong body": 1}, "under load responses were wrong: 1 x wrong body"),
        (0, {"timeout": 3}, "under load no request succeeded: 3 x timeout"),
        (0, {}, None),
    ],
    ids=["few failures", "failures", "wrong answer", "nothing but failures", "shorter than an answer"],
)
def test_a_visit_is_discarded_where_a_round_with_its_load_would_be(
    requests: int, kinds: dict[str, int], discarded: str | None
) -> None:
    load = replace(MEASURED.load, requests=requests, error_kinds=kinds)
    measured = replace(VISIT, users_load=load)
    assert judge_visit(measured).discarded == discarded
    cold = "3 of 64 users were cold"
    assert judge_visit(replace(measured, discarded=cold)).discarded == cold


def test_a_visit_without_users_has_no_load_to_judge() -> None:
    idle = replace(VISIT, users=0)
    assert judge_visit(idle) == idle
