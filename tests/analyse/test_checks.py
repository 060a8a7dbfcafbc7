from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from portcompare.analyse.checks import judge_claims, judge_gate
from portcompare.plan import Claim, Gate
from portcompare.records.estimates import Estimate
from portcompare.records.pages import PageLoad, PageVisit
from portcompare.records.results import ClaimResult, GateResult, Subject
from portcompare.records.rounds import Round
from tests.altered import altered
from tests.analyse.samples import CANDIDATE, COMPARISON, LATENCY, ROUND

SLOW = {"scenario": "slow", "level": 4.0}
FAST: dict[str, Any] = {"scenario": "fast", "level": 4.0}
NOWHERE = {"scenario": "none"}
SLOW_SUBJECT = Subject(arm="baseline", scenario="slow", level=4.0)
NOT_MEASURED = "nothing was measured there that could be compared"


def gate(**keys: Any) -> Gate:  # noqa: ANN401 - as the plan has them
    return Gate.model_validate({"metric": "throughput", "scenario": "fast", "candidate": CANDIDATE} | keys)


def judge(one: Gate, ratio: Estimate | None, unreliable: str | None = None, level: float = 4.0) -> GateResult:
    compared: dict[Any, Estimate] = {}
    if ratio is not None:
        compared["fast", 4.0, "throughput", CANDIDATE] = ratio
    return judge_gate(one, level, compared, unreliable)


@pytest.mark.parametrize(
    ("low", "high", "least", "most", "outcome"),
    [
        (0.99, 1.01, 0.95, None, "kept"),
        (0.95, 1.01, 0.95, None, "kept"),
        (0.94, 1.20, 0.95, None, "inconclusive"),
        (0.90, 0.94, 0.95, None, "broken"),
        (0.99, 1.01, None, 1.05, "kept"),
        (0.99, 1.06, None, 1.05, "inconclusive"),
        (1.06, 1.07, None, 1.05, "broken"),
        (0.97, 1.03, 0.95, 1.05, "kept"),
        (0.90, 1.10, 0.95, 1.05, "inconclusive"),
        (1.10, 1.20, 0.95, 1.05, "broken"),
    ],
)
def test_the_whole_interval_decides(
    low: float, high: float, least: float | None, most: float | None, outcome: str
) -> None:
    ratio = replace(COMPARISON.ratio, low=low, high=high)
    found = judge(gate(min_ratio=least, max_ratio=most), ratio)
    assert found.check.outcome == outcome
    assert found.passed == (outcome == "kept")
    assert found.check.value == ratio


def test_a_gate_says_what_it_compares_and_an_inconclusive_one_passes_only_if_the_plan_says_so() -> None:
    check = judge(gate(min_ratio=0.9), COMPARISON.ratio).check
    assert check.subject == Subject(arm=CANDIDATE, scenario="fast", level=4.0)
    assert check.reference == Subject(arm="baseline", scenario="fast", level=4.0)
    assert judge(gate(min_ratio=0.9, against="old"), COMPARISON.ratio).check.reference is None
    assert not judge(gate(min_ratio=1.0), COMPARISON.ratio).passed
    found = judge(gate(min_ratio=1.0, inconclusive="pass"), COMPARISON.ratio)
    assert found.check.outcome == "inconclusive"
    assert found.passed
    assert "crosses 1.00x" in found.check.reason


def test_what_cannot_be_relied_on_or_was_not_measured_never_passes() -> None:
    one = gate(min_ratio=0.5, inconclusive="pass")
    for found, reason in (
        (judge(one, COMPARISON.ratio, "the run is not valid"), "the run is not valid"),
        (judge(one, None), NOT_MEASURED),
        (judge(one, COMPARISON.ratio, level=5.0), NOT_MEASURED),
        (judge(one, Estimate(reason="nobody knows")), "nobody knows"),
    ):
        assert (found.check.outcome, found.passed, found.check.reason) == ("not judged", False, reason)


def rounds(**p50s: list[float]) -> list[Round]:
    """Rounds of the baseline by scenario, one a block."""
    return [
        altered(ROUND, scenario=scenario, block=block, latency_s=replace(LATENCY, p50=p50))
        for scenario, values in p50s.items()
        for block, p50 in enumerate(values)
    ]


