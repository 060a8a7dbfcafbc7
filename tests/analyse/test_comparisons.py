from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import inf

import pytest

from portcompare.analyse.comparisons import compare, find_undecided, judge_ratio
from portcompare.records.estimates import Comparison, Estimate, Verdict
from portcompare.records.metrics import METRICS, MetricName, round_metrics
from portcompare.records.rounds import BASELINE, CONTROL, Round
from tests.altered import altered
from tests.analyse.samples import CANDIDATE, COMPARISON, MARGINS, TURN, rounds_of

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


@pytest.mark.parametrize("arm", [BASELINE, CANDIDATE])
def test_a_block_that_one_arm_lacks_or_in_which_its_round_was_discarded_is_left_out(arm: str) -> None:
    spoilt = [
        altered(one, discarded="spoilt") if (one.block, one.arm) == (1, arm) else one for one in OUTLIER
    ]
    assert {one.blocks for one in by_metric(OUTLIER).values()} == {3}
    for rounds in (spoilt, [one for one in spoilt if one.discarded is None]):
        assert {one.blocks for one in by_metric(rounds).values()} == {2}
        assert by_metric(rounds)["throughput"].point == pytest.approx(2)


def by_turns(arm: str, *blocks: Sequence[float | None]) -> list[Round]:
    """Rounds whose turns have these rates, None for a turn that was discarded; the rounds' own are no use."""
    at_s = {BASELINE: 0.1, CANDIDATE: 0.2, CONTROL: 0.3}[arm]
    return [
        replace(
            one,
            turns=tuple(
                replace(
                    TURN,
                    cycle=cycle,
                    started_at_s=cycle + at_s,
                    rate_rps=rate or 9e9,
                    discarded=None if rate else "stalled",
                )
                for cycle, rate in enumerate(rates)
            ),
        )
        for one, rates in zip(rounds_of(arm, [1e3] * len(blocks)), blocks, strict=True)
    ]


def test_noise_that_lasts_for_a_cycle_cancels() -> None:
    base = by_turns(BASELINE, [100, 100, 1000, 1000], [100, 10, 10, 100])
    candidate = by_turns(CANDIDATE, [200, 200, 2000, 2000], [200, 20, 20, 200])
    control = by_turns(CONTROL, [400, 400, 4000, 4000], [400, 40, 40, 400])
    found = throughputs([*base, *candidate])[CANDIDATE]
    assert [found.point, found.low, found.high] == pytest.approx([2, 2, 2], rel=0.05)
    assert throughputs([*base, *candidate, *control])[CANDIDATE].point == pytest.approx(1, rel=0.05)


def test_arrivals_that_differ_from_turn_to_turn_are_no_difference() -> None:
    def in_the_open_model(one: Round) -> Round:
        return replace(one, turns=tuple(replace(turn, offered_rps=turn.rate_rps) for turn in one.turns))

    arrivals = [100, 70, 150], [90, 120, 110]
    base = by_turns(BASELINE, *arrivals)
    candidate = by_turns(CANDIDATE, *(each[::-1] for each in arrivals))
    found = throughputs([in_the_open_model(one) for one in (*base, *candidate)])
    assert found[CANDIDATE].interval == pytest.approx((1.0, 1.0))


def test_a_turn_that_was_discarded_is_left_out() -> None:
    base = by_turns(BASELINE, [100, None, 100, 100], [100, 100])
    candidate = by_turns(CANDIDATE, [200, 999, None, 200], [200, 200])
    assert throughputs([*base, *candidate])[CANDIDATE].blocks == 2
    assert throughputs([*base, *candidate])[CANDIDATE].point == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize(
    ("blocks", "discarded", "reason"),
    [
        (1, {}, "only 1 start of the servers with a valid round of both"),
        (2, {0: "spoilt"}, "2 of 4 rounds discarded: spoilt"),
        (1, {0: "spoilt"}, "2 of 2 rounds discarded: spoilt"),
    ],
)
def test_fewer_than_two_pairs_are_invalid_and_why_is_said(
    blocks: int, discarded: dict[int, str], reason: str
) -> None:
    found = by_metric(altered(one, discarded=discarded.get(one.block)) for one in EQUAL if one.block < blocks)
    pairs = blocks - len(discarded)
    assert set(found.values()) == {Estimate(blocks=pairs, verdict="invalid", reason=reason)}


QUIET, NOISY, BROKEN = [100.0] * 5, [100.0, 300.0, 40.0, 200.0, 60.0], [100.0, 900.0, 10.0, 500.0, 20.0]


