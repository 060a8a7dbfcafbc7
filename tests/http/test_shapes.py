"""Trees compared, and what differs by itself masked."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portcompare.http.documents import detect_format, read_tree
from portcompare.http.shapes import compare_trees, count_leaves, learn_masks
from portcompare.http.trees import ABSENT, find_place, fold_pointers, json_type, pointer_keys, pointer_to

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def gaps(ours: object, theirs: object, *others: object) -> list[tuple[str, str]]:
    """The gaps between two trees, after learning from the first and others."""
    masks = learn_masks([ours, *others])
    return [(gap.pointer, gap.aspect) for gap in compare_trees(ours, theirs, masks)]


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ({"a": 1}, {"a": 2}, [("/a", "value")]),
        ({"a": 1}, {"a": "1"}, [("/a", "type")]),
        ({"a": True}, {"a": 1}, [("/a", "type")]),
        ({"a": None}, {"a": {}}, [("/a", "type")]),
        ({"a": 1}, {}, [("/a", "presence")]),
        ({}, {"a": [1]}, [("/a", "presence")]),
        ([1, 2], [1], [("/1", "presence")]),
        ([[{"x/y": 1}]], [[{"x/y": 2}]], [("/0/0/x~1y", "value")]),
        (1, 2, [("", "value")]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
        (1, 1.0, []),
        (12345678901234567890, 12345678901234567000, [("", "value")]),
        (float("nan"), float("nan"), []),
        (float("nan"), float("inf"), [("", "value")]),
        (float("nan"), 1, [("", "type")]),
        (b"a", b"b", [("", "value")]),
        (ABSENT, {}, [("", "presence")]),
        (
            {"a": 1, "b": {"c": [1, 2, 3]}, "d": "x"},
            {"a": 2, "b": {"c": [1, 5]}, "e": "x"},
            [("/a", "value"), ("/b/c/1", "value"), *((path, "presence") for path in ("/b/c/2", "/d", "/e"))],
        ),
    ],
)
def test_values_are_compared_by_pointer_in_what_they_mean(
    ours: object, theirs: object, expected: list[tuple[str, str]]
) -> None:
    assert gaps(ours, theirs) == expected


def rows(number: int, **more: object) -> list[object]:
    return [{"id": index, "name": f"n{index}", **more} for index in range(number)]


@pytest.mark.parametrize(
    ("seen", "theirs", "expected"),
    [
        # A value that differs keeps its place and its type.
        ([{"at": 1}, {"at": 2}], {"at": 3.5}, []),
        ([{"at": 1}, {"at": 2}], {"at": "3"}, [("/at", "type")]),
        ([{"at": 1}, {"at": 2}], {}, [("/at", "presence")]),
        ([{"at": 1, "name": "a"}, {"at": 2, "name": "a"}], {"at": 3, "name": "b"}, [("/name", "value")]),
        # A value that is not always of one type, or not always there, keeps to what was seen.
        ([{"at": None}, {"at": 2}], {"at": 3}, []),
        ([{"at": None}, {"at": 2}], {"at": "x"}, [("/at", "type")]),
        ([{"at": 1, "b": {"c": 1}}, {"at": 1}], {"at": 1}, []),
        ([{"at": 1, "b": {"c": 1}}, {"at": 1}], {"at": 1, "b": {"c": 2}}, []),
        ([{"at": 1, "b": {"c": 1}}, {"at": 1}], {"at": 1, "b": {}}, [("/b/c", "presence")]),
        ([{"at": 1, "b": {"c": 1}}, {"at": 1}], {"b": 1}, [("/at", "presence"), ("/b", "type")]),
        # Of an array of varying length, each element has the shape of those seen.
        ([rows(2), rows(4)], rows(7), []),
        ([rows(2), rows(4)], [], []),
        ([rows(2), rows(4)], ["u1", "u2"], [("/*", "type")]),
        ([rows(2), rows(4)], [{"id": 1}], [("/*/name", "presence")]),
        ([rows(2), rows(4)], rows(1, extra=1), [("/*/extra", "presence")]),
        ([rows(2), rows(4)], [{"id": "1", "name": "a"}], [("/*/id", "type")]),
        ([rows(2), rows(4)], {"users": []}, [("", "type")]),
        ([rows(1, tags=[]), rows(2, tags=["a"])], rows(3, tags=[1]), [("/*/tags/*", "type")]),
        ([[], rows(1)], rows(2), []),
        # Keys that are values: ids by which an object is indexed.
        ([{"k1": rows(1), "n": 2}, {"k2": rows(1), "n": 2}], {"k9": rows(1), "n": 2}, []),
        ([{"k1": rows(1), "n": 2}, {"k2": rows(1), "n": 2}], {"k9": rows(1)}, [("/n", "presence")]),
        ([{"k1": rows(1), "n": 2}, {"k2": rows(1), "n": 2}], {"k9": 1, "n": 2}, [("/*", "type")]),
        # Of a text, the tokens that differ.
        (["tea at 12:00:01", "tea at 12:00:02"], "tea at 12:00:03", []),
        (["tea at 12:00:01", "tea at 12:00:02"], "coffee at 12:00:03", [("", "value")]),
        (["tea at 12:00:01", "tea at 12:00:02"], "tea at 12:00:03 sharp", [("", "value")]),
        (["a b", "c"], "anything else", []),
        (["/app.js?v=1a", "/app.js?v=2b"], "/other.js?v=3c", [("", "value")]),
        (["it was 2026-11-30 12:00:01", "it was 2026-11-30 12:00:02"], "it was 2026-12-01 00:00:00", []),
        (["x1", "y2"], "z3", []),
        ([b"a", b"b"], b"c", []),
    ],
)
def test_what_differs_by_itself_is_masked_at_the_smallest_place_and_keeps_its_shape(
    seen: list[object], theirs: object, expected: list[tuple[str, str]]
) -> None:
    assert gaps(seen[0], theirs, *seen[1:]) == expected


def page(body: str) -> Any:  # noqa: ANN401 - any tree
    content = f"<html><body>{body}</body></html>".encode()
    return read_tree(content, detect_format(content, "text/html"))


def listed(*words: str, tag: str = "li") -> str:
    return "<h1>List</h1><ul>" + "".join(f"<{tag} class=a><b>{word}</b></{tag}>" for word in words) + "</ul>"


@pytest.mark.parametrize(
    ("seen", "theirs", "expected"),
    [
        (["<p id=1>a</p>", "<p id=2>a</p>"], "<p id=3>b</p>", [("/html/body/p/text()", "value")]),
        (["<p id=1>a</p>", "<p id=2>a</p>"], "<p>a</p>", [("/html/body/p/@id", "presence")]),
        ([listed("x"), listed("y", "z")], listed("a", "b", "c", "d"), []),
        ([listed("x"), listed("y", "z")], listed("a", tag="dt"), [("/html/body/ul/dt", "presence")]),
        (
            [listed("x"), listed("y", "z")],
            listed("a").replace("<b>a</b>", "a"),
            [("/html/body/ul/li[*]/text()[*]", "presence"), ("/html/body/ul/li[*]/b[*]", "presence")],
        ),
        (
            [listed("x"), listed("y", "z")],
            listed("a").replace("st<", "<"),
            [("/html/body/h1/text()", "value")],
        ),
        (["<p>a</p>", "<div>flash</div><p>a</p>"], "<p>a</p>", []),
        (["<p>a</p>", "<div>flash</div><p>a</p>"], "<p>b</p>", [("/html/body/p/text()", "value")]),
        (["<p>a</p><i>b</i>", "<i>b</i><p>a</p>"], "<p>a</p><i>b</i>", []),
    ],
)
def test_elements_are_masked_by_attribute_text_and_children_of_one_name(
    seen: list[str], theirs: str, expected: list[tuple[str, str]]
) -> None:
    first, *others = map(page, seen)
    assert sorted(gaps(first, page(theirs), *others)) == sorted(expected)


@settings(max_examples=100)
@given(st.lists(JSON, min_size=1, max_size=4))
def test_what_was_seen_is_never_a_difference_and_something_is_compared_of_what_is_alike(
    trees: list[object],
) -> None:
    masks = learn_masks(trees)
    for tree in trees:
        assert list(compare_trees(trees[0], tree, masks)) == []
    assert learn_masks([trees[0], json.loads(json.dumps(trees[0]))]) == {}


@pytest.mark.parametrize(
    ("seen", "share"),
    [
        ([{"at": 1, "a": 1, "b": []}, {"at": 2, "a": 1, "b": []}], (6, 1)),
        ([{"rows": rows(2), "n": 1}, {"rows": rows(3), "n": 1}], (13, 4)),
        (["tea at 1", "tea at 2"], (1, 0)),
        (["1", "2"], (1, 1)),
        ([{"now": 1}, {"now": 2}], (2, 1)),
        ([[1], [1, 2]], (2, 1)),
        ([{"k1": 1, "n": 2}, {"k2": 1, "n": 2}], (3, 1)),
        ([page("<p id=1>a</p><!-- 1 --><i>b</i>"), page("<p id=2>a</p><!-- 2 --><i>b</i>")], (3, 1)),
    ],
)
def test_leaves_are_counted_of_which_only_the_shape_is_compared(
    seen: list[object], share: tuple[int, int]
) -> None:
    assert count_leaves(seen[0], learn_masks(seen)) == share


@settings(max_examples=25)
@given(JSON, st.text(max_size=5))
def test_any_key_can_be_pointed_at(value: object, key: str) -> None:
    assert pointer_keys(pointer_to("", key)) == [key]
    assert find_place({key: value}, key) == key
    assert gaps({key: value}, {}) == [(pointer_to("", key), "presence")]


def test_a_pointer_to_nothing_leads_nowhere() -> None:
    assert [find_place([1, 2], key) for key in ("1", "2", "-", "00", "x")] == [1, None, None, None, None]
    assert find_place({"a": 1}, "b") is None
    assert json_type(None) == "null"


@pytest.mark.parametrize(
    ("pointers", "folded"),
    [
        (["/0/at", "/1/at", "/1/n"], ["/*/at", "/1/n"]),
        (["/a/0/b/1", "/a/0/b/2"], ["/a/0/b/*"]),
        (["/ul/li/@class", "/ul/li[3]/@class", "/ul/@id"], ["/ul/li[*]/@class", "/ul/@id"]),
        (["/ul/li[*]", ""], ["/ul/li[*]", ""]),
        (["/by/a1", "/by/a2"], ["/by/a1", "/by/a2"]),
    ],
)
def test_pointers_that_differ_in_indexes_alone_are_one(pointers: list[str], folded: list[str]) -> None:
    assert fold_pointers(pointers) == folded
