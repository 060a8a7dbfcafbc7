from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from portcompare.analyse.checks import judge_claims
from portcompare.plan import Claim
from portcompare.records.checks import Subject
from portcompare.records.pages import PageLoad, PageVisit
from tests.altered import altered
from tests.analyse.samples import LATENCY, ROUND

SLOW = {"scenario": "slow", "level": 4.0}
FAST: dict[str, Any] = {"scenario": "fast", "level": 4.0}


SLOW_SUBJECT = Subject(arm="baseline", scenario="slow", level=4.0)


def rounds(**p50s: list[float]) -> list[Any]:
    """Rounds of the baseline by scenario, one a block."""
    return [
        altered(ROUND, scenario=scenario, block=block, latency_s=replace(LATENCY, p50=p50))
        for scenario, values in p50s.items()
        for block, p50 in enumerate(values)
    ]


def claim(*checks: dict[str, Any]) -> dict[str, Claim]:
    named = [{"name": f"check {place}", "of": SLOW} | check for place, check in enumerate(checks)]
    return {"it": Claim.model_validate({"text": "It is so.", "checks": named})}


MEASURED = rounds(slow=[0.2, 0.21, 0.2], fast=[0.002, 0.0021, 0.002])


@pytest.mark.parametrize(
    ("thresholds", "verdict", "reason"),
    [
        ([{"at_least": 10.0}, {"at_least": 50.0}], "true", ""),
        ([{"at_most": 10.0}, {"at_least": 200.0}], "false", ""),
        ([{"at_least": 10.0}, {"at_most": 10.0}], "depends", "true: check 0; false: check 1"),
        ([{"at_least": 10.0}, {"at_least": 10.0, "to": {"scenario": "none"}}], "cannot tell", "check 1"),
        (
            [{"at_least": 10.0}, {"at_most": 10.0}, {"at_most": 1.0, "to": {"scenario": "none"}}],
            "depends",
            "true: check 0; false: check 1; not known: check 2",
        ),
    ],
)
def test_a_claim_is_what_its_checks_agree_on(
    thresholds: list[dict[str, Any]], verdict: str, reason: str
) -> None:
    (result,) = judge_claims(claim(*({"to": FAST} | one for one in thresholds)), MEASURED, [])
    assert result.verdict == verdict
    assert reason in result.reason
    assert (result.name, result.text) == ("it", "It is so.")


def test_a_run_that_is_not_reliable_decides_no_claim() -> None:
    (result,) = judge_claims(claim({"to": FAST, "at_least": 10.0}), MEASURED, [], is_reliable=False)
    assert (result.verdict, result.reason) == ("cannot tell", "the run is partial or not valid")
    assert result.checks[0].outcome == "kept"  # what was found is shown all the same


def test_a_percentile_beyond_which_no_request_lies_decides_nothing() -> None:
    few = [altered(one, requests=99) for one in MEASURED]
    at_p99 = claim({"metric": "p99", "to": FAST, "at_least": 0.1})
    assert judge_claims(at_p99, few, [])[0].checks[0].outcome == "not judged"
    enough = [altered(one, requests=100) for one in MEASURED]
    assert judge_claims(at_p99, enough, [])[0].checks[0].outcome == "kept"


def test_a_ratio_between_scenarios_is_paired_by_block() -> None:
    (result,) = judge_claims(claim({"to": FAST, "at_least": 10.0}), MEASURED, [])
    (check,) = result.checks
    assert check.value.point == pytest.approx(100.0)
    assert check.value.blocks == 3
    assert (check.subject, check.reference) == (SLOW_SUBJECT, replace(SLOW_SUBJECT, scenario="fast"))
    assert (check.at_least, check.at_most) == (10.0, None)


def test_a_value_by_itself_is_judged_in_its_unit() -> None:
    (result,) = judge_claims(claim({"of": FAST, "at_most": 0.01}), MEASURED, [])
    (check,) = result.checks
    assert check.reference is None
    assert check.outcome == "kept"
    (result,) = judge_claims(claim({"of": FAST, "metric": "throughput", "at_least": 2000.0}), MEASURED, [])
    assert result.verdict == "false"


def test_an_interval_around_the_threshold_tells_nothing() -> None:
    noisy = rounds(slow=[0.1, 0.3, 0.2])
    for threshold in ({"at_least": 0.2}, {"at_most": 0.2}):
        (result,) = judge_claims(claim(threshold), noisy, [])
        assert result.verdict == "cannot tell"


def test_discarded_rounds_and_single_blocks_decide_nothing() -> None:
    discarded = [replace(one, discarded="responses were wrong") if one.block else one for one in MEASURED]
    (result,) = judge_claims(claim({"at_least": 0.1}), discarded, [])
    assert (result.verdict, result.checks[0].value.point, result.checks[0].value.blocks) == (
        "cannot tell",
        None,
        1,
    )


def test_pages_can_decide_too() -> None:
    visit = PageVisit(
        block=0,
        order=0,
        arm="baseline",
        deployment="old",
        page="home",
        users=64,
        loads=(PageLoad(kind="cold", lcp_s=3.0), PageLoad(kind="warm", lcp_s=0.1)),
    )
    failed = replace(visit, block=2, loads=(PageLoad(kind="cold", failure="nothing was painted"),))
    visits = [visit, replace(visit, block=1), failed]
    check = {"metric": "lcp", "of": {"page": "home", "level": 64.0}, "at_least": 2.5}
    (result,) = judge_claims(claim(check), [], visits)
    assert (result.verdict, result.checks[0].value.blocks) == ("true", 2)
    assert result.checks[0].subject == Subject(arm="baseline", page="home", load="cold", level=64.0)
