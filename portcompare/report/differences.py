"""Differences between answers in the words that all formats share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcompare.report.wording import clipped, visible
from portcompare.units import count

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portcompare.model import Difference, Parity

DIFFERENCE_HEADER = ("Case", "Deployment", "Rank", "Where", "Baseline", "Candidate")

RANKS = "breaks: clients fail; changes: they get something else; harmless: they cannot tell."
"""What the ranks mean, for a reader of a table."""


def place_text(difference: Difference) -> str:
    """Where two answers differ.

    Args:
        difference: The difference.

    Returns:
        Text such as "status", "header ETag" or "json /items/0/id".
    """
    return f"{difference.kind} {difference.pointer}".strip()


def remark(difference: Difference) -> str:
    """What must be known of a difference besides what differs.

    Args:
        difference: The difference.

    Returns:
        Text; empty if there is nothing.
    """
    parts = []
    if difference.from_order:
        parts.append(
            "comes from what was asked before: asked alone on fresh servers, the case does not show it"
        )
    if difference.allowed:
        parts.append(f"allowed: {difference.allowed}")
    return "; ".join(parts)


def difference_cells(difference: Difference, longest: int) -> tuple[str, ...]:
    """A difference as a row.

    Args:
        difference: The difference.
        longest: How many characters of an answer, and of a case's name, are shown.

    Returns:
        The cells below `DIFFERENCE_HEADER`.
    """
    said = remark(difference)
    return (
        visible(clipped(difference.case, longest)),
        visible(difference.deployment),
        difference.severity,
        visible(place_text(difference) + (f" ({said})" if said else "")),
        clipped(visible(difference.baseline), longest),
        clipped(visible(difference.candidate), longest),
    )


def curl_pairs(differences: Iterable[Difference]) -> list[tuple[str, str, str]]:
    """How to see differences for oneself.

    Args:
        differences: The differences.

    Returns:
        For each case and deployment, once: both in words, the baseline's line and the candidate's.
    """
    pairs = {
        (each.case, each.deployment): (each.curl_baseline, each.curl_candidate)
        for each in reversed(list(differences))
        if each.curl_baseline
    }
    return [
        (visible(f"{case} at {deployment}"), visible(baseline), visible(candidate))
        for (case, deployment), (baseline, candidate) in reversed(pairs.items())
    ]


def summary_text(parity: Parity) -> str:
    """What a check has found, in a clause.

    Args:
        parity: The check.

    Returns:
        Such as "3 differences (1 breaks clients), 2 allowed"; "no difference" if there is none.
    """
    counting = [each for each in parity.differences if each.counts]
    allowed = sum(bool(each.allowed) for each in parity.differences)
    harmless = len(parity.differences) - len(counting) - allowed
    breaking = sum(each.severity == "breaks" for each in counting)
    found = count(len(counting), "difference") if counting else "no difference"
    parts = [
        f"{found} ({breaking} of them {'breaks' if breaking == 1 else 'break'} clients)"
        if breaking
        else found
    ]
    parts += [f"{allowed} allowed"] * bool(allowed) + [f"{harmless} harmless"] * bool(harmless)
    return ", ".join(parts)
