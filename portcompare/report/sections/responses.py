"""Differences between responses in the words that all formats share."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from portcompare.records.parity import Difference, Parity
from portcompare.records.results import Results
from portcompare.report.wording import clipped, visible
from portcompare.units import count

_LONGEST_TEXT = 500
DIFFERENCE_HEADER = ("Case", "Deployment", "Rank", "Where", "Baseline", "Candidate")

RANKS = (
    "breaks: clients fail; changes: they receive something else; harmless: they notice nothing. "
    "What differs alike in other variations of the same request is counted with the first of them."
)
"""What the ranks mean, and what a row stands for, for a reader of a table."""

_INDEX = re.compile(r"/[0-9]+(?=/|$)")
_MASKED = re.compile(r"(\S+ \S+) \[.*\](?: \([0-9]+\))?(: .*)")
"""The request, its variation, and what is masked in the response."""


def build(results: Results) -> dict[str, Any]:
    """What the section on the responses shows."""
    parity = results.parity
    counting, allowed = group_differences(parity.differences if parity else ())
    return {
        "parity": parity_text(parity),
        "header": DIFFERENCE_HEADER,
        "ranks": RANKS,
        "differences": [difference_cells(each, _LONGEST_TEXT) for each in counting],
        "allowed": [difference_cells(each, _LONGEST_TEXT) for each in allowed],
        "commands": curl_pairs(group.first for group in counting),
        "masked": masked_texts(parity.masked if parity else ()),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """Differences of one request's variations that have one cause, as far as can be seen."""

    first: Difference  # The one that was found first
    more: int  # How many there are beside it


def group_differences(differences: Iterable[Difference]) -> tuple[list[Alike], list[Alike]]:
    """Differences grouped by cause, and those that the plan allows.

    One mistake in a port shows in every variation of its request.
    """
    causes: dict[tuple[object, ...], list[Difference]] = {}
    for one in differences:
        request = one.case.partition(" [")[0]
        statuses = (one.baseline, one.candidate) if one.kind == "status" else ()
        place = request, one.deployment, one.kind, _INDEX.sub("/*", one.pointer)
        causes.setdefault((*place, one.severity, one.from_order, one.allowed, statuses), []).append(one)
    groups = [Alike(first=found[0], more=len(found) - 1) for found in causes.values()]
    return [one for one in groups if not one.first.allowed], [one for one in groups if one.first.allowed]


def masked_texts(masked: Iterable[str]) -> list[str]:
    """The places that are not compared; those of a request's variations are one."""
    numbers = Counter(_MASKED.sub(r"\1\2", place) for place in masked)
    return [visible(place) + _and_more(number - 1) for place, number in numbers.items()]


def _and_more(number: int) -> str:
    return f" (and {number:,} more)" if number else ""


def place_text(difference: Difference) -> str:
    """Where two responses differ."""
    return f"{difference.kind} {difference.pointer}".strip()


def remark(difference: Difference) -> str:
    """The remark on a difference: that it comes from the order of requests, or that the plan allows it."""
    order = "comes from earlier requests: sent alone to fresh servers, the case does not show it"
    allowed = f"allowed: {difference.allowed}"
    return "; ".join([order] * difference.from_order + [allowed] * bool(difference.allowed))


def difference_cells(alike: Alike, longest: int) -> tuple[str, ...]:
    """A difference, and what differs alike, as a row."""
    one = alike.first
    said = remark(one)
    return (
        visible(clipped(one.case, longest)) + _and_more(alike.more),
        visible(one.deployment),
        one.severity,
        visible(place_text(one) + (f" ({said})" if said else "")),
        clipped(visible(one.baseline), longest),
        clipped(visible(one.candidate), longest),
    )


def curl_pairs(differences: Iterable[Difference]) -> list[tuple[str, str, str]]:
    """The command lines that show differences: a title, one for the baseline, one for the candidate."""
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
    """The number of differences of each kind, in a clause."""
    counting = [each for each in parity.differences if each.counts]
    allowed = sum(bool(each.allowed) for each in parity.differences)
    harmless = len(parity.differences) - len(counting) - allowed
    breaking = sum(each.severity == "breaks" for each in counting)
    text = count(len(counting), "difference") if counting else "no difference"
    if breaking:
        text += f" ({breaking} of them {'breaks' if breaking == 1 else 'break'} clients)"
    others = [f", {allowed} allowed"] * bool(allowed) + [f", {harmless} harmless"] * bool(harmless)
    return text + "".join(others)


def parity_text(parity: Parity | None) -> str:
    """The result of the parity check in one sentence."""
    if parity is None:
        return "Whether the responses are alike is not known: the run ended before it was checked"
    cases = count(parity.cases, "case")
    against = visible(", ".join(parity.deployments))
    if not parity.equal:
        found = count(sum(each.counts for each in parity.differences), "difference")
        return f"Not alike: {found} from the baseline in {cases} sent to {against}"
    besides = f"; {summary_text(parity)}" if parity.differences else ""
    return f"All responded alike: {cases} sent to the baseline and to {against}{besides}"
