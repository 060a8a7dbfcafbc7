"""What comparing two answers comes to, before it is known what of it differs by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from portcompare.records.parity import DifferenceKind, Severity

_EXCERPT_CHARS = 80
_LEAD_CHARS = 24
_CUT = "..."


def excerpts(one: str, other: str) -> tuple[str, str]:
    """Two texts, cut alike to what stands around their first difference."""
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


Aspect = Literal["presence", "type", "length", "value"]
ABSENT = "(absent)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One way in which two answers differ."""

    kind: DifferenceKind  # As in `Difference`
    pointer: str  # As in `Difference`
    aspect: Aspect  # In what they differ there: whether there is anything, its type, its length, or its value
    severity: Severity  # As in `Difference`
    baseline: str  # What the one says there, as it is shown
    candidate: str  # What the other says there

    @property
    def place(self) -> tuple[DifferenceKind, str, Aspect]:
        """What makes it the same finding in another pair of answers."""
        return self.kind, self.pointer, self.aspect


def make_finding(
    kind: DifferenceKind,
    pointer: str,
    aspect: Aspect,
    severity: Severity,
    says: tuple[str | None, str | None],
) -> Finding:
    """Make a finding, its texts cut to what differs.

    `says`: what each says there; None if it says nothing.
    """
    ours, theirs = says
    baseline, candidate = excerpts(ABSENT if ours is None else ours, ABSENT if theirs is None else theirs)
    return Finding(
        kind=kind, pointer=pointer, aspect=aspect, severity=severity, baseline=baseline, candidate=candidate
    )
