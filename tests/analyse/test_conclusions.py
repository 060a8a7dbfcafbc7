from dataclasses import replace

import pytest

from portcompare.analyse.conclusions import (
    conclude,
    conclude_capacities,
    find_capacity_evidence,
    find_evidence,
    find_wrong_under_load,
)
from portcompare.records.estimates import Comparison, Estimate
from portcompare.records.pages import PageVisit
from portcompare.records.results import Summary
from portcompare.records.rounds import BASELINE, CONTROL
from portcompare.records.sweeps import Capacity
from tests.altered import altered
from tests.analyse.samples import BOUND, CANDIDATE, COMPARISON, MARGINS, ROUND, SUMMARY, in_users

RATES = altered(COMPARISON, point=1.5, low=1.49, high=1.51, verdict="faster")
MEDIANS = altered(COMPARISON, metric="p50", point=0.6, low=0.59, high=0.61, verdict="faster")
CONTROLS = [replace(COMPARISON, candidate=CONTROL, metric=metric) for metric in ("throughput", "p50")]


def headline(*comparisons: Comparison, invalid: tuple[str, ...] = ()) -> str:
    return find_evidence(comparisons, MARGINS, in_users, invalid)


def test_the_headline_tells_what_each_candidate_gains_and_loses_and_where() -> None:
    assert headline(RATES, MEDIANS) == (
        "Of 2 comparisons of throughput and median response time, 2 differences hold, however many were "
        "looked for (Holm, 5%): new is faster (fast, 4 users)."
    )
    equal = altered(MEDIANS, point=1.0, low=0.99, high=1.01, verdict="equivalent")
    assert "1 difference holds, " in headline(RATES, equal)
    assert headline(RATES, equal).endswith(": new is faster (fast, 4 users: throughput alone).")
    assert headline() == headline(*CONTROLS, invalid=("nothing was measured",)) == "Nothing was compared."
    slow = altered(RATES, scenario="slow", level=8.0, point=0.6, low=0.59, high=0.61, verdict="slower")
    newer = (replace(one, candidate="newer") for one in (RATES, MEDIANS))
    assert headline(RATES, MEDIANS, slow, replace(RATES, level=8.0), *newer).endswith(
        ": new is faster (fast, 4 users; fast, 8 users: throughput alone) and slower (slow, 8 users: "
        "throughput alone); newer is faster (fast, 4 users)."
    )


def test_what_does_not_hold_among_so_many_or_in_a_run_that_is_not_valid_is_not_told() -> None:
    slight = altered(RATES, point=1.2, low=1.06, high=1.2 * 1.2 / 1.06)
    others = [replace(COMPARISON, level=float(level)) for level in range(20)]
    assert "new is faster" in headline(slight)
    assert headline(slight, *others) == (
        "Of 21 comparisons of throughput and median response time, no difference holds, however many were "
        "looked for (Holm, 5%)."
    )
    assert headline(RATES, invalid=("the responses differ",)) == (
        "This run is not valid: its 1 comparison of throughput and median response time cannot be relied on."
    )


THROUGHPUT = altered(COMPARISON, point=1.5, low=1.4, high=1.6)
MEDIAN = altered(COMPARISON, metric="p50", point=1.0, low=0.99, high=1.01, verdict="equivalent")
TAIL = replace(MEDIAN, metric="p95")
UNBOUND = replace(SUMMARY, bound=None, bound_share=None)


def text_of(
    throughput: Comparison = THROUGHPUT,
    median: Comparison = MEDIAN,
    summary: Summary = UNBOUND,
    tail: Comparison = TAIL,
) -> str:
    (conclusion,) = conclude([throughput, median, tail], [summary], in_users)
    assert (conclusion.scenario, conclusion.candidate) == ("fast", CANDIDATE)
    return conclusion.text


