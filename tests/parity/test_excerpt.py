from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcompare.parity.findings import excerpts


def test_short_texts_are_shown_whole() -> None:
    assert excerpts("hello", "") == ("hello", "")


def test_long_texts_are_cut_alike_around_their_first_difference() -> None:
    one, other = excerpts("a" * 500 + "X" + "b" * 500, "a" * 500 + "Y" + "b" * 500)

    assert one == "..." + "a" * 24 + "X" + "b" * 55 + "..."
    assert other == one.replace("X", "Y")


def test_a_difference_at_the_start_is_not_cut_before() -> None:
    one, other = excerpts("X" + "b" * 500, "Y" + "b" * 500)

    assert one == "X" + "b" * 79 + "..."
    assert other == "Y" + "b" * 79 + "..."


def test_of_a_text_that_only_goes_on_its_end_is_shown() -> None:
    assert excerpts("a" * 100, "a" * 100 + "more") == ("..." + "a" * 24, "..." + "a" * 24 + "more")


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\r\nb", r"a\r\nb"), ("\x1b[31m", r"\x1b[31m"), ("\N{NO-BREAK SPACE}", r"\xa0"), ("é", "é")],
)
def test_what_cannot_be_seen_is_escaped(text: str, shown: str) -> None:
    assert excerpts(text, "") == (shown, "")
    assert excerpts(text + "a" * 100, "")[0].startswith(shown)


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=300))
def test_the_excerpts_of_different_texts_differ(same: str, one: str, other: str) -> None:
    shown = excerpts(same + "x" + one, same + "y" + other)

    assert shown[0] != shown[1]
    assert all(char.isprintable() for char in "".join(shown))
