from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from math import sqrt

import pytest

from portcompare.analyse.sweeps import find_bracket, find_capacities, find_knees, find_unsure_searches
from portcompare.records.estimates import Estimate
from portcompare.records.rounds import BASELINE, Round
from portcompare.records.sweeps import Bracket, Capacity, Outcome, Trial
from tests.altered import altered, known
from tests.analyse.samples import ROUND

Trials = Iterable[tuple[float, Outcome]]


def sweep(rates_rps: Mapping[float, Sequence[float]]) -> list[Round]:
    """A round for each level and block."""
    return [
        altered(ROUND, level=float(level), block=block, rate_rps=rate_rps)
        for level, rates in rates_rps.items()
        for block, rate_rps in enumerate(rates)
    ]


@pytest.mark.parametrize(
    ("rates_rps", "knee", "ceiling_rps"),
    [
        # Eight threads that wait 0.2 s: 5/s for each user, 40/s in all.
        ({users: [min(users, 8) * 5.0] * 3 for users in (1, 2, 16, 32, 64)}, 8, 40),
        # Of the open model it is the ceiling itself.
        ({rate: [min(rate, 730.0)] * 3 for rate in (100, 400, 800, 1600)}, 730, 730),
        # Rates that fall again do not lower the ceiling.
        ({1: [100.0] * 3, 8: [700.0] * 3, 32: [500.0] * 3, 64: [400.0] * 3}, 7, 700),
        # The luck of a block cancels.
        ({1: [100, 50, 200], 8: [800, 400, 1600], 16: [800, 400, 1600]}, 8, 800),
    ],
)
def test_the_knee_is_where_the_lowest_levels_rate_meets_the_ceiling(
    rates_rps: Mapping[float, Sequence[float]], knee: float, ceiling_rps: float
) -> None:
    (found,) = find_knees(sweep(rates_rps))
    assert known(found.load) == pytest.approx((knee, knee, knee))
    assert found.is_reached
    assert found.rate_rps == pytest.approx(ceiling_rps)
    assert (found.scenario, found.arm) == ("fast", "baseline")
    assert (found.levels, found.load.blocks) == (len(rates_rps), 3)


@pytest.mark.parametrize(
    ("rates_rps", "is_reached"),
    [
        ({1: [100.0], 8: [400.0], 16: [400.0 * 1.06]}, "reached"),
        ({1: [100.0], 8: [400.0], 16: [400.0 * 1.08]}, "beyond"),
        ({1: [100.0], 8: [400.0], 16: [400.0 * 0.8]}, "reached"),
        ({users: [users * 5.0] for users in (1, 8, 64)}, "beyond"),
        # 64 users bring no more than 60 did, but more than 32 did, in proportion.
        ({1: [10.0], 32: [320.0], 60: [600.0], 64: [600.0]}, "beyond"),
        ({10: [10.0], 11: [10.0], 12: [10.0]}, "beyond"),
    ],
)
def test_the_ceiling_is_reached_where_twice_the_load_brings_less_than_seven_percent(
    rates_rps: Mapping[float, Sequence[float]], is_reached: str
) -> None:
    (knee,) = find_knees(sweep(rates_rps))
    assert knee.is_reached is (is_reached == "reached")
    assert knee.load.interval is None  # there is one block
    if not knee.is_reached:
        assert knee.load.point == max(rates_rps)


def test_only_rounds_that_count_in_blocks_of_both_asymptotes_make_a_knee_and_noise_widens_it() -> None:
    rounds = sweep({1: [100.0] * 3, 8: [800.0] * 2, 16: [790.0] * 3})
    (knee,) = find_knees(rounds)
    assert knee.load.blocks == 2
    assert find_knees(one for one in rounds if one.level != 16) == ()  # two levels have none
    assert find_knees(altered(one, discarded="spoilt") if one.level == 16 else one for one in rounds) == ()
    assert find_knees(altered(one, rate_rps=0.0) if one.level == 16 else one for one in rounds) == ()
    assert find_knees(one for one in rounds if (one.level == 8) == (one.block == 1)) == ()
    (noisy,) = find_knees(sweep({1: [100, 110, 90], 8: [800, 800, 800], 16: [800, 790, 810]}))
    point, low, high = known(noisy.load)
    assert low < point < high


def test_each_arm_and_scenario_has_a_knee_and_a_capacity_of_its_own() -> None:
    rounds = sweep({1: [100.0], 8: [800.0], 16: [800.0]})
    other = [altered(one, arm="new", rate_rps=one.level * 10 if one.level < 9 else 85.0) for one in rounds]
    slow = [replace(one, scenario="slow") for one in rounds]
    knees = {(one.scenario, one.arm): one.load.point for one in find_knees([*rounds, *other, *slow])}
    expected = {("fast", "baseline"): 8.0, ("fast", "new"): 8.5, ("slow", "baseline"): 8.0}
    assert knees == pytest.approx(expected)
    rounds = [replace(ROUND, level=level, scenario=name) for level, name in ((100.0, "fast"), (50.0, "slow"))]
    found = find_capacities(rounds, lambda _: "kept", {(0, "fast", BASELINE), (0, "slow", BASELINE)}, 0.05)
    assert [(one.scenario, one.rate_rps.point) for one in found] == [("fast", 100), ("slow", 50)]


