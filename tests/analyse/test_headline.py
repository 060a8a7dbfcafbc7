from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from portcompare.analyse.conclusions import find_headline
from portcompare.records.rounds import CONTROL
from tests.altered import altered
from tests.analyse.samples import COMPARISON, MARGINS, in_users

if TYPE_CHECKING:
    from portcompare.records.estimates import Comparison, Verdict

RATES = altered(COMPARISON, point=1.5, low=1.49, high=1.51, verdict="faster")
MEDIANS = altered(COMPARISON, metric="p50", point=0.6, low=0.59, high=0.61, verdict="faster")
CONTROLS = [replace(COMPARISON, candidate=CONTROL, metric=metric) for metric in ("throughput", "p50")]


def headline(*comparisons: Comparison, invalid: tuple[str, ...] = ()) -> str:
    return find_headline(comparisons, MARGINS, in_users, invalid)


def test_it_counts_the_comparisons_and_tells_what_holds() -> None:
    assert headline(RATES, MEDIANS) == (
        "Of 2 comparisons of throughput and median response time, 2 differences hold, however many were "
        "looked for (Holm, 5%): new is faster (fast, 4 users)."
    )


def test_a_difference_in_one_metric_alone_is_told_as_such() -> None:
    equal = altered(MEDIANS, point=1.0, low=0.99, high=1.01, verdict="equivalent")
    assert "1 difference holds, " in headline(RATES, equal)
    assert headline(RATES, equal).endswith(": new is faster (fast, 4 users: throughput alone).")


def test_each_candidate_is_told_with_what_it_gains_and_loses_and_where() -> None:
    slow = altered(RATES, scenario="slow", level=8.0, point=0.6, low=0.59, high=0.61, verdict="slower")
    text = headline(
        RATES,
        MEDIANS,
        slow,
        replace(RATES, level=8.0),
        *(replace(o, candidate="newer") for o in (RATES, MEDIANS)),
    )
    assert text.endswith(
        ": new is faster (fast, 4 users; fast, 8 users: throughput alone) and slower (slow, 8 users: "
        "throughput alone); newer is faster (fast, 4 users)."
    )


def test_what_does_not_hold_among_so_many_is_not_told() -> None:
    slight = altered(RATES, point=1.2, low=1.06, high=1.2 * 1.2 / 1.06)
    others = [replace(COMPARISON, level=float(level)) for level in range(20)]
    assert "new is faster" in headline(slight)
    assert headline(slight, *others) == (
        "Of 21 comparisons of throughput and median response time, no difference holds, however many were "
        "looked for (Holm, 5%)."
    )


def test_an_equivalent_control_is_told() -> None:
    assert headline(RATES, *CONTROLS).endswith(
        " The control, the baseline measured again, was shown to be equivalent everywhere."
    )


@pytest.mark.parametrize("verdict", ["faster", "slower", "inconclusive", "invalid"])
def test_a_control_that_is_not_equivalent_is_told(verdict: Verdict) -> None:
    rates, medians = CONTROLS
    assert headline(RATES, altered(rates, verdict=verdict), medians).endswith(
        " was shown to be equivalent in 1 of 2: too noisy for small differences."
    )


def test_the_controls_tails_do_not_count() -> None:
    tail = altered(CONTROLS[0], metric="p99", verdict="inconclusive")
    assert headline(RATES, *CONTROLS, tail).endswith(" everywhere.")


def test_a_run_that_is_not_valid_tells_no_difference() -> None:
    assert headline(RATES, invalid=("the answers differ",)) == (
        "This run is not valid: its 1 comparison of throughput and median response time cannot be relied on."
    )


def test_nothing_compared_is_said() -> None:
    assert headline() == "Nothing was compared."
    assert headline(*CONTROLS, invalid=("nothing was measured",)) == "Nothing was compared."
