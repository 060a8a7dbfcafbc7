from collections.abc import Iterable
from dataclasses import replace
from math import inf

import pytest

from portcompare.analyse.comparisons import compare, find_undecided, judge_ratio
from portcompare.records.estimates import Comparison, Estimate, Verdict
from portcompare.records.metrics import METRICS, MetricName, round_metrics
from portcompare.records.rounds import BASELINE, CONTROL, Round
from tests.altered import altered
from tests.analyse.samples import CANDIDATE, COMPARISON, LATENCY, MARGINS, ROUND, rounds_of

EQUAL = [*rounds_of(BASELINE, [100, 100]), *rounds_of(CANDIDATE, [100, 100])]
OUTLIER = [*rounds_of(BASELINE, [100, 7, 100]), *rounds_of(CANDIDATE, [200, 999, 200])]


def by_metric(rounds: Iterable[Round]) -> dict[MetricName, Estimate]:
    """The ratios of a single candidate at a single level."""
    comparisons = compare(rounds, MARGINS)
    assert len({(one.scenario, one.level, one.candidate) for one in comparisons}) == 1
    return {one.metric: one.ratio for one in comparisons}


def throughputs(rounds: Iterable[Round]) -> dict[str, Estimate]:
    """The ratios of throughput by candidate."""
    return {one.candidate: one.ratio for one in compare(rounds, MARGINS) if one.metric == "throughput"}


def test_rounds_are_paired_by_block_in_whatever_order_and_the_ratio_is_the_geometric_mean() -> None:
    found = throughputs([*rounds_of(BASELINE, [100, 100]), *rounds_of(CANDIDATE, [200, 800])])[CANDIDATE]
    assert found.blocks == 2
    assert found.point == pytest.approx(4)  # of 2 and 8
    candidate = rounds_of(CANDIDATE, [200, 400, 800])
    found = throughputs([*reversed(candidate), *rounds_of(BASELINE, [100, 200, 400])])[CANDIDATE]
    assert (found.blocks, found.low, found.high) == pytest.approx((3, 2, 2))


def test_a_candidate_is_compared_with_the_mean_of_the_baseline_and_its_control() -> None:
    base, control = rounds_of(BASELINE, [100, 100, 100]), rounds_of(CONTROL, [400, 400, 400])
    candidate = rounds_of(CANDIDATE, [200, 200, 200])
    found = throughputs([*base, *control, *candidate])
    assert found[CANDIDATE].point == pytest.approx(1)  # to the geometric mean of 100 and 400
    assert found[CONTROL].point == pytest.approx(4)  # to the baseline alone
    # Where the control has no valid round, the baseline stands alone.
    spoilt = [altered(one, discarded="spoilt") for one in control[1:]]
    alone = throughputs([*base, *spoilt, *candidate])[CANDIDATE]
    assert (alone.blocks, alone.point) == pytest.approx((3, 2))


@pytest.mark.parametrize("arm", [BASELINE, CANDIDATE])
def test_a_block_that_one_arm_lacks_or_in_which_its_round_was_discarded_is_left_out(arm: str) -> None:
    spoilt = [
        altered(one, discarded="spoilt") if (one.block, one.arm) == (1, arm) else one for one in OUTLIER
    ]
    assert {one.blocks for one in by_metric(OUTLIER).values()} == {3}
    for rounds in (spoilt, [one for one in spoilt if one.discarded is None]):
        assert {one.blocks for one in by_metric(rounds).values()} == {2}
        assert by_metric(rounds)["throughput"].point == pytest.approx(2)


@pytest.mark.parametrize(("blocks", "noun"), [(0, "blocks"), (1, "block")])
def test_fewer_than_two_pairs_are_invalid(blocks: int, noun: str) -> None:
    found = by_metric(altered(one, discarded=None if one.block < blocks else "spoilt") for one in EQUAL)
    reason = f"{blocks} {noun} with a valid round of both; an interval needs 2"
    assert set(found.values()) == {Estimate(blocks=blocks, verdict="invalid", reason=reason)}


def test_what_a_round_does_not_know_is_missing_from_its_metric_alone() -> None:
    rounds = [*rounds_of(BASELINE, [100, 100, 100]), *rounds_of(CANDIDATE, [100, 100, 100])]
    rounds[4] = altered(rounds[4], latency_s=None)
    blocks = {metric: one.blocks for metric, one in by_metric(rounds).items()}
    assert blocks == {"throughput": 3, "p50": 2, "p95": 2, "p99": 2, "cpu_s_per_request": 3}
    found = by_metric([*rounds_of(BASELINE, [100, 100, 0]), *rounds_of(CANDIDATE, [100, 100, 100])])
    assert (found["throughput"].blocks, found["throughput"].point) == pytest.approx((2, 1))
    found = by_metric(altered(one, cpu_s_per_request=0.0) for one in EQUAL)
    assert found["cpu_s_per_request"].verdict == "invalid"
    assert found["throughput"].verdict == "equivalent"
    rounds = [*rounds_of(BASELINE, [100, 100, 100]), *rounds_of(CANDIDATE, [100, 100, 100])]
    found = by_metric(altered(one, requests=10 if one.block == 0 else 1000) for one in rounds)
    assert found["p99"].verdict == "equivalent"