def test_each_verdict_has_its_words_and_what_is_invalid_says_why() -> None:
    for verdict, says in {
        "faster": "serves more requests than",
        "slower": "serves fewer requests than",
        "equivalent": "serves as many requests as",
        "inconclusive": "serves requests at a rate with no conclusive difference from that of",
    }.items():
        text = text_of(altered(THROUGHPUT, verdict=verdict))
        assert text == f"At 4 users new {says} old (1.50x, 95% interval 1.40x to 1.60x)."
    invalid = replace(THROUGHPUT, ratio=Estimate(verdict="invalid", reason="0 blocks with a valid round"))
    assert text_of(invalid) == "At 4 users nothing can be said of new: 0 blocks with a valid round."


@pytest.mark.parametrize(
    ("median", "tail", "told"),
    [
        ({"point": 0.5, "verdict": "faster"}, {}, ", and its median response time is 50.0% of the other's."),
        ({"point": 8.0, "verdict": "slower"}, {}, ", and its median response time is 8.00x the other's."),
        ({"point": 0.9, "verdict": "equivalent"}, {}, "to 1.60x)."),
        ({"point": 0.9, "verdict": "inconclusive"}, {}, "to 1.60x)."),
        ({"point": None, "low": None, "high": None, "verdict": "invalid"}, {}, "to 1.60x)."),
        (
            {"point": 0.07, "verdict": "faster"},
            {"point": 5.0, "verdict": "slower"},
            "is 7.00% of the other's, but its p95 is 5.00x it: not all users are served alike.",
        ),
        (
            {"point": 5.0, "verdict": "slower"},
            {"point": 0.5, "verdict": "faster"},
            "is 5.00x the other's, but its p95 is 50.0% of it: not all users are served alike.",
        ),
        ({"point": 0.5, "verdict": "faster"}, {"point": 0.9, "verdict": "faster"}, "of the other's."),
        ({"point": 0.5, "verdict": "faster"}, {"point": 0.9, "verdict": "inconclusive"}, "of the other's."),
    ],
)
def test_a_median_that_differs_is_told_with_the_tail_that_it_hides(
    median: dict[str, object], tail: dict[str, object], told: str
) -> None:
    assert text_of(median=altered(MEDIAN, **median), tail=altered(TAIL, **tail)).endswith(told)


def test_only_a_gain_is_explained_by_the_baselines_bound() -> None:
    bound = replace(BOUND, name="slots", reason="8 slots, each held 200 ms by a request")
    summary = replace(SUMMARY, bound_share=0.97, bound=bound)
    for verdict in ("faster", "slower", "equivalent", "inconclusive"):
        text = text_of(altered(THROUGHPUT, verdict=verdict), summary=summary)
        explained = "; old is at 97.0% of its bound: 8 slots, each held 200 ms by a request."
        assert text.endswith(explained) is (verdict == "faster")
        assert ("bound" in text) is (verdict == "faster")


OLD = Capacity(
    scenario="front",
    arm=BASELINE,
    rate_rps=Estimate(point=300.0, low=290.0, high=310.0, blocks=3),
    is_at_least=False,
    ratio=None,
)
SAME = replace(
    OLD, arm=CONTROL, ratio=Estimate(point=1.0, low=0.99, high=1.01, blocks=3, verdict="equivalent")
)
NEW_RATIO = Estimate(point=3.0, low=2.9, high=3.1, blocks=3, verdict="faster")
NEW = replace(OLD, arm="new", rate_rps=Estimate(point=900.0, blocks=3), ratio=NEW_RATIO)
LOST = replace(
    NEW,
    rate_rps=Estimate(reason="no search came to its end"),
    ratio=Estimate(verdict="invalid", reason="nothing to compare"),
)


def capacity_headline(*others: Capacity, invalid: tuple[str, ...] = ()) -> str:
    return find_capacity_evidence((OLD, *others), 0.05, invalid)


