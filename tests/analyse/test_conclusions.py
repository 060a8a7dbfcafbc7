from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from portcompare.analyse.conclusions import conclude
from portcompare.records.rounds import CONTROL
from tests.altered import altered
from tests.analyse.samples import BOUND, CANDIDATE, COMPARISON, SUMMARY, in_users

if TYPE_CHECKING:
    from portcompare.records.estimates import Comparison, Verdict
    from portcompare.records.results import Summary

THROUGHPUT = altered(COMPARISON, point=1.5, low=1.4, high=1.6)
MEDIAN = altered(COMPARISON, metric="p50", point=1.0, low=0.99, high=1.01, verdict="equivalent")
TAIL = replace(MEDIAN, metric="p95")
UNBOUND = replace(SUMMARY, bound=None, bound_share=None)


def text_of(
    throughput: Comparison,
    median: Comparison = MEDIAN,
    summary: Summary = UNBOUND,
    tail: Comparison = TAIL,
) -> str:
    tail = replace(tail, level=median.level)
    (conclusion,) = conclude([throughput, median, tail], [summary], in_users)
    assert (conclusion.scenario, conclusion.candidate) == ("fast", CANDIDATE)
    return conclusion.text


@pytest.mark.parametrize(
    ("verdict", "says"),
    [
        ("faster", "serves more requests than"),
        ("slower", "serves fewer requests than"),
        ("equivalent", "serves as many requests as"),
        ("inconclusive", "serves requests at a rate that cannot be told from that of"),
    ],
)
def test_each_verdict_has_its_words(verdict: Verdict, says: str) -> None:
    assert text_of(altered(THROUGHPUT, verdict=verdict)) == (
        f"At 4 users new {says} old (1.50x, 95% interval 1.40x to 1.60x)."
    )


def test_what_is_invalid_says_why() -> None:
    invalid = altered(
        THROUGHPUT, point=None, low=None, high=None, verdict="invalid", reason="0 blocks with a valid round"
    )
    assert text_of(invalid) == "At 4 users nothing can be said of new: 0 blocks with a valid round."


def test_one_user_is_not_called_users() -> None:
    text = text_of(replace(THROUGHPUT, level=1.0), replace(MEDIAN, level=1.0), replace(UNBOUND, level=1.0))
    assert text.startswith("At 1 user new ")


@pytest.mark.parametrize("verdict", ["faster", "slower"])
def test_a_median_that_differs_is_told(verdict: Verdict) -> None:
    text = text_of(THROUGHPUT, altered(MEDIAN, point=0.5, verdict=verdict))
    assert text.endswith(", and its median response time is 50.0% of the other's.")


@pytest.mark.parametrize("verdict", ["equivalent", "inconclusive"])
def test_a_median_that_does_not_differ_is_not_told(verdict: Verdict) -> None:
    assert "median" not in text_of(THROUGHPUT, altered(MEDIAN, point=0.9, verdict=verdict))


def test_a_median_without_a_ratio_is_not_told() -> None:
    unknown = altered(MEDIAN, point=None, low=None, high=None, verdict="invalid")
    assert "median" not in text_of(THROUGHPUT, unknown)


def test_a_faster_candidate_has_its_gain_explained_by_the_baselines_bound() -> None:
    summary = replace(
        SUMMARY,
        bound_share=0.97,
        bound=replace(BOUND, name="slots", reason="8 slots, each held 200 ms by a request"),
    )
    text = text_of(altered(THROUGHPUT, verdict="faster"), summary=summary)
    assert text.endswith("; old is at 97.0% of its bound: 8 slots, each held 200 ms by a request.")


@pytest.mark.parametrize("verdict", ["slower", "equivalent", "inconclusive"])
def test_the_bound_explains_nothing_but_a_gain(verdict: Verdict) -> None:
    assert "bound" not in text_of(altered(THROUGHPUT, verdict=verdict), summary=SUMMARY)


def test_levels_follow_one_another_in_rising_order() -> None:
    comparisons = [
        altered(one, level=level, point=level)
        for level in (64.0, 1.0, 8.0)
        for one in (THROUGHPUT, MEDIAN, TAIL)
    ]
    summaries = [replace(UNBOUND, level=level) for level in (64.0, 1.0, 8.0)]
    (conclusion,) = conclude(comparisons, summaries, in_users)
    assert conclusion.text == " ".join(
        f"At {at} new serves as many requests as old ({ratio}, 95% interval 1.40x to 1.60x)."
        for at, ratio in (("1 user", "1.00x"), ("8 users", "8.00x"), ("64 users", "64.0x"))
    )


def test_every_candidate_has_a_conclusion_in_every_scenario_and_the_control_has_none() -> None:
    comparisons = [
        replace(one, scenario=scenario, candidate=candidate)
        for scenario in ("fast", "slow")
        for candidate in (CONTROL, "new", "newer")
        for one in (THROUGHPUT, MEDIAN, TAIL)
    ]
    summaries = [replace(UNBOUND, scenario=scenario) for scenario in ("fast", "slow")]
    summaries.insert(0, replace(UNBOUND, arm=CONTROL, deployment="not this one"))
    conclusions = conclude(comparisons, summaries, in_users)
    assert [(one.scenario, one.candidate) for one in conclusions] == [
        ("fast", "new"),
        ("fast", "newer"),
        ("slow", "new"),
        ("slow", "newer"),
    ]
    assert all(f" {one.candidate} serves as many requests as old " in one.text for one in conclusions)


def test_nothing_compared_comes_to_nothing() -> None:
    assert conclude([], [], in_users) == ()


def test_each_scenarios_levels_are_worded_as_its_load_has_them() -> None:
    (conclusion,) = conclude(
        [THROUGHPUT, MEDIAN, TAIL], [UNBOUND], lambda scenario, level: f"{level} of {scenario}"
    )
    assert conclusion.text.startswith("At 4.0 of fast new ")


def test_a_slower_median_is_so_many_times_the_other() -> None:
    text = text_of(THROUGHPUT, altered(MEDIAN, point=8.0, verdict="slower"))
    assert "its median response time is 8.00x the other's" in text


@pytest.mark.parametrize(("verdict", "opposite"), [("faster", "slower"), ("slower", "faster")])
def test_a_median_that_hides_the_opposite_tail_is_told_with_it(verdict: Verdict, opposite: Verdict) -> None:
    median = altered(MEDIAN, point=0.07, verdict=verdict)
    text = text_of(THROUGHPUT, median, tail=altered(TAIL, point=5.0, verdict=opposite))
    assert text.endswith("is 7.00% of the other's, but its p95 is 5.00x it: not all users are served alike.")


@pytest.mark.parametrize("verdict", ["faster", "equivalent", "inconclusive"])
def test_a_tail_that_does_not_contradict_the_median_is_not_told(verdict: Verdict) -> None:
    median = altered(MEDIAN, point=0.5, verdict="faster")
    assert "p95" not in text_of(THROUGHPUT, median, tail=altered(TAIL, point=0.9, verdict=verdict))
