from dataclasses import replace
from typing import Any

import pytest

from benchmarks import patterns
from portcompare.records.results import Summary
from portcompare.records.rounds import BASELINE, CONTROL
from tests.analyse.samples import BOUND, LATENCY, ROUND, SUMMARY
from tests.runs import make_run

ARMS = (BASELINE, CONTROL, patterns.PORT)


def summary(scenario: str, arm: str, rate_rps: float, bound_share: float) -> Summary:
    return replace(
        SUMMARY,
        scenario=scenario,
        arm=arm,
        level=8.0,
        deployment=arm if arm == patterns.PORT else "flask",
        rate_rps=rate_rps,
        latency_s=replace(LATENCY, p95=0.2),
        cpu_s_per_request=0.001,
        bound=replace(BOUND, rate_rps=rate_rps / bound_share),
        bound_share=bound_share,
    )


def found(share: float, computed: int) -> patterns.Found:
    rates_rps = {"delayed": 100.0, "blocking": 5 * share, "offloaded": 30 * share, "upstream": 100 * share}
    summaries = [summary(name, arm, rate, share) for name, rate in rates_rps.items() for arm in ARMS]
    results = replace(
        make_run(1, blocks=2),
        summaries=tuple(summaries),
        rounds=(replace(ROUND, block=2),),
        valid=False,
        invalid_reasons=("noisy",),
    )
    return patterns.Found(
        results=results, blocked_rps=5 * share, computed={"Flask": computed, "Quart": computed}
    )


@pytest.mark.parametrize(
    ("share", "computed", "expected"), [(0.97, 1, ["met"] * 6), (0.85, 7, ["**missed**"] * 6)]
)
def test_each_figure_is_judged_by_its_bound(share: float, computed: int, expected: list[str]) -> None:
    lines = patterns.describe(found(share, computed))
    judged = lines[lines.index("| figure | measured | required |  |") + 2 :][:6]
    assert [line.split("|")[-2].strip() for line in judged] == expected
    text = "\n".join(lines)
    assert f"| offloaded | 8 | **{30 * share:.3g}/s**, 200 ms, 1.00 ms CPU |" in text
    assert "3 blocks; the run is not valid: noisy." in text


def test_a_pattern_without_a_valid_round_is_said_to_be_void() -> None:
    nothing = found(0.97, 1)
    unknown: Any = dict.fromkeys(("rate_rps", "bound", "bound_share", "cpu_s_per_request"))
    summaries = [
        replace(one, **unknown) if one.scenario == "upstream" else one for one in nothing.results.summaries
    ]
    results = replace(nothing.results, summaries=tuple(summaries))
    text = "\n".join(patterns.describe(replace(nothing, results=results)))
    assert "| upstream | 8 | not compared | not compared |" in text
    assert "- upstream: nothing that is known" in text
    assert "| 0% | at least 90% | **missed** |" in text
