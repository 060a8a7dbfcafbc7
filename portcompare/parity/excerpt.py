"""Showing where two texts differ, in a line each."""

from __future__ import annotations

_EXCERPT_CHARS = 80
_LEAD_CHARS = 24
_CUT = "..."


def excerpts(one: str, other: str) -> tuple[str, str]:
    """Two texts, cut alike to what stands around their first difference.

    Args:
        one: A text.
        other: Another one.

    Returns:
        Both texts, whole if they are short; what cannot be seen is escaped, and dots stand for what is cut.
    """
    if max(len(one), len(other)) <= _EXCERPT_CHARS:
        return printable(one), printable(other)
    start = max(_first_difference(one, other) - _LEAD_CHARS, 0)
    return _cut(one, start), _cut(other, start)


def _first_difference(one: str, other: str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def _cut(text: str, start: int) -> str:
    end = start + _EXCERPT_CHARS
    before, after = _CUT if start else "", _CUT if end < len(text) else ""
    return before + printable(text[start:end]) + after


def printable(text: str) -> str:
    """A text in one line; escaped, an invisible character shows and does not move the cursor."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text
    )
