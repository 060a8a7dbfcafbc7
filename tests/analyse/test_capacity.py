from __future__ import annotations

from dataclasses import replace
from math import sqrt
from typing import TYPE_CHECKING

import pytest

from portcompare.analyse.capacity import find_bracket, find_capacities, find_unsure_searches
from portcompare.records.rounds import BASELINE
from portcompare.records.sweeps import Bracket, Trial
from tests.altered import altered
from tests.analyse.samples import ROUND

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from portcompare.records.rounds import Round
    from portcompare.records.sweeps import Capacity, Outcome

    Trials = Iterable[tuple[float, Outcome]]


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
                rounds.append(
                    altered(
                        ROUND,
                        arm=arm,
                        block=block,
                        level=rate_rps,
                        order=len(rounds),
                        discarded=discarded if outcome == "unknown" else None,
                    )
                )
    ended = {(block, ROUND.scenario, arm) for arm in over for block in range(len(trials[arm]))}
    return {one.arm: one for one in find_capacities(rounds, lambda one: outcomes[one.order], ended, margin)}


@pytest.mark.parametrize(
    ("trials", "bracket"),
    [
        ([], Bracket()),
        ([(100, "kept")], Bracket(kept_rps=100)),
        ([(100, "kept"), (200, "missed")], Bracket(kept_rps=100, doubtful_rps=200)),
        ([(100, "kept"), (200, "missed"), (200, "kept")], Bracket(kept_rps=200)),
        (
            [(100, "kept"), (200, "missed"), (200, "missed")],
            Bracket(kept_rps=100, failed_rps=200, failed_for="missed"),
        ),
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
    slow, lost = (
        Trial(rate_rps=100, outcome="unknown", discarded=why) for why in ("slow", "a worker was lost")
    )
    missed = Trial(rate_rps=100, outcome="missed")
    assert find_bracket([slow, lost], is_over=False).failed_why == "a worker was lost"
    assert find_bracket([lost, missed], is_over=False).failed_why is None
    assert find_bracket([missed, lost], is_over=False).failed_why is None


def test_a_capacity_is_the_middle_of_the_bracket_and_has_an_interval_over_blocks() -> None:
    found = capacities({BASELINE: [ended(100, 104), ended(110, 114), ended(105, 109)]})[BASELINE]
    middles = [sqrt(100 * 104), sqrt(110 * 114), sqrt(105 * 109)]
    assert found.rate_rps.point == pytest.approx((middles[0] * middles[1] * middles[2]) ** (1 / 3))
    assert found.rate_rps.low is not None
    assert found.rate_rps.high is not None
    assert found.rate_rps.low < min(middles)
    assert found.rate_rps.high > max(middles)
    assert found.rate_rps.blocks == 3
    assert not found.is_at_least
    assert found.ratio is None


def test_the_ratio_is_paired_by_block() -> None:
    found = capacities(
        {
            BASELINE: [ended(100, 104), ended(200, 208), ended(50, 52)],
            "new": [ended(200, 208), ended(400, 416), ended(100, 104)],
        }
    )["new"]
    assert found.ratio is not None
    assert found.ratio.point == pytest.approx(2)
    assert found.ratio.low == pytest.approx(2)
    assert found.ratio.verdict == "faster"


@pytest.mark.parametrize(("factor", "verdict"), [(2.0, "faster"), (0.5, "slower"), (1.0, "equivalent")])
def test_the_verdict_goes_by_the_margin(factor: float, verdict: str) -> None:
    found = capacities(
        {BASELINE: [ended(100, 104)] * 3, "new": [ended(100 * factor, 104 * factor)] * 3}, margin=0.1
    )["new"]
    assert found.ratio is not None
    assert found.ratio.verdict == verdict


def test_where_rounds_cannot_be_judged_the_capacity_is_at_least_what_was_kept() -> None:
    trials = {BASELINE: [ended(100, 104), ended(100, 104, "unknown")]}
    found = capacities(trials, discarded="a worker was lost")[BASELINE]
    assert found.is_at_least
    assert found.rate_rps.point == pytest.approx(sqrt(sqrt(100 * 104) * 100))
    assert found.rate_rps.high is None
    assert found.reason == "a worker was lost at 104/s: the capacity may be higher"


CUT_OFF: list[Trials] = [
    [(100, "kept")],
    [(100, "kept"), (200, "missed")],
    [(100, "kept"), (200, "unknown"), (200, "unknown")],
]


@pytest.mark.parametrize("trials", CUT_OFF)
def test_a_search_that_was_cut_off_before_its_end_tells_nothing(trials: Trials) -> None:
    found = capacities({BASELINE: [trials, trials]})[BASELINE]
    assert (found.rate_rps.point, found.rate_rps.blocks, found.is_at_least) == (None, 0, False)
    assert found.reason == "no search came to its end"


def test_one_that_found_nothing_more_to_try_tells_the_least() -> None:
    found = capacities({BASELINE: [[(100, "kept")], [(110, "kept")]]}, over=[BASELINE])[BASELINE]
    assert found.is_at_least
    assert (found.rate_rps.blocks, found.rate_rps.high) == (2, None)
    assert "no rate that the connections suffice for missed" in found.reason


def test_a_bracket_that_is_narrow_enough_needs_no_more_to_be_an_end() -> None:
    assert bracket_of(ended(100, 104)).estimate_rps == pytest.approx(sqrt(100 * 104))
    assert bracket_of(ended(100, 104, "unknown")).estimate_rps == 100


@pytest.mark.parametrize(
    ("factor", "at_least", "verdict"),
    [
        (2.0, "new", "faster"),
        (0.5, "new", "inconclusive"),
        (1.0, "new", "inconclusive"),
        (0.5, BASELINE, "slower"),
        (2.0, BASELINE, "inconclusive"),
        (1.0, BASELINE, "inconclusive"),
    ],
)
def test_a_verdict_never_rests_on_what_may_be_higher(factor: float, at_least: str, verdict: str) -> None:
    def why(arm: str) -> Outcome:
        return "unknown" if arm == at_least else "missed"

    found = capacities(
        {
            BASELINE: [ended(100, 101, why(BASELINE))] * 3,
            "new": [ended(100 * factor, 101 * factor, why("new"))] * 3,
        }
    )["new"]
    assert found.ratio is not None
    assert found.ratio.verdict == verdict
    assert (found.ratio.low is None, found.ratio.high is None) == (at_least == BASELINE, at_least == "new")
    whose = "the" if at_least == "new" else "the baseline's"
    is_told = found.reason.endswith(f", but {whose} capacity may be higher")
    assert is_told is (verdict == "inconclusive")


def test_a_ratio_of_two_that_may_be_higher_has_no_interval() -> None:
    open_ended = ended(100, 101, "unknown")
    found = capacities({BASELINE: [open_ended] * 3, "new": [open_ended] * 3})
    ratio = found["new"].ratio
    assert ratio is not None
    assert (ratio.point, ratio.low, ratio.high, ratio.verdict) == (1.0, None, None, "inconclusive")
    assert find_unsure_searches(found.values(), 0.05) == frozenset()


def test_an_arm_that_misses_it_at_any_rate_has_no_capacity() -> None:
    never = [(50.0, "missed"), (50.0, "missed")]
    found = capacities({BASELINE: [ended(100, 104)] * 2, "new": [never, never]}, over=["new"])["new"]  # type: ignore[list-item]
    assert found.rate_rps.point is None
    assert not found.is_at_least
    assert found.ratio is not None
    assert found.ratio.verdict == "invalid"
    assert "missed even at 50.0/s" in found.reason


def test_where_no_rate_could_be_judged_it_says_why_and_not_that_the_objective_was_missed() -> None:
    never: Trials = [(50.0, "unknown"), (50.0, "unknown")]
    found = capacities({BASELINE: [never] * 2}, over=[BASELINE], discarded="the generator was late")[BASELINE]
    assert found.reason == "nothing is known: the generator was late at 50.0/s"


def test_a_rate_that_was_missed_above_one_that_was_kept_is_not_called_the_lowest() -> None:
    found = capacities({BASELINE: [ended(100, 200)] * 2})[BASELINE]
    assert found.reason == "no search came to its end"


def test_a_search_that_was_broken_off_does_not_count() -> None:
    broken = ended(100, 200)
    found = capacities({BASELINE: [ended(100, 104), broken]})[BASELINE]
    assert found.rate_rps.blocks == 1
    alone = capacities({BASELINE: [broken]})[BASELINE]
    assert alone.rate_rps.point is None
    assert not alone.is_at_least


def test_one_block_has_a_capacity_but_neither_interval_nor_ratio() -> None:
    found = capacities({BASELINE: [ended(100, 104)], "new": [ended(200, 208)]})["new"]
    assert found.rate_rps.low is None
    assert found.ratio is not None
    assert (found.ratio.point, found.ratio.verdict) == (None, "invalid")


def test_scenarios_are_kept_apart() -> None:
    rounds = [replace(ROUND, level=level, scenario=name) for level, name in ((100.0, "fast"), (50.0, "slow"))]
    found = find_capacities(rounds, lambda _: "kept", {(0, "fast", BASELINE), (0, "slow", BASELINE)}, 0.05)
    assert [(one.scenario, one.rate_rps and one.rate_rps.point) for one in found] == [
        ("fast", 100),
        ("slow", 50),
    ]


def test_a_search_is_unsure_while_a_ratio_is_wide() -> None:
    wide = capacities({BASELINE: [ended(100, 104)] * 3, "new": [ended(f, f * 1.04) for f in (90, 100, 110)]})
    assert find_unsure_searches(wide.values(), 0.05) == {"fast"}
    at_least = capacities(
        {BASELINE: [ended(100, 104)] * 3, "new": [ended(f, f * 1.04, "unknown") for f in (90, 100, 110)]}
    )
    assert find_unsure_searches(at_least.values(), 0.05) == {"fast"}
    steady = capacities({BASELINE: [ended(100, 104)] * 3, "new": [ended(200, 208, "unknown")] * 3})
    assert steady["new"].ratio is not None
    assert steady["new"].ratio.high is None
    assert find_unsure_searches(steady.values(), 0.05) == frozenset()
    narrow = capacities({BASELINE: [ended(100, 104)] * 3, "new": [ended(200, 208)] * 3})
    assert find_unsure_searches(narrow.values(), 0.05) == frozenset()


def test_more_blocks_do_not_help_where_there_is_no_ratio() -> None:
    found = capacities({BASELINE: [ended(100, 104)], "new": [ended(200, 208)]})
    assert find_unsure_searches(found.values(), 0.05) == frozenset()