def with_factors(rate: float, p50: float, p95: float, p99: float, cpu: float) -> list[Round]:
    """Two blocks of the baseline, and of a candidate that has so many times its values."""
    candidate = altered(
        ROUND,
        arm=CANDIDATE,
        rate_rps=rate * ROUND.load.rate_rps,
        latency_s=replace(LATENCY, p50=p50 * LATENCY.p50, p95=p95 * LATENCY.p95, p99=p99 * LATENCY.p99),
        cpu_s_per_request=cpu * 0.0005,
    )
    return [replace(one, block=block) for one in (ROUND, candidate) for block in (0, 1)]


def test_each_metric_compares_its_own_value_and_knows_what_is_better() -> None:
    found = by_metric(with_factors(2, 0.5, 3, 4, 0.5))
    assert list(found) == ["throughput", "p50", "p95", "p99", "cpu_s_per_request"]
    assert [one.point for one in found.values()] == pytest.approx([2, 0.5, 3, 4, 0.5])
    assert [one.verdict for one in found.values()] == ["faster", "faster", "slower", "slower", "faster"]


@pytest.mark.parametrize("metric", round_metrics())
def test_each_metric_has_its_own_margin(metric: MetricName) -> None:
    rounds = with_factors(1.07, 1.07, 1.07, 1.07, 1.07)
    found = {one.metric: one.ratio.verdict for one in compare(rounds, MARGINS | {metric: 0.10})}
    assert found.pop(metric) == "equivalent"
    assert "equivalent" not in found.values()


@pytest.mark.parametrize(
    ("metric", "needed"), [("p50", 2), ("p95", 20), ("p99", 100), ("cpu_s_per_request", 20)]
)
def test_quantiles_and_cpu_time_need_requests(metric: MetricName, needed: int) -> None:
    assert by_metric(altered(one, requests=needed) for one in EQUAL)[metric].verdict == "equivalent"
    few = by_metric(altered(one, requests=needed - 1) for one in EQUAL)
    why = f"{needed - 1} requests a round are too few for a {metric}, which needs {needed}"
    assert few[metric] == Estimate(blocks=2, verdict="inconclusive", reason=why)
    assert few["throughput"].verdict == "equivalent"


@pytest.mark.parametrize("scarce", [BASELINE, CONTROL, CANDIDATE])
def test_the_arm_with_fewer_requests_decides_whether_they_are_enough(scarce: str) -> None:
    rounds = [one for arm in (BASELINE, CONTROL, CANDIDATE) for one in rounds_of(arm, [100, 100])]
    few = (altered(one, requests=99 if one.arm == scarce else 1000) for one in rounds)
    (found,) = (one for one in compare(few, MARGINS) if (one.candidate, one.metric) == (CANDIDATE, "p99"))
    assert found.ratio.verdict == "inconclusive"


def test_levels_and_scenarios_are_never_mixed_and_the_control_is_compared_as_a_candidate_is() -> None:
    places = {("slow", 4.0): 2.0, ("fast", 4.0): 3.0, ("fast", 8.0): 4.0}
    rounds = [
        altered(one, scenario=scenario, level=level, rate_rps=level * (factor if one.arm == CANDIDATE else 1))
        for (scenario, level), factor in places.items()
        for one in EQUAL
    ]
    found = {
        (one.scenario, one.level): one.ratio for one in compare(rounds, MARGINS) if one.metric == "throughput"
    }
    assert {place: one.point for place, one in found.items()} == pytest.approx(places)
    comparisons = compare([*EQUAL, *rounds_of(CONTROL, [100, 100])], MARGINS)
    assert list(dict.fromkeys(one.candidate for one in comparisons)) == [CANDIDATE, CONTROL]
    assert len(comparisons) == 2 * len(round_metrics())
    assert compare(rounds_of(CANDIDATE, [100, 100]), MARGINS) == ()
    assert compare([], MARGINS) == ()


