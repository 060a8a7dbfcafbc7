import re
from collections.abc import Mapping, Sequence
from dataclasses import astuple, replace

import pytest

from portcompare.analyse.validity import (
    describe_drifts,
    describe_workers,
    find_invalid_reasons,
    find_trend,
    find_unknowns,
    find_unlike_controls,
    find_warnings,
)
from portcompare.records.estimates import Comparison, Estimate, Verdict
from portcompare.records.metrics import MetricName
from portcompare.records.parity import Parity
from portcompare.records.rounds import BASELINE, CONTROL, Round, WorkerChange
from portcompare.records.sweeps import Capacity
from tests.altered import altered
from tests.analyse.samples import COMPARISON, LATENCY, MARGINS, PARITY, ROUND, in_users, rounds_of
from tests.measure.plans import make_manifest
from tests.parity.clients import DIFFERENCE

CONTROLLED = replace(COMPARISON, candidate=CONTROL)
DIFFERING = altered(CONTROLLED, point=1.5, low=1.49, high=1.51, verdict="faster")
NOISY = altered(CONTROLLED, low=0.9, high=1.125, verdict="inconclusive")
# 1.2 / 1.06 = 1.3584 / 1.2: five blocks make it a difference by itself, but not among many.
SLIGHT = altered(CONTROLLED, point=1.2, low=1.06, high=1.3584, verdict="faster")
MANY = [replace(CONTROLLED, level=float(level)) for level in range(20)]
THE_CONTROL = "the control, the baseline measured again,"
REMEDY = (
    "Close other programs, measure longer rounds (rounds.seconds) and more blocks (rounds.min_blocks, "
    "rounds.max_blocks), or use a machine with more CPUs"
)
SPOILT = altered(ROUND, discarded="spoilt")


def reasons(
    *comparisons: Comparison,
    rounds: Sequence[Round] = (ROUND,),
    parity: Parity | None = PARITY,
    margins: Mapping[MetricName, float] = MARGINS,
) -> tuple[str, ...]:
    return tuple(find_invalid_reasons(rounds, comparisons, margins, parity, in_users))


def warnings(*comparisons: Comparison, rounds: Sequence[Round] = (ROUND,)) -> tuple[str, ...]:
    return tuple(find_warnings(rounds, comparisons, MARGINS, in_users))


def test_a_sound_run_is_valid_and_one_without_rounds_or_of_one_arm_or_with_many_discarded_is_not() -> None:
    assert reasons(CONTROLLED, COMPARISON) == warnings(CONTROLLED, COMPARISON) == ()
    assert reasons(CONTROLLED, parity=None) == ()  # it ended before parity was checked
    assert reasons(rounds=()) == ("nothing was measured",)
    assert reasons() == ("nothing was compared: no level was measured both on the baseline and on another",)
    assert reasons(CONTROLLED, rounds=[SPOILT, *[ROUND] * 4]) == ()
    assert reasons(CONTROLLED, rounds=[SPOILT, SPOILT, *[ROUND] * 7]) == ("2 of 9 rounds were discarded",)
    assert reasons(altered(CONTROLLED, verdict="invalid")) == (
        f"{THE_CONTROL} has too few valid rounds: throughput (fast, 4 users)",
    )


def test_a_run_that_knows_nothing_of_any_candidate_is_not_valid() -> None:
    unknown = altered(
        COMPARISON, point=None, low=None, high=None, verdict="invalid", reason="3 of 3 rounds discarded"
    )
    assert reasons(CONTROLLED, unknown) == ("nothing is known of new: 3 of 3 rounds discarded",)
    assert reasons(CONTROLLED, unknown, replace(COMPARISON, level=9.0)) == ()
    assert reasons(CONTROLLED, unknown, replace(COMPARISON, candidate="newer")) == ()


@pytest.mark.parametrize(
    ("differences", "cases", "reason"),
    [
        (1, 3, "the responses differ in 1 case"),
        (2, 3, "the responses differ in 2 cases"),
        (0, 0, "no responses were compared"),
    ],
)
def test_responses_that_differ_or_were_not_compared_make_a_run_invalid(
    differences: int, cases: int, reason: str
) -> None:
    allowed = replace(DIFFERENCE, allowed="meant to be")
    cases_each_twice = [replace(DIFFERENCE, case=f"GET /{number // 2}") for number in range(2 * differences)]
    found = (*cases_each_twice, allowed)
    assert reasons(
        CONTROLLED, parity=replace(PARITY, verdict="different", cases=cases, differences=found)
    ) == (reason,)


