from __future__ import annotations

from dataclasses import replace

import pytest

from portcompare.analyse.conclusions import conclude_capacities, find_capacity_headline
from portcompare.analyse.validity import find_unlike_controls
from portcompare.records.estimates import Estimate, Verdict
from portcompare.records.rounds import BASELINE, CONTROL
from portcompare.records.sweeps import Capacity

MARGIN = 0.05
OLD = Capacity(
    scenario="front",
    arm=BASELINE,
    rate_rps=Estimate(
        point=300.0, low=290.0, high=310.0, blocks=3, reason="the objective was missed at higher rates"
    ),
    is_at_least=False,
    ratio=None,
)
SAME_RATIO = Estimate(point=1.0, low=0.99, high=1.01, blocks=3, verdict="equivalent")
SAME = replace(OLD, arm=CONTROL, ratio=SAME_RATIO)
NEW_RATIO = Estimate(point=3.0, low=2.9, high=3.1, blocks=3, verdict="faster")
NEW = replace(
    OLD, arm="new", rate_rps=Estimate(point=900.0, low=880.0, high=920.0, blocks=3), ratio=NEW_RATIO
)
LOST = replace(
    NEW,
    rate_rps=Estimate(reason="no search came to its end"),
    ratio=Estimate(verdict="invalid", reason="nothing to compare"),
)


def headline(*capacities: Capacity, invalid: tuple[str, ...] = ()) -> str:
    return find_capacity_headline(capacities, MARGIN, invalid)


def test_the_headline_tells_what_holds_and_the_control() -> None:
    assert headline(OLD, SAME, NEW) == (
        "Of 1 comparison of capacities, 1 difference holds, however many were looked for (Holm, 5%): new is "
        "faster (front, 3.00x, 95% interval 2.90x to 3.10x). The control, the baseline measured again, "
        "was shown to have the same capacity everywhere."
    )


def test_what_does_not_hold_among_so_many_is_not_told() -> None:
    slight = replace(NEW, ratio=replace(NEW_RATIO, point=1.2, low=1.06, high=1.2 * 1.2 / 1.06))
    others = [replace(SAME, arm="newer", scenario=f"s{number}") for number in range(20)]
    assert "new is faster" in headline(OLD, slight)
    assert headline(OLD, slight, *others).startswith("Of 21 comparisons of capacities, no difference holds,")


@pytest.mark.parametrize("verdict", ["inconclusive", "equivalent"])
def test_a_ratio_without_a_verdict_is_no_difference(verdict: Verdict) -> None:
    assert "no difference holds" in headline(OLD, replace(NEW, ratio=replace(NEW_RATIO, verdict=verdict)))


def test_a_difference_holds_by_the_end_that_is_known() -> None:
    beyond = replace(NEW, is_at_least=True, ratio=replace(NEW_RATIO, high=None))
    assert headline(OLD, beyond).endswith(": new is faster (front, 3.00x, 95% interval from 2.90x on).")
    unsure = replace(beyond, ratio=replace(NEW_RATIO, low=1.04, high=None))
    assert "no difference holds" in headline(OLD, unsure)
    below = replace(NEW, ratio=replace(NEW_RATIO, verdict="slower", point=0.5, low=None, high=0.6))
    assert headline(OLD, below).endswith(": new is slower (front, 0.500x, 95% interval up to 0.600x).")


def test_nothing_compared_is_said() -> None:
    assert headline() == "No capacity could be compared."
    assert headline(OLD, SAME, LOST) == "No capacity could be compared."


def test_a_run_that_is_not_valid_tells_no_difference() -> None:
    assert headline(OLD, NEW, invalid=("the answers differ",)) == (
        "This run is not valid: its 1 comparison of capacities cannot be relied on."
    )


def test_a_control_that_is_not_shown_to_be_the_same_is_told() -> None:
    unsure = replace(SAME, scenario="back", ratio=replace(SAME_RATIO, verdict="inconclusive"))
    assert headline(OLD, SAME, unsure, NEW).endswith(
        " was shown to have the same capacity in 1 of 2: too noisy for small differences."
    )


def test_a_control_with_another_capacity_makes_the_run_invalid() -> None:
    faster = replace(SAME, ratio=replace(SAME_RATIO, point=1.3, low=1.2, high=1.4, verdict="faster"))
    (reason,) = find_unlike_controls([OLD, faster, NEW], MARGIN)
    assert reason == (
        "too noisy: the control, the baseline measured again, came out faster in capacity "
        "(front, 1.30x, 95% interval 1.20x to 1.40x)"
    )


def test_a_control_without_a_capacity_makes_the_run_invalid() -> None:
    (reason,) = find_unlike_controls([OLD, replace(LOST, arm=CONTROL), NEW], MARGIN)
    assert "has no capacity to compare (front): no search came to its end" in reason


def test_a_control_that_is_not_shown_to_differ_does_not() -> None:
    assert find_unlike_controls([OLD, SAME, NEW], MARGIN) == ()
    assert (
        find_unlike_controls(
            [OLD, replace(SAME, ratio=replace(SAME_RATIO, verdict="inconclusive")), LOST], MARGIN
        )
        == ()
    )


def test_each_candidate_has_a_conclusion_with_both_rates() -> None:
    newer = replace(NEW, arm="newer", is_at_least=True, ratio=replace(NEW_RATIO, verdict="inconclusive"))
    found = {one.candidate: one for one in conclude_capacities([OLD, SAME, NEW, newer], "old")}
    assert {one.scenario for one in found.values()} == {"front"}
    assert found.keys() == {"new", "newer"}
    interval = "3.00x, 95% interval 2.90x to 3.10x"
    assert found["new"].text == f"new has a higher capacity than old (900/s against 300/s: {interval})."
    assert found["newer"].text == (
        "newer has a capacity that cannot be told from that of old "
        f"(at least 900/s against 300/s: {interval})."
    )


def test_a_candidate_of_which_nothing_is_known_says_why() -> None:
    (one,) = conclude_capacities([OLD, LOST], "old")
    assert (
        one.text == "Nothing can be said of new against old: no search came to its end; nothing to compare."
    )