@pytest.mark.parametrize("unknown", [[BASELINE], [CANDIDATE], [BASELINE, CANDIDATE]])
def test_cpu_time_that_is_not_known_cannot_be_compared_and_the_rest_can(unknown: list[str]) -> None:
    found = by_metric(
        altered(one, cpu_s_per_request=None, deployment=f"{one.arm}:80") if one.arm in unknown else one
        for one in EQUAL
    )
    names = " and ".join(f"{arm}:80" for arm in unknown)
    reason = f"the CPU time per request of {names} is not known: it was already running"
    assert found["cpu_s_per_request"] == Estimate(blocks=0, verdict="inconclusive", reason=reason)
    assert found["throughput"].verdict == "equivalent"


LOWEST, HIGHEST = 1 / 1.05, 1.05  # of what counts as equivalent, at a margin of 5%


def judge(metric: MetricName, low: float, high: float, margin: float = 0.05) -> Estimate:
    return judge_ratio(metric, Estimate(point=(low * high) ** 0.5, low=low, high=high), margin)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("low", "high", "verdict", "where"),
    [
        (0.97, 1.03, "equivalent", "lies wholly inside"),
        (1.01, 1.04, "equivalent", "lies wholly inside"),  # a real difference, but one that does not matter
        (LOWEST, HIGHEST, "equivalent", "lies wholly inside"),  # the edges belong to the margin
        (1.00, HIGHEST + 1e-9, "inconclusive", "crosses the edge of"),
        (LOWEST - 1e-9, 1.00, "inconclusive", "crosses the edge of"),
        (HIGHEST, 1.20, "inconclusive", "crosses the edge of"),
        (0.80, LOWEST, "inconclusive", "crosses the edge of"),
        (0.50, 2.00, "inconclusive", "crosses the edge of"),
        (HIGHEST + 1e-9, 1.20, "faster", "lies wholly above"),
        (0.80, LOWEST - 1e-9, "slower", "lies wholly below"),
    ],
)
def test_the_verdict_goes_by_where_the_whole_interval_lies(
    metric: MetricName, low: float, high: float, verdict: Verdict, where: str
) -> None:
    if metric != "throughput":  # less is better
        verdict = {"faster": "slower", "slower": "faster"}.get(verdict, verdict)  # type: ignore[assignment]
    found = judge(metric, low, high)
    assert (found.verdict, found.reason) == (verdict, f"the interval {where} the equivalence margin of 5.00%")


NARROW = altered(COMPARISON, point=2.0, low=1.95, high=2.05)
WIDE = altered(COMPARISON, point=2.0, low=1.60, high=2.50)
UNKNOWN = altered(COMPARISON, point=None, low=None, high=None, verdict="invalid")
HERE = {("fast", 4.0)}


def undecided(*comparisons: Comparison, precision: float = 0.05) -> set[tuple[str, float]]:
    return set(find_undecided(comparisons, precision, is_early=False))


@pytest.mark.parametrize("metric", METRICS)
def test_a_level_is_undecided_while_throughput_or_median_is_wide_whatever_the_verdict(
    metric: MetricName,
) -> None:
    others = [replace(NARROW, metric=other) for other in METRICS if other != metric]
    wide = altered(WIDE, metric=metric, verdict="faster")
    assert undecided(*others, wide) == (HERE if metric in ("throughput", "p50") else set())
    assert undecided(*others, altered(NARROW, metric=metric, verdict="inconclusive")) == set()


def test_a_level_is_as_wide_as_its_widest_interval_and_just_the_precision_is_narrow_enough() -> None:
    assert undecided(altered(COMPARISON, point=10.0, low=9.6, high=10.4)) == set()
    assert undecided(altered(COMPARISON, point=10.0, low=9.6, high=10.4), precision=0.03) == HERE
    assert undecided(WIDE, precision=0.25) == set()
    assert undecided(altered(WIDE, high=2.5001), precision=0.25) == HERE
    others = [replace(NARROW, level=8.0), replace(WIDE, scenario="slow", level=8.0)]
    assert undecided(NARROW, replace(WIDE, candidate=CONTROL), *others) == {("fast", 4.0), ("slow", 8.0)}
    wider = altered(WIDE, metric="p50", candidate=CONTROL, high=3.0)
    unknown = replace(UNKNOWN, scenario="slow")
    found = find_undecided([WIDE, wider, NARROW, unknown], 0.05, is_early=False)
    assert found == {("fast", 4.0): pytest.approx(0.5), ("slow", 4.0): inf}


def test_before_the_least_number_of_blocks_only_intervals_of_half_the_width_are_enough() -> None:
    wider = altered(COMPARISON, point=2.0, low=1.949, high=2.051)
    for one, is_undecided in ((wider, True), (NARROW, False)):
        assert bool(find_undecided([one], 0.05, is_early=True)) == is_undecided
        assert find_undecided([one], 0.05, is_early=False) == {}