def ended(kept: float, failed: float, why: Outcome = "missed") -> Trials:
    """A search that came to its end."""
    return [(kept, "kept"), (failed, why), (failed, why)]


def bracket_of(trials: Trials, *, is_over: bool = False) -> Bracket:
    return find_bracket((Trial(rate_rps=at, outcome=outcome) for at, outcome in trials), is_over=is_over)


def capacities(
    trials: Mapping[str, Sequence[Trials]],
    margin: float = 0.05,
    over: Collection[str] = (),
    discarded: str | None = None,
) -> dict[str, Capacity]:
    """Capacities by arm, from the trials of each arm and block; some arms found nothing more to try."""
    outcomes: dict[int, Outcome] = {}
    rounds: list[Round] = []
    for arm, blocks in trials.items():
        for block, found in enumerate(blocks):
            for rate_rps, outcome in found:
                outcomes[len(rounds)] = outcome
                why = discarded if outcome == "unknown" else None
                place = {"arm": arm, "block": block, "level": rate_rps, "order": len(rounds)}
                rounds.append(altered(ROUND, discarded=why, **place))
    ended = {(block, ROUND.scenario, arm) for arm in over for block in range(len(trials[arm]))}
    return {one.arm: one for one in find_capacities(rounds, lambda one: outcomes[one.order], ended, margin)}


def ratio_of(baseline: Sequence[Trials], new: Sequence[Trials], margin: float = 0.05) -> Estimate:
    ratio = capacities({BASELINE: baseline, "new": new}, margin)["new"].ratio
    assert ratio is not None
    return ratio


@pytest.mark.parametrize(
    ("trials", "bracket"),
    [
        ([], Bracket()),
        ([(100, "kept")], Bracket(kept_rps=100)),
        ([(100, "kept"), (200, "missed")], Bracket(kept_rps=100, doubtful_rps=200)),
        ([(100, "kept"), (200, "missed"), (200, "kept")], Bracket(kept_rps=200)),
        (ended(100, 200), Bracket(kept_rps=100, failed_rps=200, failed_for="missed")),
        ([(100, "missed"), (100, "missed")], Bracket(failed_rps=100, failed_for="missed")),
        ([(100, "unknown"), (100, "unknown")], Bracket(failed_rps=100, failed_for="unknown")),
        ([(100, "unknown"), (100, "missed")], Bracket(failed_rps=100, failed_for="missed")),
        (
            [*ended(100, 200), (150, "missed"), (150, "missed"), (120, "kept")],
            Bracket(kept_rps=120, failed_rps=150, failed_for="missed"),
        ),
    ],
)
def test_trials_make_a_bracket(trials: Trials, bracket: Bracket) -> None:
    assert bracket_of(trials) == bracket
    assert bracket_of(trials, is_over=True) == replace(bracket, is_over=True)


def test_a_bracket_says_why_its_end_could_not_be_judged() -> None:
    slow, lost = (Trial(rate_rps=100, outcome="unknown", discarded=why) for why in ("slow", "lost"))
    missed = Trial(rate_rps=100, outcome="missed")
    for trials, why in (([slow, lost], "lost"), ([lost, missed], None), ([missed, lost], None)):
        assert find_bracket(trials, is_over=False).failed_why == why


def test_a_capacity_is_the_middle_of_the_bracket_and_has_an_interval_over_blocks() -> None:
    found = capacities({BASELINE: [ended(100, 104), ended(110, 114), ended(105, 109)]})[BASELINE]
    middles = [sqrt(100 * 104), sqrt(110 * 114), sqrt(105 * 109)]
    point, low, high = known(found.rate_rps)
    assert point == pytest.approx((middles[0] * middles[1] * middles[2]) ** (1 / 3))
    assert low < min(middles) < max(middles) < high
    assert (found.rate_rps.blocks, found.is_at_least, found.ratio) == (3, False, None)
    assert found.reason == "the objective was missed at higher rates"


def test_the_ratio_is_paired_by_block_and_a_narrow_bracket_needs_no_more_to_be_an_end() -> None:
    assert bracket_of(ended(100, 104)).estimate_rps == pytest.approx(sqrt(100 * 104))
    assert bracket_of(ended(100, 104, "unknown")).estimate_rps == 100
    baseline = [ended(100, 104), ended(200, 208), ended(50, 52)]
    ratio = ratio_of(baseline, [ended(200, 208), ended(400, 416), ended(100, 104)])
    assert (ratio.point, ratio.low) == pytest.approx((2, 2))
    assert ratio.verdict == "faster"


