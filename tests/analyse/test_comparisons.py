from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from portcompare.analyse.comparisons import compare
from portcompare.records.metrics import METRICS
from portcompare.records.rounds import BASELINE, CONTROL
from tests.altered import altered
from tests.analyse.samples import CANDIDATE, LATENCY, MARGINS, ROUND, rounds_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portcompare.records.estimates import Comparison
    from portcompare.records.metrics import MetricName
    from portcompare.records.rounds import Round


def by_metric(rounds: Iterable[Round]) -> dict[MetricName, Comparison]:
    """The comparisons of a single candidate at a single level."""
    comparisons = compare(rounds, MARGINS)
    assert len({(one.scenario, one.level, one.candidate) for one in comparisons}) == 1
    return {one.metric: one for one in comparisons}


def test_a_candidate_is_compared_in_every_metric() -> None:
    comparisons = compare([*rounds_of(BASELINE, [100, 100]), *rounds_of(CANDIDATE, [100, 100])], MARGINS)
    assert [one.metric for one in comparisons] == list(METRICS)
    assert {(one.scenario, one.level, one.candidate) for one in comparisons} == {("fast", 4.0, CANDIDATE)}


def test_the_ratio_is_the_geometric_mean_of_the_blocks_ratios() -> None:
    found = by_metric([*rounds_of(BASELINE, [100, 100]), *rounds_of(CANDIDATE, [200, 800])])["throughput"]
    assert found.ratio.blocks == 2
    assert found.ratio.point == pytest.approx(4)  # of 2 and 8


def test_rounds_are_paired_by_block_in_whatever_order_they_come() -> None:
    candidate = rounds_of(CANDIDATE, [200, 400, 800])
    found = by_metric([*reversed(candidate), *rounds_of(BASELINE, [100, 200, 400])])["throughput"]
    assert found.ratio.blocks == 3
    assert found.ratio.low == pytest.approx(2)
    assert found.ratio.high == pytest.approx(2)


def test_a_candidate_is_compared_with_the_mean_of_the_baseline_and_its_control() -> None:
    base, control = rounds_of(BASELINE, [100, 100]), rounds_of(CONTROL, [400, 400])
    found = {
        (one.candidate, one.metric): one
        for one in compare([*base, *control, *rounds_of(CANDIDATE, [200, 200])], MARGINS)
    }
    assert found[CANDIDATE, "throughput"].ratio.point == pytest.approx(
        1
    )  # to the geometric mean of 100 and 400
    assert found[CONTROL, "throughput"].ratio.point == pytest.approx(4)  # to the baseline alone


def test_where_the_control_has_no_valid_round_the_baseline_stands_alone() -> None:
    control = [altered(one, discarded="spoilt") for one in rounds_of(CONTROL, [400, 400, 400])[1:]]
    rounds = [*rounds_of(BASELINE, [100, 100, 100]), *control, *rounds_of(CANDIDATE, [200, 200, 200])]
    found = {(one.candidate, one.metric): one for one in compare(rounds, MARGINS)}[CANDIDATE, "throughput"]
    assert found.ratio.blocks == 3
    assert found.ratio.point == pytest.approx(2)


@pytest.mark.parametrize("arm", [BASELINE, CANDIDATE])
def test_a_discarded_round_in_one_arm_drops_the_whole_pair(arm: str) -> None:
    rounds = [*rounds_of(BASELINE, [100, 7, 100]), *rounds_of(CANDIDATE, [200, 999, 200])]
    discarded = [
        altered(one, discarded="spoilt") if (one.block, one.arm) == (1, arm) else one for one in rounds
    ]
    assert by_metric(rounds)["throughput"].ratio.blocks == 3
    found = by_metric(discarded)
    assert {one.ratio.blocks for one in found.values()} == {2}
    assert found["throughput"].ratio.point == pytest.approx(2)


@pytest.mark.parametrize("arm", [BASELINE, CANDIDATE])
def test_a_block_that_one_arm_lacks_is_left_out(arm: str) -> None:
    rounds = [*rounds_of(BASELINE, [100, 7, 100]), *rounds_of(CANDIDATE, [200, 999, 200])]
    found = by_metric([one for one in rounds if (one.block, one.arm) != (1, arm)])["throughput"]
    assert found.ratio.blocks == 2
    assert found.ratio.point == pytest.approx(2)