@pytest.mark.parametrize("verdict", ["faster", "slower"])
@pytest.mark.parametrize("metric", ["throughput", "p50"])
def test_a_control_that_differs_makes_a_run_invalid(metric: MetricName, verdict: Verdict) -> None:
    assert reasons(*MANY, altered(DIFFERING, metric=metric, verdict=verdict)) == (
        f"too noisy: {THE_CONTROL} came out {verdict} in {metric} (fast, 4 users). {REMEDY}",
    )


def test_a_tail_a_candidate_and_what_lies_within_the_margin_are_neither_reason_nor_warning() -> None:
    assert reasons(altered(DIFFERING, metric="p99", verdict="slower")) == ()
    assert reasons(replace(DIFFERING, candidate="new")) == ()
    assert reasons(DIFFERING, margins=MARGINS | {"throughput": 0.6}) == ()
    unknown = altered(NOISY, point=None, low=None, high=None)
    others = [replace(NOISY, candidate="new"), replace(NOISY, metric="p99")]
    assert warnings(*others, altered(NOISY, verdict="equivalent"), unknown) == ()


def test_a_control_that_differs_by_itself_but_not_among_many_is_a_warning_and_no_reason() -> None:
    assert reasons(SLIGHT)
    assert warnings(SLIGHT) == ()
    assert reasons(*MANY, SLIGHT) == ()
    (warning,) = warnings(*MANY, SLIGHT)
    assert warning == (
        f"{THE_CONTROL} came out faster in throughput (fast, 4 users). "
        "Among 21 comparisons this may be chance, and so may be what a candidate shows there"
    )
    assert reasons(*(replace(one, candidate="new") for one in MANY), SLIGHT)  # candidates do not count


def test_every_reason_is_given_and_all_places_of_one_in_one_sentence() -> None:
    parity = replace(PARITY, verdict="different", differences=(DIFFERENCE,))
    assert len(reasons(DIFFERING, rounds=[SPOILT], parity=parity)) == 3
    slower = altered(DIFFERING, verdict="slower")
    (reason,) = reasons(slower, replace(slower, metric="p50"))
    assert "slower in throughput (fast, 4 users); slower in p50 (fast, 4 users). Close" in reason


@pytest.mark.parametrize("metric", ["throughput", "p50"])
def test_a_control_that_cannot_be_told_equivalent_is_a_warning(metric: MetricName) -> None:
    noisy = replace(NOISY, metric=metric)
    elsewhere = replace(noisy, scenario="slow", level=1.0)
    least = f"17.4% in {metric}"  # 1.05 * sqrt(1.125 / 0.9) - 1
    assert reasons(noisy) == ()
    (warning,) = warnings(noisy, elsewhere)
    assert warning == (
        f"too noisy to detect less than {least} (fast, 4 users); {least} (slow, 1 user), for {THE_CONTROL} "
        f"cannot be shown to be equivalent. {REMEDY}"
    )


def test_discarded_and_unsteady_rounds_are_told_once_for_each_reason_and_place() -> None:
    late, unsteady = altered(SPOILT, discarded="late"), altered(ROUND, steady=False)
    others = [replace(SPOILT, block=1), replace(SPOILT, arm=CONTROL), late, unsteady, unsteady]
    assert warnings(rounds=[SPOILT, ROUND, *others]) == (
        "discarded round: baseline (fast, 4 users): spoilt",
        "discarded round: control (fast, 4 users): spoilt",
        "discarded round: baseline (fast, 4 users): late",
        "not steady after the longest warm-up: baseline (fast, 4 users), 2 rounds",
    )


