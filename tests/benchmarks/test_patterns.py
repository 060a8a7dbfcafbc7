from __future__ import annotations

from typing import Any

import pytest

from benchmarks import patterns

ARMS = ("baseline", "control", patterns.PORT)


def summary(scenario: str, arm: str, rate_rps: float, bound_share: float | None) -> dict[str, Any]:
    bound = {"rate_rps": rate_rps / bound_share, "reason": "8 slots"} if bound_share else None
    return {
        "scenario": scenario,
        "arm": arm,
        "level": 8.0,
        "deployment": "flask" if arm in ("baseline", "control") else arm,
        "rate_rps": rate_rps,
        "latency_s": {"p95": 0.2},
        "cpu_s_per_request": 0.001,
        "bound": bound,
        "bound_share": bound_share,
    }


def found(share: float, computed: int) -> patterns.Found:
    rates_rps = {"delayed": 100.0, "blocking": 5 * share, "offloaded": 30 * share, "upstream": 100 * share}
    summaries = [
        summary(scenario, arm, rate_rps, share) for scenario, rate_rps in rates_rps.items() for arm in ARMS
    ]
    results = {"summaries": summaries, "rounds": [{"block": 2}], "valid": False, "invalid_reasons": ["noisy"]}
    return patterns.Found(
        results=results, blocked_rps=5 * share, computed={"Flask": computed, "Quart": computed}
    )


@pytest.mark.parametrize(
    ("share", "computed", "expected"), [(0.97, 1, ["met"] * 6), (0.85, 7, ["**missed**"] * 6)]
)
def test_each_figure_is_judged_by_its_bound(share: float, computed: int, expected: list[str]) -> None:
    lines = patterns.describe(found(share, computed))
    judged = lines[lines.index("| figure | measured | asked for |  |") + 2 :][:6]
    assert [line.split("|")[-2].strip() for line in judged] == expected
    text = "\n".join(lines)
    assert f"| offloaded | 8 | **{30 * share:.3g}/s**, 200 ms, 1.00 ms CPU |" in text
    assert "3 blocks; the run is not valid: noisy." in text


def test_a_pattern_without_a_valid_round_is_said_to_be_void() -> None:
    nothing = found(0.97, 1)
    for one in nothing.results["summaries"]:
        if one["scenario"] == "upstream":
            one.update(rate_rps=None, bound=None, bound_share=None, cpu_s_per_request=None)
    text = "\n".join(patterns.describe(nothing))
    assert "| upstream | 8 | void | void |" in text
    assert "- upstream: nothing that is known" in text
    assert "| 0% | at least 90% | **missed** |" in text