@pytest.mark.parametrize(
    ("blocks", "reason"),
    [
        (0, "0 blocks with a valid round of both; an interval needs 2"),
        (1, "1 block with a valid round of both; an interval needs 2"),
    ],
)
def test_fewer_than_two_pairs_are_invalid(blocks: int, reason: str) -> None:
    rounds = [*rounds_of(BASELINE, [100, 100]), *rounds_of(CANDIDATE, [200, 200])]
    found = by_metric(altered(one, discarded=None if one.block < blocks else "spoilt") for one in rounds)
    assert {(one.ratio.verdict, one.ratio.blocks, one.ratio.reason) for one in found.values()} == {
        ("invalid", blocks, reason)
    }
    assert {one.ratio.point for one in found.values()} | {one.ratio.interval for one in found.values()} == {
        None
    }


def test_a_round_without_latencies_is_missing_from_latency_metrics_alone() -> None:
    rounds = [*rounds_of(BASELINE, [100, 100, 100]), *rounds_of(CANDIDATE, [100, 100, 100])]
    rounds[4] = altered(rounds[4], latency_s=None)
    found = by_metric(rounds)
    assert {metric: one.ratio.blocks for metric, one in found.items()} == {
        "throughput": 3,
        "p50": 2,
        "p95": 2,
        "p99": 2,
        "cpu_s_per_request": 3,
    }


def test_cpu_time_too_short_to_be_read_is_not_compared() -> None:
    rounds = [*rounds_of(BASELINE, [100, 100]), *rounds_of(CANDIDATE, [100, 100])]
    found = by_metric(altered(one, cpu_s_per_request=0.0) for one in rounds)
    assert found["cpu_s_per_request"].ratio.verdict == "invalid"
    assert found["throughput"].ratio.verdict == "equivalent"


def test_a_rate_of_zero_has_no_ratio() -> None:
    found = by_metric([*rounds_of(BASELINE, [100, 100, 0]), *rounds_of(CANDIDATE, [100, 100, 100])])
    assert found["throughput"].ratio.blocks == 2
    assert found["throughput"].ratio.point == pytest.approx(1)


def test_each_metric_compares_its_own_value_and_knows_what_is_better() -> None:
    candidate = altered(
        ROUND,
        arm=CANDIDATE,
        rate_rps=2 * ROUND.load.rate_rps,
        latency_s=replace(LATENCY, p50=0.5 * LATENCY.p50, p95=3 * LATENCY.p95, p99=4 * LATENCY.p99),
        cpu_s_per_request=0.00025,
    )
    rounds = [replace(one, block=block) for one in (ROUND, candidate) for block in (0, 1)]
    found = by_metric(rounds)
    assert list(found) == ["throughput", "p50", "p95", "p99", "cpu_s_per_request"]
    assert [one.ratio.point for one in found.values()] == pytest.approx([2, 0.5, 3, 4, 0.5])
    assert [one.ratio.verdict for one in found.values()] == ["faster", "faster", "slower", "slower", "faster"]


@pytest.mark.parametrize(
    ("metric", "needed"), [("p50", 2), ("p95", 20), ("p99", 100), ("cpu_s_per_request", 20)]
)
def test_quantiles_and_cpu_time_need_requests(metric: MetricName, needed: int) -> None:
    rounds = [*rounds_of(BASELINE, [100, 100]), *rounds_of(CANDIDATE, [100, 100])]
    enough = by_metric(altered(one, requests=needed) for one in rounds)[metric]
    assert enough.ratio.verdict == "equivalent"
    few = by_metric(altered(one, requests=needed - 1) for one in rounds)[metric]
    assert few.ratio.verdict == "inconclusive"
    assert (
        few.ratio.reason == f"{needed - 1} requests a round are too few for a {metric}, which needs {needed}"
    )
    assert (few.ratio.point, few.ratio.interval) == (None, None)
    assert few.ratio.blocks == 2


def test_a_single_request_is_enough_for_throughput() -> None:
    rounds = [*rounds_of(BASELINE, [100, 100]), *rounds_of(CANDIDATE, [100, 100])]
    found = by_metric(altered(one, requests=1) for one in rounds)
    assert found["throughput"].ratio.verdict == "equivalent"