def test_a_lost_worker_is_told_with_what_was_discarded_for_it() -> None:
    changes = [
        WorkerChange(worker="h/1", at_s=3661.0, change="lost", reason="it has ended"),
        WorkerChange(worker="h/3", at_s=3663.0, change="joined"),
    ]
    rounds = [ROUND, altered(ROUND, lost_workers=("h/1",)), altered(ROUND, lost_workers=("h/2", "h/1"))]
    assert tuple(describe_workers(changes, rounds, [])) == (
        "load worker h/1 was lost at 01:01:01 UTC (it has ended): 2 rounds or visits were discarded for it",
        "load worker h/3 joined at 01:01:03 UTC",
    )


def test_an_arm_that_had_to_connect_for_more_than_one_of_a_hundred_requests_is_named() -> None:
    rounds = [altered(ROUND, reconnects=9), replace(ROUND, arm=CONTROL), altered(ROUND, reconnects=12)]
    (warning,) = warnings(rounds=rounds)
    assert warning == (
        "servers closed connections, and so many requests had to connect first: "
        "1.05% of 2,000 requests baseline (fast, 4 users)"
    )
    assert warnings(rounds=[altered(ROUND, reconnects=10)]) == ()


def test_restarted_workers_and_memory_that_grows_are_named() -> None:
    restarted = [altered(ROUND, restarts=times) for times in (2, 0, 1)]
    (warning,) = warnings(rounds=[*restarted, replace(ROUND, arm=CONTROL)])
    assert "were started again: baseline (fast, 4 users) 3 times in 3 rounds. Their starts" in warning
    leaking = tuple(range(50_000_000, 70_000_000, 1_000_000))
    grown = [altered(ROUND, block=block, rss_course_bytes=leaking) for block in range(3)]
    (warning,) = warnings(rounds=[*grown, replace(ROUND, arm=CONTROL)])
    assert warning == (
        "memory grows with requests, and did not level off while measured: baseline (fast) 18.6 KiB per "
        "request, 95% interval 18.6 KiB to 18.6 KiB, over 3 blocks"
    )


def test_a_control_with_another_capacity_or_none_makes_the_run_invalid() -> None:
    same = Estimate(point=1.0, low=0.99, high=1.01, blocks=3, verdict="equivalent")
    control = Capacity(
        scenario="front", arm=CONTROL, rate_rps=Estimate(reason="why"), is_at_least=False, ratio=same
    )
    faster = Estimate(point=1.3, low=1.2, high=1.4, blocks=3, verdict="faster")
    candidate = replace(control, arm="new", ratio=faster)
    another = f"{THE_CONTROL} came out faster in capacity (front, 1.30x, 95% interval 1.20x to 1.40x)"
    none = f"{THE_CONTROL} has no capacity to compare (front): why; too few"
    for ratio, told in (
        (same, []),
        (replace(same, verdict="inconclusive"), []),
        (faster, [f"too noisy: {another}"]),
        (Estimate(verdict="invalid", reason="too few"), [none]),
    ):
        assert list(find_unlike_controls([replace(control, ratio=ratio), candidate], 0.05)) == told


STEADY = [1000.0, 1010.0, 995.0, 1005.0, 990.0, 1000.0]
FALLING = [1000.0, 962.0, 920.0, 884.0, 842.0, 800.0]


def drifts(*rounds: Round, margin: float = 0.05) -> tuple[str, ...]:
    return describe_drifts(rounds, MARGINS | {"throughput": margin}, in_users)


def test_a_trend_is_the_least_squares_line_through_the_logarithms_of_five_blocks_or_more() -> None:
    trend = find_trend({0: 812.0, 1: 790.5, 2: 845.2, 4: 861.1, 5: 877.7, 7: 923.9})
    assert trend is not None
    assert trend.blocks == 6
    # Expected: linregress of scipy 1.17.1.
    assert trend.ratio == pytest.approx(1.1505482089225478)
    assert trend.chance == pytest.approx(0.0038809355262437875)
    values = dict(enumerate(FALLING))
    forwards, backwards = find_trend(values), find_trend(dict(reversed(values.items())))
    assert forwards is not None
    assert backwards is not None
    # Sums in another order, or of numbers that lie otherwise in memory, differ in their last digit.
    assert astuple(backwards) == pytest.approx(astuple(forwards), rel=1e-12)
    assert find_trend({0: 4.0, 1: 3.0, 2: 2.0, 3: 1.0}) is None
    exact = find_trend({block: 2.0**block for block in range(5)})
    level = find_trend(dict.fromkeys(range(5), 3.0))
    assert exact is not None
    assert (exact.ratio, exact.chance) == pytest.approx((16.0, 0), abs=1e-9)
    assert level is not None
    assert (level.ratio, level.chance) == (1.0, 1.0)


