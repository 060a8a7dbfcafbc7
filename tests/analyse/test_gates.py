from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from portcompare.analyse.checks import judge_gate
from portcompare.plan import Gate
from portcompare.records.checks import GateResult, Subject
from portcompare.records.estimates import Estimate
from tests.analyse.samples import CANDIDATE, COMPARISON


def gate(**keys: Any) -> Gate:  # noqa: ANN401 - as the plan has them
    return Gate.model_validate({"metric": "throughput", "scenario": "fast", "candidate": CANDIDATE} | keys)


def judge(one: Gate, ratio: Estimate | None, unreliable: str | None = None, level: float = 4.0) -> GateResult:
    compared = {} if ratio is None else {("fast", 4.0, "throughput", CANDIDATE): ratio}
    return judge_gate(one, level, cast("dict[Any, Estimate]", compared), unreliable)


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


def test_a_gate_says_what_it_compares_with_what() -> None:
    check = judge(gate(min_ratio=0.9), COMPARISON.ratio).check
    assert check.subject == Subject(arm=CANDIDATE, scenario="fast", level=4.0)
    assert check.reference == Subject(arm="baseline", scenario="fast", level=4.0)
    assert judge(gate(min_ratio=0.9, against="old"), COMPARISON.ratio).check.reference is None


def test_an_inconclusive_gate_passes_only_if_the_plan_says_so() -> None:
    assert not judge(gate(min_ratio=1.0), COMPARISON.ratio).passed
    found = judge(gate(min_ratio=1.0, inconclusive="pass"), COMPARISON.ratio)
    assert found.check.outcome == "inconclusive"
    assert found.passed
    assert "crosses 1.00x" in found.check.reason


def test_what_cannot_be_relied_on_or_was_not_measured_never_passes() -> None:
    one = gate(min_ratio=0.5, inconclusive="pass")
    nothing = "nothing was measured there that could be compared"
    for found, reason in (
        (judge(one, COMPARISON.ratio, "the run is not valid"), "the run is not valid"),
        (judge(one, None), nothing),
        (judge(one, COMPARISON.ratio, level=5.0), nothing),
        (judge(one, Estimate(reason="nobody knows")), "nobody knows"),
    ):
        assert (found.check.outcome, found.passed, found.check.reason) == ("not judged", False, reason)