@pytest.mark.parametrize("scarce", [BASELINE, CONTROL, CANDIDATE])
def test_the_arm_with_fewer_requests_decides_whether_they_are_enough(scarce: str) -> None:
    rounds = [one for arm in (BASELINE, CONTROL, CANDIDATE) for one in rounds_of(arm, [100, 100])]
    few = (altered(one, requests=99 if one.arm == scarce else 1000) for one in rounds)
    (found,) = (one for one in compare(few, MARGINS) if (one.candidate, one.metric) == (CANDIDATE, "p99"))
    assert found.ratio.verdict == "inconclusive"


def test_a_single_round_with_few_requests_does_not_spoil_a_quantile() -> None:
    rounds = [*rounds_of(BASELINE, [100, 100, 100]), *rounds_of(CANDIDATE, [100, 100, 100])]
    found = by_metric(altered(one, requests=10 if one.block == 0 else 1000) for one in rounds)
    assert found["p99"].ratio.verdict == "equivalent"


@pytest.mark.parametrize("metric", METRICS)
def test_each_metric_has_its_own_margin(metric: MetricName) -> None:
    candidate = altered(
        ROUND,
        arm=CANDIDATE,
        rate_rps=1.07 * ROUND.load.rate_rps,
        latency_s=replace(LATENCY, p50=1.07 * LATENCY.p50, p95=1.07 * LATENCY.p95, p99=1.07 * LATENCY.p99),
        cpu_s_per_request=1.07 * 0.0005,
    )
    rounds = [replace(one, block=block) for one in (ROUND, candidate) for block in (0, 1)]
    found = {one.metric: one.ratio.verdict for one in compare(rounds, MARGINS | {metric: 0.10})}
    assert found.pop(metric) == "equivalent"
    assert "equivalent" not in found.values()


def test_the_control_is_compared_as_a_candidate_is() -> None:
    rounds = [arm for name in (BASELINE, CONTROL, CANDIDATE) for arm in rounds_of(name, [100, 100])]
    comparisons = compare(rounds, MARGINS)
    assert list(dict.fromkeys(one.candidate for one in comparisons)) == [CONTROL, CANDIDATE]
    assert len(comparisons) == 2 * len(METRICS)


def test_without_a_baseline_there_is_nothing_to_compare() -> None:
    assert compare(rounds_of(CANDIDATE, [100, 100]), MARGINS) == ()
    assert compare([], MARGINS) == ()


def test_levels_and_scenarios_are_never_mixed() -> None:
    rounds = [
        altered(one, scenario=scenario, level=level, rate_rps=one.load.rate_rps * factor)
        for scenario, level, factors in (
            ("slow", 4.0, {BASELINE: 1, CANDIDATE: 2}),
            ("fast", 4.0, {BASELINE: 10, CANDIDATE: 30}),
            ("fast", 8.0, {BASELINE: 100, CANDIDATE: 400}),
        )
        for arm, factor in factors.items()
        for one in rounds_of(arm, [100, 100])
    ]
    throughput = [one for one in compare(rounds, MARGINS) if one.metric == "throughput"]
    assert [(one.scenario, one.level) for one in throughput] == [("slow", 4.0), ("fast", 4.0), ("fast", 8.0)]
    assert [one.ratio.point for one in throughput] == pytest.approx([2, 3, 4])


@pytest.mark.parametrize("arm", [BASELINE, CANDIDATE])
def test_cpu_time_that_is_not_known_of_one_arm_cannot_be_compared_and_the_rest_can(arm: str) -> None:
    rounds = [*rounds_of(BASELINE, [100, 100]), *rounds_of(CANDIDATE, [200, 200])]
    unknown = [altered(one, cpu_s_per_request=None) if one.arm == arm else one for one in rounds]
    found = by_metric(unknown)
    name = next(one.deployment for one in rounds if one.arm == arm)
    assert found["cpu_s_per_request"].ratio.verdict == "inconclusive"
    assert found["cpu_s_per_request"].ratio.point is None
    assert found["cpu_s_per_request"].ratio.reason == (
        f"the CPU time per request of {name} is not known: it was already running"
    )
    assert found["throughput"].ratio.point == pytest.approx(2)


def test_cpu_time_that_is_not_known_of_both_is_told_of_both() -> None:
    rounds = [*rounds_of(BASELINE, [100, 100]), *rounds_of(CANDIDATE, [200, 200])]
    found = by_metric(altered(one, cpu_s_per_request=None, deployment=f"{one.arm}:80") for one in rounds)[
        "cpu_s_per_request"
    ]
    assert found.ratio.reason == (
        f"the CPU time per request of {BASELINE}:80 and {CANDIDATE}:80 is not known: it was already running"
    )