def test_a_steady_run_and_a_bad_block_are_no_drift_and_a_baseline_that_drifts_is_the_machine() -> None:
    assert drifts(*rounds_of(BASELINE, STEADY), *rounds_of("new", STEADY[::-1])) == drifts() == ()
    assert drifts(*rounds_of(BASELINE, [*STEADY, 500.0])) == ()
    (drift,) = drifts(*(one for arm in (BASELINE, CONTROL, "new") for one in rounds_of(arm, FALLING)))
    assert drift == (
        "drift: the machine changed while it was measured; ratios are paired by block and bear that, "
        "absolute figures do not: the baseline's throughput -19.9% over 6 blocks (fast, 4 users)"
    )


def test_an_arm_that_drifts_beside_both_instances_of_the_baseline_is_told_of_by_its_ratio() -> None:
    (warning,) = drifts(*rounds_of(BASELINE, STEADY), *rounds_of("new", FALLING[::-1]))
    assert re.fullmatch(
        "drift: these ratios to the baseline changed from block to block, so no single one holds for the "
        r"run: new's throughput \+25.% over 6 blocks \(fast, 4 users\)".replace("25.", r"25\.\d"),
        warning,
    )
    rising = [1e6 / one for one in FALLING]  # the mean of both is 1000 in every block
    rounds = rounds_of(BASELINE, FALLING) + rounds_of(CONTROL, rising) + rounds_of("new", STEADY)
    _, arms = drifts(*rounds)
    assert "control's" in arms
    assert "new's" not in arms


def test_machine_and_arms_are_told_of_each_in_one_sentence_over_all_levels() -> None:
    here = rounds_of(BASELINE, FALLING) + rounds_of("new", STEADY)
    machine, arms = drifts(*here, *(replace(one, scenario="slow", level=1.0) for one in here))
    assert machine.count("the baseline's throughput -19.9% over 6 blocks") == 2
    assert "(fast, 4 users); " in machine
    assert machine.endswith("(slow, 1 user)")
    assert arms.count("new's throughput +") == 2


def test_only_what_is_larger_than_the_margin_and_rests_on_rounds_that_count_is_a_drift() -> None:
    rounds = rounds_of(BASELINE, FALLING)
    assert drifts(*rounds, margin=0.24)
    assert drifts(*rounds, margin=0.26) == ()
    assert drifts(*(altered(one, discarded="spoilt") if one.block < 2 else one for one in rounds)) == ()
    assert drifts(*(altered(one, rate_rps=0.0, latency_s=None) for one in rounds)) == ()
    assert drifts(*rounds_of(BASELINE, STEADY)[2:], *rounds_of("new", FALLING)) == ()  # four pairs


def test_the_open_model_is_judged_by_its_median_response_time() -> None:
    rounds = [
        altered(ROUND, block=block, offered_rps=1000.0, latency_s=replace(LATENCY, p50=10 / rate))
        for block, rate in enumerate(FALLING)
    ]
    (warning,) = drifts(*rounds)
    assert "the baseline's p50 +24.9% over 6 blocks" in warning


def test_what_is_not_known_of_servers_that_were_already_running_is_told() -> None:
    manifest = make_manifest()
    old, new = manifest.deployments
    unknown = (
        "CPU time and memory of {} are not known: it was already running; "
        "so it was neither pinned to CPUs nor started afresh for each block"
    )
    command, running = replace(new, kind="command"), replace(new, kind="url")
    assert list(find_unknowns(replace(manifest, deployments=(old, command)))) == []
    assert list(find_unknowns(replace(manifest, deployments=(old, running)))) == [unknown.format("new")]
    of_old, control = find_unknowns(replace(manifest, deployments=(replace(old, kind="url"), new)))
    assert of_old == unknown.format("old")
    assert control.startswith("the control is no second instance of old but the same server measured again")