def judged(
    *checks: dict[str, Any],
    by: Sequence[Round] = (),
    visits: Sequence[PageVisit] = (),
    is_reliable: bool = True,
) -> ClaimResult:
    named = [{"name": f"check {place}", "of": SLOW} | check for place, check in enumerate(checks)]
    claims = {"it": Claim.model_validate({"text": "It is so.", "checks": named})}
    (result,) = judge_claims(claims, by or MEASURED, visits, is_reliable=is_reliable)
    return result


MEASURED = rounds(slow=[0.2, 0.21, 0.2], fast=[0.002, 0.0021, 0.002])
TEN_TIMES = {"to": FAST, "at_least": 10.0}


@pytest.mark.parametrize(
    ("thresholds", "verdict", "reason"),
    [
        ([{"at_least": 10.0}, {"at_least": 50.0}], "true", ""),
        ([{"at_most": 10.0}, {"at_least": 200.0}], "false", ""),
        ([{"at_least": 10.0}, {"at_most": 10.0}], "depends", "true: check 0; false: check 1"),
        ([{"at_least": 10.0}, {"at_least": 10.0, "to": NOWHERE}], "cannot tell", "check 1"),
        (
            [{"at_least": 10.0}, {"at_most": 10.0}, {"at_most": 1.0, "to": NOWHERE}],
            "depends",
            "true: check 0; false: check 1; not known: check 2",
        ),
    ],
)
def test_a_claim_is_what_its_checks_agree_on(
    thresholds: list[dict[str, Any]], verdict: str, reason: str
) -> None:
    result = judged(*({"to": FAST} | one for one in thresholds))
    assert result.verdict == verdict
    assert reason in result.reason
    assert (result.name, result.text) == ("it", "It is so.")


def test_a_run_that_is_not_reliable_or_has_too_few_valid_blocks_decides_no_claim() -> None:
    result = judged(TEN_TIMES, is_reliable=False)
    assert (result.verdict, result.reason) == ("cannot tell", "the run is partial or not valid")
    assert result.checks[0].outcome == "kept"  # what was found is shown all the same
    discarded = [replace(one, discarded="responses were wrong") if one.block else one for one in MEASURED]
    result = judged({"at_least": 0.1}, by=discarded)
    value = result.checks[0].value
    assert (result.verdict, value.point, value.blocks) == ("cannot tell", None, 1)


@pytest.mark.parametrize(("requests", "outcome"), [(99, "not judged"), (100, "kept")])
def test_a_percentile_beyond_which_no_request_lies_decides_nothing(requests: int, outcome: str) -> None:
    few = [altered(one, requests=requests) for one in MEASURED]
    assert judged({"metric": "p99", "to": FAST, "at_least": 0.1}, by=few).checks[0].outcome == outcome


def test_a_ratio_between_scenarios_is_paired_by_block_and_a_value_by_itself_is_judged_in_its_unit() -> None:
    (check,) = judged(TEN_TIMES).checks
    assert check.value.point == pytest.approx(100.0)
    assert check.value.blocks == 3
    assert (check.subject, check.reference) == (SLOW_SUBJECT, replace(SLOW_SUBJECT, scenario="fast"))
    assert (check.at_least, check.at_most) == (10.0, None)
    (check,) = judged({"of": FAST, "at_most": 0.01}).checks
    assert (check.reference, check.outcome) == (None, "kept")
    assert judged({"of": FAST, "metric": "throughput", "at_least": 2000.0}).verdict == "false"


@pytest.mark.parametrize("threshold", [{"at_least": 0.2}, {"at_most": 0.2}])
def test_an_interval_around_the_threshold_tells_nothing(threshold: dict[str, float]) -> None:
    assert judged(threshold, by=rounds(slow=[0.1, 0.3, 0.2])).verdict == "cannot tell"


def test_pages_can_decide_too() -> None:
    loads = (PageLoad(kind="cold", lcp_s=3.0), PageLoad(kind="warm", lcp_s=0.1))
    visit = PageVisit(block=0, order=0, arm="baseline", deployment="old", page="home", users=64, loads=loads)
    failed = replace(visit, block=2, loads=(PageLoad(kind="cold", failure="nothing was painted"),))
    check = {"metric": "lcp", "of": {"page": "home", "level": 64.0}, "at_least": 2.5}
    result = judged(check, visits=[visit, replace(visit, block=1), failed])
    assert (result.verdict, result.checks[0].value.blocks) == ("true", 2)
    assert result.checks[0].subject == Subject(arm="baseline", page="home", load="cold", level=64.0)
