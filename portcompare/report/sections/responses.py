"""Differences between responses in the words that all formats share."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from portcompare.records.parity import CaseCoverage, Difference, Parity, RequestFault
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


def build(results: Results) -> dict[str, Any]:
    """What the section on the responses shows."""
    parity = results.parity
    counting, allowed = group_differences(parity.differences if parity else ())
    return {
        "parity": parity_text(parity),
        "coverage": coverage_texts(parity) if parity else [],
        "faults": [fault_texts(each) for each in parity.faults] if parity else [],
        "header": DIFFERENCE_HEADER,
        "ranks": RANKS,
        "differences": [difference_cells(each, _LONGEST_TEXT) for each in counting],
        "allowed": [difference_cells(each, _LONGEST_TEXT) for each in allowed],
        "commands": curl_pairs(group.first for group in counting),
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


def coverage_texts(parity: Parity) -> list[str]:
    """What was compared and what was not, a sentence each."""
    coverage = parity.coverage
    lead = f"Of {count(parity.cases, 'case')}, {coverage.in_full} were compared in full, "
    texts = [f"{lead}{len(coverage.in_part)} in part and {len(coverage.not_compared)} not at all"]
    if coverage.errors:
        errors = ", ".join(f"{number} with status {status}" for status, number in coverage.errors.items())
        texts.append(f"Responses that are errors on both sides: {errors}")
    texts += [f"Compared in part: {text}" for text in _by_reason(coverage.in_part)]
    texts += [f"Not compared: {text}" for text in _by_reason(coverage.not_compared)]
    if coverage.routes_known is not None:
        texts.append(f"Routes: {coverage.routes_requested} of {coverage.routes_known} were requested")
        texts += [f"Route not requested: {route}" for route in coverage.unrequested]
    return [visible(text) for text in texts]


def _by_reason(cases: Sequence[CaseCoverage]) -> list[str]:
    """Cases by what was left out of them, the first of each named."""
    found: dict[str, list[str]] = {}
    for each in cases:
        found.setdefault(each.reason or f"without {', '.join(each.omitted)}", []).append(each.case)
    return [f"{names[0]}{_and_more(len(names) - 1)} ({reason})" for reason, names in found.items()]


def fault_texts(fault: RequestFault) -> tuple[str, str, str]:
    """A request of the plan that does not work: what was found, the traceback, the remedy."""
    found = f"the plan's request {fault.case} does not work on the baseline: {fault.found}"
    return visible(found), "\n".join(map(visible, fault.traceback.splitlines())), visible(fault.remedy)


def _and_more(number: int) -> str:
    return f" (and {number:,} more)" if number else ""


def place_text(difference: Difference) -> str:
    """Where two responses differ."""
    return f"{difference.kind} {difference.pointer}".strip()


def remark(difference: Difference) -> str:
    """The remark on a difference: that it comes from the order of requests, or that the plan allows it."""
    order = "comes from earlier requests: sent alone to fresh servers, the case does not show it"
    allowed = f"allowed: {difference.allowed}"
    parts = [difference.cause] * bool(difference.cause) + [order] * difference.from_order
    return "; ".join([*parts, *[allowed] * bool(difference.allowed)])


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
    missing = parity.coverage.not_compared
    unclear = (
        f"; {len(missing)} not compared: {visible(', '.join(_by_reason(missing)[:2]))}" if missing else ""
    )
    if parity.verdict == "different":
        return f"Not alike: {summary_text(parity)} in {cases} sent to the baseline and to {against}{unclear}"
    besides = f"; {summary_text(parity)}" if parity.differences else ""
    errors = sum(parity.coverage.errors.values())
    alike = f"{parity.cases - len(missing) - errors} of {cases}"
    unclear = f"; {errors} more are errors on both sides{unclear}" if errors else unclear
    lead = "Alike" if parity.verdict == "alike" else "Not all was compared: alike"
    return f"{lead} in {alike} sent to the baseline and to {against}{unclear}{besides}"
