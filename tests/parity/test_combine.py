from __future__ import annotations

from dataclasses import replace

import pytest

from portcompare.parity import combine_parity
from portcompare.records.parity import Difference, Parity


def difference(case: str) -> Difference:
    return Difference(
        case=case,
        deployment="new",
        kind="status",
        pointer="",
        severity="breaks",
        baseline="200",
        candidate="404",
    )


ALIKE = Parity(equal=True, cases=3, deployments=("new",), differences=(), masked=())
UNLIKE = replace(ALIKE, equal=False)


def test_two_checks_without_a_difference_are_one() -> None:
    assert combine_parity(ALIKE, ALIKE) == ALIKE


@pytest.mark.parametrize(("before", "after"), [(ALIKE, UNLIKE), (UNLIKE, ALIKE), (UNLIKE, UNLIKE)])
def test_equal_is_only_what_stayed_equal(before: Parity, after: Parity) -> None:
    assert not combine_parity(before, after).equal


def test_what_both_checks_found_is_told_once_in_the_order_it_was_found() -> None:
    before = replace(ALIKE, equal=False, differences=(difference("a"), difference("b")), masked=("x", "y"))
    after = replace(ALIKE, equal=False, differences=(difference("b"), difference("c")), masked=("y", "z"))

    combined = combine_parity(before, after)

    assert [each.case for each in combined.differences] == ["a", "b", "c"]
    assert combined.masked == ("x", "y", "z")


def test_a_difference_found_again_at_another_address_is_the_same() -> None:
    before = replace(difference("a"), curl_candidate="curl http://127.0.0.1:1/")
    after = replace(difference("a"), curl_candidate="curl http://127.0.0.1:2/", from_order=True)

    combined = combine_parity(replace(UNLIKE, differences=(before,)), replace(UNLIKE, differences=(after,)))

    assert combined.differences == (after,)


def test_warnings_of_both_checks_are_told_once() -> None:
    combined = combine_parity(replace(ALIKE, warnings=("x", "y")), replace(ALIKE, warnings=("y", "z")))

    assert combined.warnings == ("x", "y", "z")
