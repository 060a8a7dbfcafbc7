"""Excerpts of what differs, and noise."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portcompare.parity.findings import Aspect, Finding, Noise, excerpts
from portcompare.records.requests import RequestSpec

CASE = RequestSpec(name="GET /x", target="/x")


@pytest.mark.parametrize(
    ("one", "other", "shown"),
    [
        ("hello", "", ("hello", "")),
        (
            "a" * 500 + "X" + "b" * 500,
            "a" * 500 + "Y" + "b" * 500,
            tuple("..." + "a" * 24 + letter + "b" * 55 + "..." for letter in "XY"),
        ),
        ("X" + "b" * 500, "Y" + "b" * 500, tuple(letter + "b" * 79 + "..." for letter in "XY")),
        ("a" * 100, "a" * 100 + "more", ("..." + "a" * 24, "..." + "a" * 24 + "more")),
    ],
    ids=["short", "long", "at the start", "at the end"],
)
def test_texts_are_cut_alike_around_their_first_difference(
    one: str, other: str, shown: tuple[str, str]
) -> None:
    assert excerpts(one, other) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\r\nb", r"a\r\nb"), ("\x1b[31m", r"\x1b[31m"), ("\N{NO-BREAK SPACE}", r"\xa0"), ("é", "é")],
)
def test_invisible_characters_are_escaped(text: str, shown: str) -> None:
    assert excerpts(text, "") == (shown, "")
    assert excerpts(text + "a" * 100, "")[0].startswith(shown)


@settings(max_examples=25)
@given(st.text(max_size=100), st.text(max_size=100), st.text(max_size=100))
def test_the_excerpts_of_different_texts_differ(same: str, one: str, other: str) -> None:
    shown = excerpts(same + "x" + one, same + "y" + other)
    assert shown[0] != shown[1]
    assert all(char.isprintable() for char in "".join(shown))


def at(pointer: str, aspect: Aspect = "value", kind: str = "json") -> Finding:
    one: Any = kind
    return Finding(kind=one, pointer=pointer, aspect=aspect, severity="changes", baseline="", candidate="")


@pytest.mark.parametrize(
    ("noise", "finding", "hidden"),
    [
        (at("/a"), at("/a"), True),
        (at("/a"), at("/b"), False),
        (at("/a"), at("/a", "type"), False),
        (at("/a"), at("/a", "presence"), False),
        (at("/a", "type"), at("/a"), True),
        (at("/a", "type"), at("/a/b", "presence"), True),
        (at("/a", "type"), at("/a", "presence"), False),
        (at("/a", "presence"), at("/a", "type"), True),
        (at("/a"), at("/a/b"), False),
        (at("/a/3", "length"), at("/a/4", "length"), True),
        (at("/a/3", "length"), at("/a/0/id"), True),
        (at("/a/3", "length"), at("/a", "type"), False),
        (at("/a/3", "length"), at("/ab"), False),
        (at("/0", "length"), at("/1", "length"), True),
        (at("", "type"), at("/a"), True),
        (at("", "value", "body"), at("", "value", "body"), True),
        (at("", "value", "body"), at("", "presence", "body"), False),
        (at("", "value", "body"), at(""), False),
        (at("Set-Cookie: a", "value", "header"), at("Set-Cookie: a; Path", "value", "header"), False),
        (at("Set-Cookie: a", "presence", "header"), at("Set-Cookie: a; Path", "value", "header"), True),
        (at("", "value", "status"), at("", "value", "status"), False),
    ],
)
def test_noise_hides_what_cannot_be_compared_and_nothing_else(
    noise: Finding,
    finding: Finding,
    hidden: bool,  # noqa: FBT001 - a column of the table
) -> None:
    assert Noise.of([noise]).hides(finding) is hidden


def test_each_place_that_is_not_compared_is_listed_once() -> None:
    findings = [at("/b"), at("/a/0", "length"), at("/a/1", "length"), at("")]
    findings += [at("", "value", "body"), at("ETag", "value", "header")]
    places = ["body", "ETag", "the whole JSON", "/a", "/b"]
    assert Noise.of(findings).describe(CASE) == [f"GET /x: {place}" for place in places]


@pytest.mark.parametrize(
    ("findings", "masks"),
    [
        ([], ()),
        ([at("ETag", "value", "header")], ()),
        ([at("/a"), at("/b/2", "length")], ("/a", "/b")),
        ([at("/a/b", "presence"), at("/a/c", "type")], ("/a",)),
        ([at("/a", "presence")], ("",)),
        ([at("")], ("",)),
        ([at("", "type")], None),
        ([at("", "value", "body")], None),
    ],
)
def test_under_load_what_is_not_always_alike_is_masked(
    findings: list[Finding], masks: tuple[str, ...] | None
) -> None:
    assert Noise.of(findings).masks() == masks
