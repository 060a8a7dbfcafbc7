"""Findings: in what two responses differ."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from portcompare.http.bodies import EXCERPT_CHARS, excerpts, printable
from portcompare.http.shapes import Aspect
from portcompare.records.parity import DifferenceKind, Severity

ABSENT = "(absent)"

_MARKUP = re.compile(r"(?is)<(script|style|head|title)\b.*?</\1>|<[^>]*>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One way in which two responses differ; kind, pointer and severity are those of `Difference`."""

    kind: DifferenceKind
    pointer: str
    aspect: Aspect  # What differs there
    severity: Severity
    baseline: str  # An excerpt of what the one has there
    candidate: str  # An excerpt of what the other has there


def make_finding(
    kind: DifferenceKind,
    pointer: str,
    aspect: Aspect,
    severity: Severity,
    values: Sequence[str | None],
    *,
    leads: Sequence[str] = ("", ""),
) -> Finding:
    """Make a finding of the values of baseline and candidate; None where one is absent.

    `leads`: what is said of each before its excerpt.
    """
    baseline, candidate = excerpts(*(ABSENT if value is None else value for value in values))
    return Finding(
        kind=kind,
        pointer=pointer,
        aspect=aspect,
        severity=severity,
        baseline=leads[0] + baseline,
        candidate=leads[1] + candidate,
    )


def excerpt_line(content: bytes) -> str:
    """What a body says first, without markup, on one line."""
    text = _MARKUP.sub(" ", content.decode(errors="replace"))
    line = " ".join(text.split())
    return printable(line[:EXCERPT_CHARS]) + ("..." if len(line) > EXCERPT_CHARS else "")
