"""Excerpts of what differs."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portcompare.http.bodies import excerpts


@pytest.mark.parametrize(
    ("one", "other", "shown"),
    [
        ("a" * 500 + "X" + "b" * 500, "a" * 500 + "Y" + "b" * 500, f"...{'a' * 24}X{'b' * 55}..."),
        ("X" + "b" * 500, "Y" + "b" * 500, "X" + "b" * 79 + "..."),
        ("a" * 100 + "X", "a" * 100 + "Y", "..." + "a" * 24 + "X"),
    ],
    ids=["long", "at the start", "at the end"],
)
def test_texts_are_cut_alike_around_their_first_difference(one: str, other: str, shown: str) -> None:
    assert excerpts(one, other) == (shown, shown.replace("X", "Y"))


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
