from __future__ import annotations

from dataclasses import replace

import pytest

from portcompare.analyse import judge_gate
from portcompare.records.checks import GateResult
from tests.analyse.samples import CANDIDATE, COMPARISON

GATE = GateResult(
    scenario="fast",
    level=4.0,
    metric="throughput",
    candidate=CANDIDATE,
    against=None,
    relative=False,
    min_ratio=None,
    max_ratio=None,
    inconclusive="fail",
)


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
    gate = replace(GATE, min_ratio=least, max_ratio=most)
    found = judge_gate(gate, [replace(COMPARISON, low=low, high=high)], None)
    assert found.outcome == outcome
    assert found.passed == (outcome == "kept")
    assert (found.low, found.high) == (low, high)


def test_an_inconclusive_gate_passes_only_if_the_plan_says_so() -> None:
    gate = replace(GATE, min_ratio=1.0)
    assert not judge_gate(gate, [COMPARISON], None).passed
    found = judge_gate(replace(gate, inconclusive="pass"), [COMPARISON], None)
    assert found.outcome == "inconclusive"
    assert found.passed
    assert "crosses 1.00x" in found.reason


def test_what_cannot_be_relied_on_or_was_not_measured_never_passes() -> None:
    gate = replace(GATE, min_ratio=0.5, inconclusive="pass")
    unknown = replace(COMPARISON, ratio=None, low=None, high=None, reason="nobody knows")
    for compared, unreliable, reason in (
        ([COMPARISON], "the run is not valid", "the run is not valid"),
        ([], None, "nothing was measured there that could be compared"),
        ([replace(COMPARISON, level=5.0)], None, "nothing was measured there that could be compared"),
        ([unknown], None, "nobody knows"),
    ):
        found = judge_gate(gate, compared, unreliable)
        assert (found.outcome, found.passed, found.reason) == ("not judged", False, reason)