def test_the_headline_of_capacities_tells_what_holds_and_the_control() -> None:
    holds = (
        "Of 1 comparison of capacities, 1 difference holds, however many were looked for (Holm, 5%): new is "
        "faster (front, 3.00x, 95% interval 2.90x to 3.10x). "
        "The control, the baseline measured again, was shown to have the same capacity"
    )
    unsure = altered(SAME, scenario="back", ratio=replace(NEW_RATIO, verdict="inconclusive"))
    assert capacity_headline(SAME, NEW) == f"{holds} everywhere."
    assert capacity_headline(SAME, unsure, NEW) == f"{holds} in 1 of 2: too noisy for small differences."
    assert capacity_headline(SAME, LOST) == capacity_headline() == "No capacity could be compared."
    assert capacity_headline(NEW, invalid=("the responses differ",)) == (
        "This run is not valid: its 1 comparison of capacities cannot be relied on."
    )


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"high": None}, ": new is faster (front, 3.00x, 95% interval from 2.90x on)."),
        (
            {"verdict": "slower", "point": 0.5, "low": None, "high": 0.6},
            ": new is slower (front, 0.500x, 95% interval up to 0.600x).",
        ),
        ({"low": 1.04, "high": None}, "no difference holds, however many were looked for (Holm, 5%)."),
        ({"verdict": "inconclusive"}, "no difference holds, however many were looked for (Holm, 5%)."),
        ({"verdict": "equivalent"}, "no difference holds, however many were looked for (Holm, 5%)."),
    ],
)
def test_a_capacity_differs_by_the_end_that_is_known(changes: dict[str, object], told: str) -> None:
    assert capacity_headline(replace(NEW, ratio=altered(NEW_RATIO, **changes))).endswith(told)


def test_a_capacity_that_is_chance_among_so_many_is_not_told_and_each_candidate_has_a_conclusion() -> None:
    slight = replace(NEW, ratio=replace(NEW_RATIO, point=1.2, low=1.06, high=1.2 * 1.2 / 1.06))
    others = [replace(SAME, arm="newer", scenario=f"s{number}") for number in range(20)]
    assert "new is faster" in capacity_headline(slight)
    assert "Of 21 comparisons of capacities, no difference holds," in capacity_headline(slight, *others)
    newer = replace(NEW, arm="newer", is_at_least=True, ratio=replace(NEW_RATIO, verdict="inconclusive"))
    lost = replace(LOST, arm="lost")
    interval = "3.00x, 95% interval 2.90x to 3.10x"
    found = {one.candidate: one.text for one in conclude_capacities([OLD, SAME, NEW, newer, lost], "old")}
    assert found == {
        "new": f"new has a higher capacity than old (900/s against 300/s: {interval}).",
        "newer": "newer has a capacity with no conclusive difference from that of old "
        f"(at least 900/s against 300/s: {interval}).",
        "lost": "Nothing can be said of lost against old: no search came to its end; nothing to compare.",
    }


def test_wrong_responses_under_load_are_the_headline() -> None:
    kinds, example = {"wrong body (GET /me)": 4, "status 500": 1}, "/me received 2 instead of 1"
    port = replace(ROUND, deployment="port", arm="port")
    wrong = [
        altered(
            port,
            requests=80,
            error_kinds={"wrong body (GET /me)": 3, "timeout": 9},
            wrong_examples={"wrong body (GET /me)": example},
        ),
        altered(port, level=64.0, requests=1000, error_kinds=kinds),
        altered(ROUND, arm=CONTROL, error_kinds={"status 500": 2}, requests=98),
    ]
    text = find_wrong_under_load([ROUND, *wrong], [], in_users, is_alike=True)
    assert text.startswith(
        "Wrong responses under load: port (fast, 4 users and 1 more level: of 1,097 responses "
        "7 x wrong body (GET /me), 1 x status 500), /me received 2 instead of 1; "
        f"{ROUND.deployment} again, the control (fast, 4 users: of 100 responses 2 x status 500). One "
    )
    assert "One at a time" not in find_wrong_under_load(wrong, [], in_users, is_alike=False)
    assert find_wrong_under_load([altered(ROUND, error_kinds={"timeout": 9})], [], in_users) == ""
    assert "1 x" not in find_wrong_under_load(wrong, [], in_users, searched=["fast"])
    visit = PageVisit(
        block=0,
        order=0,
        arm="port",
        deployment="port",
        page="home",
        users=8,
        loads=(),
        users_load=wrong[0].load,
    )
    assert "port (page home, 8 users: of 92 responses" in find_wrong_under_load([], [visit], in_users)