@pytest.mark.parametrize(
    ("control", "candidate", "changes", "reason"),
    [
        (NOISY, BROKEN, {}, "machine noise: two instances of the baseline differ by 0.3"),
        (QUIET, BROKEN, {}, "its own noise, from start to start: 0."),
        (QUIET, [100.0, 120.0], {}, "only 2 starts of the servers"),
        (QUIET, NOISY, {"requests": 3}, "too few requests: 3 a round"),
        (QUIET, BROKEN, {"discarded": "late"}, "3 of 10 rounds discarded: late"),
    ],
)
def test_an_interval_wider_than_a_factor_of_two_is_no_result_and_its_cause_is_named(
    control: list[float], candidate: list[float], changes: dict[str, object], reason: str
) -> None:
    count = len(candidate)
    arms = {BASELINE: QUIET[:count], CONTROL: control[:count], CANDIDATE: candidate}
    rounds = [one for arm, rates in arms.items() for one in rounds_of(arm, rates)]
    kept = rounds[:-3] if "discarded" in changes else []
    rounds = kept + [altered(one, **changes) for one in rounds[len(kept) :]]
    (found,) = (
        one.ratio
        for one in compare(rounds, MARGINS)
        if (one.candidate, one.metric) == (CANDIDATE, "throughput")
    )
    assert (found.is_result, found.verdict) == (False, "inconclusive")
    assert found.reason.startswith(reason), found


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


@pytest.mark.parametrize(
    ("metric", "needed"), [("p50", 2), ("p95", 20), ("p99", 100), ("cpu_s_per_request", 20)]
)
def test_quantiles_and_cpu_time_need_requests(metric: MetricName, needed: int) -> None:
    assert by_metric(altered(one, requests=needed) for one in EQUAL)[metric].verdict == "equivalent"
    few = by_metric(altered(one, requests=needed - 1) for one in EQUAL)
    why = f"{needed - 1} requests a round are too few for a {metric}, which needs {needed}"
    assert few[metric] == Estimate(blocks=2, verdict="inconclusive", reason=why)
    assert few["throughput"].verdict == "equivalent"


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
        (0.80, 1.50, "inconclusive", "crosses the edge of"),
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


def test_an_interval_wider_than_a_factor_of_two_shows_no_difference_however_far_it_lies_from_the_margin() -> (
    None
):
    wide = judge("throughput", 3.0, 9.0)
    assert (wide.verdict, wide.is_result) == ("inconclusive", False)
    assert wide.reason == "the ends of the interval are more than a factor of two apart"


NARROW = altered(COMPARISON, point=2.0, low=1.95, high=2.05)
WIDE = altered(COMPARISON, point=1.0, low=0.80, high=1.25)
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
    assert undecided(altered(COMPARISON, point=1.0, low=0.96, high=1.04)) == set()
    assert undecided(altered(COMPARISON, point=1.0, low=0.96, high=1.04), precision=0.03) == HERE
    assert undecided(WIDE, precision=0.25) == set()
    assert undecided(altered(WIDE, high=1.2501), precision=0.25) == HERE
    others = [replace(NARROW, level=8.0), replace(WIDE, scenario="slow", level=8.0)]
    assert undecided(NARROW, replace(WIDE, candidate=CONTROL), *others) == {("fast", 4.0), ("slow", 8.0)}
    wider = altered(WIDE, metric="p50", candidate=CONTROL, high=1.5)
    unknown = replace(UNKNOWN, scenario="slow")
    found = find_undecided([WIDE, wider, NARROW, unknown], 0.05, is_early=False)
    assert found == {("fast", 4.0): pytest.approx(0.5), ("slow", 4.0): inf}


def test_before_the_least_number_of_blocks_only_intervals_of_half_the_width_are_enough() -> None:
    wider = altered(COMPARISON, point=1.0, low=0.974, high=1.026)
    for one, is_undecided in ((wider, True), (NARROW, False)):
        assert bool(find_undecided([one], 0.05, is_early=True)) == is_undecided
        assert find_undecided([one], 0.05, is_early=False) == {}


def test_a_large_difference_need_not_be_known_as_well_as_a_small_one() -> None:
    assert undecided(altered(COMPARISON, point=8.0, low=7.0, high=9.5), precision=0.025) == set()
    assert undecided(altered(COMPARISON, point=8.0, low=6.0, high=10.0), precision=0.025) == HERE
    assert undecided(altered(COMPARISON, point=1.1, low=1.07, high=1.131), precision=0.025) == HERE
