from __future__ import annotations

import pytest

from portcompare.parity.compare import compare_json


def found(ours: object, theirs: object) -> list[tuple[str, str, str, str]]:
    return [
        (each.pointer, each.severity, each.baseline, each.candidate) for each in compare_json(ours, theirs)
    ]


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ({"a": 1}, {"a": 2}, ("/a", "changes", "1", "2")),
        ({"a": 1}, {"a": "1"}, ("/a", "breaks", "number 1", 'string "1"')),
        ({"a": True}, {"a": 1}, ("/a", "breaks", "boolean true", "number 1")),
        ({"a": None}, {"a": {}}, ("/a", "breaks", "null null", "object {}")),
        ({"a": 1}, {}, ("/a", "breaks", "1", "(absent)")),
        ({}, {"a": [1]}, ("/a", "changes", "(absent)", "[1]")),
        ([1, 2], [1], ("/1", "breaks", "2", "(absent)")),
        ([1], [1, "é"], ("/1", "changes", "(absent)", '"é"')),
        ([[{"x/y": 1}]], [[{"x/y": 2}]], ("/0/0/x~1y", "changes", "1", "2")),
        (1, 2, ("", "changes", "1", "2")),
    ],
)
def test_a_difference_is_told_by_its_place(
    ours: object, theirs: object, expected: tuple[str, str, str, str]
) -> None:
    assert found(ours, theirs) == [expected]


@pytest.mark.parametrize(
    ("ours", "theirs"), [({"a": 1, "b": 2}, {"b": 2, "a": 1}), (1, 1.0), ([], []), ({"a": None}, {"a": None})]
)
def test_what_means_the_same_is_alike(ours: object, theirs: object) -> None:
    assert found(ours, theirs) == []


def test_every_place_is_told() -> None:
    ours = {"a": 1, "b": {"c": [1, 2, 3]}, "d": "x"}
    theirs = {"a": 2, "b": {"c": [1, 5]}, "e": "x"}

    assert [pointer for pointer, *_ in found(ours, theirs)] == ["/a", "/b/c/1", "/b/c/2", "/d", "/e"]