def test_where_something_else_than_the_server_ends_a_search_the_capacity_is_at_least_what_was_kept() -> None:
    trials = {BASELINE: [ended(100, 104), ended(100, 104, "unknown")]}
    found = capacities(trials, discarded="a worker was lost")[BASELINE]
    assert found.is_at_least
    assert found.rate_rps.point == pytest.approx(sqrt(sqrt(100 * 104) * 100))
    assert found.rate_rps.high is None
    assert found.reason == "a worker was lost at 104/s: the capacity may be higher"
    found = capacities({BASELINE: [[(100, "kept")], [(110, "kept")]]}, over=[BASELINE])[BASELINE]
    assert (found.is_at_least, found.rate_rps.blocks, found.rate_rps.high) == (True, 2, None)
    assert "no rate that the connections suffice for missed" in found.reason


CUT_OFF: list[Trials] = [
    [(100, "kept")],
    [(100, "kept"), (200, "missed")],
    [(100, "kept"), (200, "unknown"), (200, "unknown")],
    ended(100, 200),
]


@pytest.mark.parametrize("trials", CUT_OFF)
def test_a_search_that_was_cut_off_before_its_end_does_not_count(trials: Trials) -> None:
    found = capacities({BASELINE: [trials, trials]})[BASELINE]
    assert (found.rate_rps.point, found.rate_rps.blocks, found.is_at_least) == (None, 0, False)
    assert found.reason == "no search came to its end"
    assert capacities({BASELINE: [ended(100, 104), trials]})[BASELINE].rate_rps.blocks == 1


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (
            "missed",
            "the objective was missed even at 50.0/s, the lowest rate whose rounds hold enough requests",
        ),
        ("unknown", "nothing is known: the generator was late at 50.0/s"),
    ],
)
def test_an_arm_that_keeps_it_at_no_rate_has_no_capacity_and_says_why(outcome: Outcome, reason: str) -> None:
    never: list[Trials] = [[(50.0, outcome), (50.0, outcome)]] * 2
    trials: dict[str, list[Trials]] = {BASELINE: [ended(100, 104)] * 2, "new": never}
    found = capacities(trials, over=["new"], discarded="the generator was late")["new"]
    assert (found.rate_rps.point, found.is_at_least, found.rate_rps.reason) == (None, False, reason)
    assert found.ratio is not None
    assert found.ratio.verdict == "invalid"


@pytest.mark.parametrize(
    ("factor", "at_least", "verdict"),
    [
        (2.0, "", "faster"),
        (0.5, "", "slower"),
        (1.0, "", "equivalent"),
        (2.0, "new", "faster"),
        (0.5, "new", "inconclusive"),
        (1.0, "new", "inconclusive"),
        (0.5, BASELINE, "slower"),
        (2.0, BASELINE, "inconclusive"),
        (1.0, BASELINE, "inconclusive"),
    ],
)
def test_a_verdict_never_rests_on_what_may_be_higher(factor: float, at_least: str, verdict: str) -> None:
    why: dict[str, Outcome] = {BASELINE: "missed", "new": "missed", at_least: "unknown"}
    new = ended(100 * factor, 101 * factor, why["new"])
    ratio = ratio_of([ended(100, 101, why[BASELINE])] * 3, [new] * 3)
    assert ratio.verdict == verdict
    assert (ratio.low is None, ratio.high is None) == (at_least == BASELINE, at_least == "new")
    whose = "the" if at_least == "new" else "the baseline's"
    is_told = ratio.reason.endswith(f", but {whose} capacity may be higher")
    assert is_told is (verdict == "inconclusive")


def test_a_ratio_of_two_that_may_be_higher_has_no_interval_and_one_block_has_no_ratio() -> None:
    open_ended = [ended(100, 101, "unknown")] * 3
    ratio = ratio_of(open_ended, open_ended)
    assert (ratio.point, ratio.low, ratio.high, ratio.verdict) == (1.0, None, None, "inconclusive")
    single = ratio_of([ended(100, 104)], [ended(200, 208)])
    assert (single.point, single.verdict) == (None, "invalid")


UNEVEN: list[Trials] = [ended(rate, rate * 1.04) for rate in (90, 100, 110)]


@pytest.mark.parametrize(
    ("new", "unsure"),
    [
        (UNEVEN, {"fast"}),
        ([ended(rate, rate * 1.04, "unknown") for rate in (90, 100, 110)], {"fast"}),
        ([ended(200, 208)] * 3, set()),
        ([ended(200, 208, "unknown")] * 3, set()),  # its interval has one end alone
        ([ended(200, 208)], set()),  # more blocks do not help where there is no ratio
    ],
)
def test_a_search_is_unsure_while_a_ratio_is_wide(new: Sequence[Trials], unsure: set[str]) -> None:
    found = capacities({BASELINE: [ended(100, 104)] * 3, "new": new})
    assert find_unsure_searches(found.values(), 0.05) == unsure
