"""What comparing two answers comes to, before it is known what of it differs by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from portcompare.differences import DifferenceKind, Severity
from portcompare.parity.excerpt import excerpts

Aspect = Literal["presence", "type", "length", "value"]
ABSENT = "(absent)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One way in which two answers differ.

    Attributes:
        kind: As in `Difference`.
        pointer: As in `Difference`.
        aspect: In what they differ there: whether there is anything, its type, its length, or its value.
        severity: As in `Difference`.
        baseline: What the one says there, as it is shown.
        candidate: What the other says there.
    """

    kind: DifferenceKind
    pointer: str
    aspect: Aspect
    severity: Severity
    baseline: str
    candidate: str

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

    Args:
        kind: As in `Difference`.
        pointer: As in `Difference`.
        aspect: In what they differ.
        severity: As in `Difference`.
        says: What each says there; None if it says nothing.

    Returns:
        The finding.
    """
    ours, theirs = says
    baseline, candidate = excerpts(ABSENT if ours is None else ours, ABSENT if theirs is None else theirs)
    return Finding(
        kind=kind, pointer=pointer, aspect=aspect, severity=severity, baseline=baseline, candidate=candidate
    )
