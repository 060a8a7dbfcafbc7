from __future__ import annotations

import pytest

from portcompare.parity.compare import compare_cookies


def found(ours: list[str], theirs: list[str]) -> list[tuple[str, str, str, str]]:
    return [
        (each.pointer, each.severity, each.baseline, each.candidate) for each in compare_cookies(ours, theirs)
    ]


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (["a=1"], ["a=2"], [("Set-Cookie: a", "changes", "1", "2")]),
        (["a=1; Path=/"], [], [("Set-Cookie: a", "breaks", "a=1; Path=/", "(absent)")]),
        ([], ["a=1"], [("Set-Cookie: a", "changes", "(absent)", "a=1")]),
        (["a=1; HttpOnly"], ["a=1"], [("Set-Cookie: a; HttpOnly", "changes", "(set)", "(absent)")]),
        (["a=1; Path=/x"], ["a=1; Path=/"], [("Set-Cookie: a; Path", "changes", "/x", "/")]),
        (["a=1"], ["a=1; Priority=High"], [("Set-Cookie: a; Priority", "changes", "(absent)", "High")]),
        (["a=1", "a=2"], ["a=1", "a=3"], [("Set-Cookie: a (2)", "changes", "2", "3")]),
    ],
)
def test_cookies_are_compared_by_name_and_attribute(
    ours: list[str], theirs: list[str], expected: list[tuple[str, str, str, str]]
) -> None:
    assert found(ours, theirs) == expected


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (["a=1; Path=/; HttpOnly"], ["a=1;httponly;path=/"]),
        (["a=1; SameSite=Lax; Domain=Example.org"], ["a=1; samesite=lax; domain=example.org"]),
        (["a=1", "b=2"], ["b=2", "a=1"]),
    ],
)
def test_spelling_and_order_do_not_count(ours: list[str], theirs: list[str]) -> None:
    assert found(ours, theirs) == []
