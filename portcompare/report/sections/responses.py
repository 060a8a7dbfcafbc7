"""Differences between responses in the words that all formats share."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from portcompare.http.trees import without_indexes
from portcompare.parity.url_variants import shape_of
from portcompare.records.parity import CaseCoverage, Difference, KnownDifference, Parity, RequestFault
from portcompare.records.results import Results
from portcompare.report.wording import clipped, visible
from portcompare.units import count

_LONGEST_TEXT = 500
COMMANDS_FILE = "commands.sh"  # in the folder of a check
DIFFERENCE_HEADER = ("Case", "Deployment", "Rank", "Where", "Baseline", "Candidate")

RANKS = "breaks: clients fail; changes: they receive something else; harmless: they notice nothing."
"""What the ranks mean, for a reader of a table."""


def build(results: Results, longest: int = _LONGEST_TEXT) -> dict[str, Any]:
    """What the section on the responses shows; `longest`: of a text of a difference."""
    parity = results.parity
    own, known, allowed = sort_groups(parity) if parity else ([], [], [])
    return {
        "parity": parity_text(parity),
        "coverage": coverage_texts(parity) if parity else [],
        "faults": [fault_texts(each) for each in parity.faults] if parity else [],
        "header": DIFFERENCE_HEADER,
        "ranks": RANKS,
        "differences": [difference_cells(each, longest) for each in own],
        "known": [known_cells(parity, each) for each in known] if parity else [],
        "known_header": KNOWN_HEADER,
        "known_text": known_text(known),
        "allowance": allowance_text(known),
        "allowed": [difference_cells(each, longest) for each in allowed],
        "commands": curl_pairs(own),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """Differences that have one cause, as far as can be seen."""

    first: Difference  # The one that was found first
    cases: tuple[str, ...]  # In which they show
    deployments: tuple[str, ...]  # At which they show

    @property
    def routes(self) -> tuple[str, ...]:
        """The routes on which they show, by method and path."""
        paths = (case.partition(" [")[0].partition("?")[0] for case in self.cases)
        return tuple({shape_of(path): path for path in reversed(tuple(paths))}.values())[::-1]


def sort_groups(parity: Parity) -> tuple[list[Alike], list[Alike], list[Alike]]:
    """The differences by cause: the port's own, those known of frameworks and servers, those allowed."""
    groups = group_alike(parity.differences)
    allowed = [each for each in groups if each.first.allowed]
    known = [each for each in groups if each.first.known and not each.first.allowed]
    return [each for each in groups if not (each.first.known or each.first.allowed)], known, allowed


def group_alike(differences: Iterable[Difference]) -> list[Alike]:
    """Group differences with one cause: one mistake in a port shows on many routes, in all their variations.

    In the variations of a route the place alone says what is alike, on several routes the values as well.
    """
    of_routes: dict[tuple[object, ...], list[Difference]] = {}
    for each in differences:
        route = each.case.partition(" [")[0]
        of_routes.setdefault((*_cause(each), each.deployment, each.known or route), []).append(each)
    of_values: dict[tuple[object, ...], list[Difference]] = {}
    for key, found in of_routes.items():
        values: object = found[0].known or (found[0].baseline, found[0].candidate)
        of_values.setdefault((*key[:-1], values), []).extend(found)
    groups: dict[tuple[object, ...], Alike] = {}
    for (*cause, deployment, values), found in of_values.items():
        cases = tuple(dict.fromkeys(each.case for each in found))
        key = (*cause, values, found[0].known or cases)
        before = groups.get(key, Alike(first=found[0], cases=(), deployments=()))
        groups[key] = Alike(
            first=before.first,
            cases=tuple(dict.fromkeys((*before.cases, *cases))),
            deployments=(*before.deployments, str(deployment)),
        )
    return list(groups.values())


def _cause(one: Difference) -> tuple[object, ...]:
    if one.known:
        return one.known, one.allowed
    statuses = (one.baseline, one.candidate) if one.kind == "status" else ()
    raised = one.cause.partition(": ")[0] if one.kind == "status" else ""
    place = one.kind, without_indexes(one.pointer), raised
    return *place, one.severity, one.from_order, one.allowed, statuses


KNOWN_HEADER = ("Known difference", "On", "Example", "Name", "Source")


def known_cells(parity: Parity, alike: Alike) -> tuple[str, ...]:
    """A known difference as a row."""
    unknown = KnownDifference(name=alike.first.known, text="", source="")
    known = next((each for each in parity.known if each.name == alike.first.known), unknown)
    return (
        known.text,
        visible(count(len(alike.routes), "route")),
        visible(alike.first.case),
        known.name,
        known.source,
    )


def known_text(known: Sequence[Alike]) -> str:
    """How many differences are known of frameworks and servers, in a line; empty if none is."""
    if not known:
        return ""
    routes = {route for each in known for route in each.routes}
    plural = "" if len(known) == 1 else "s"
    return (
        f"{len(known)} known difference{plural} between frameworks or servers "
        f"on {count(len(routes), 'route')}"
    )


def allowance_text(known: Sequence[Alike]) -> str:
    """What the plan needs to allow the known differences; empty if there are none."""
    if not known:
        return ""
    names = ", ".join(f'"{each.first.known}"' for each in known)
    reason = "known differences between the frameworks"
    return f'[[parity.allow]]\nreason = "{reason}"\nknown = [{names}]'


def coverage_texts(parity: Parity) -> list[str]:
    """What was compared and what was not, a sentence each."""
    coverage = parity.coverage
    lead = f"{count(parity.cases, 'case')}: compared in full {coverage.in_full}, "
    texts = [f"{lead}in part {len(coverage.in_part)}, not at all {len(coverage.not_compared)}"]
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
    parts = []
    if difference.cause:
        parts.append(difference.cause)
    if difference.known:
        parts.append(f"known difference {difference.known}")
    if difference.follows:
        parts.append(f"may follow from {difference.follows}: sent alone to fresh servers, it does not show")
    elif difference.from_order:
        parts.append("comes from earlier requests: sent alone to fresh servers, the case does not show it")
    if difference.allowed:
        parts.append(f"allowed: {difference.allowed}")
    return "; ".join(parts)


def difference_cells(alike: Alike, longest: int) -> tuple[str, ...]:
    """A difference, and what differs alike, as a row."""
    difference = alike.first
    said = remark(difference)
    first, routes, others = clipped(difference.case, longest), alike.routes, len(alike.cases) - 1
    if len(routes) > 1:
        named = ", ".join(clipped(route, longest) for route in routes[:2])
        more = f" and {len(routes) - 2:,} more" if len(routes) > 2 else ""  # noqa: PLR2004 - those that are named
        first, others = f"on {len(routes):,} routes: {named}{more}", 0
    return (
        visible(first) + _and_more(others),
        visible(", ".join(alike.deployments)),
        difference.severity,
        visible(place_text(difference) + (f" ({said})" if said else "")),
        clipped(visible(difference.baseline), longest),
        clipped(visible(difference.candidate), longest),
    )


def curl_pairs(groups: Iterable[Alike]) -> list[tuple[str, str, str]]:
    """The command lines that show differences: a title, one for the baseline, one for the candidate."""
    pairs: dict[tuple[str, str], tuple[str, str]] = {}
    for each in (group.first for group in groups if group.first.curl_baseline):
        pairs.setdefault((each.case, each.deployment), (each.curl_baseline, each.curl_candidate))
    return [
        (visible(f"{case} at {deployment}"), visible(baseline), visible(candidate))
        for (case, deployment), (baseline, candidate) in pairs.items()
    ]


def commands_text(parity: Parity) -> str:
    """The command lines that show any difference, as a file to copy from."""
    lines = ["# Serve the deployments with `portcompare up`, then paste a pair of these lines into a shell."]
    own, known, allowed = sort_groups(parity)
    for title, *commands in curl_pairs((*own, *known, *allowed)):
        lines += ["", f"# {title}", *commands]
    return "\n".join(lines) + "\n"


def summary_text(parity: Parity) -> str:
    """The number of differences of each kind, in a clause."""
    own, known, allowed = sort_groups(parity)
    counting = [each.first for each in own if each.first.counts]
    breaking = sum(each.severity == "breaks" for each in counting)
    text = count(len(counting), "difference") if counting else "no difference"
    if breaking:
        text += f" ({breaking} of them {'breaks' if breaking == 1 else 'break'} clients)"
    if known:
        text = known_text(known) if not counting else f"{text}, {known_text(known)}"
    harmless = len(own) - len(counting)
    return text + f", {len(allowed)} allowed" * bool(allowed) + f", {harmless} harmless" * bool(harmless)


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
        is_known = all(each.known for each in parity.differences if each.counts)
        lead = "Not alike, but only known differences remain" if is_known else "Not alike"
        return f"{lead}: {summary_text(parity)} in {cases} sent to the baseline and to {against}{unclear}"
    besides = f"; {summary_text(parity)}" if parity.differences else ""
    errors = sum(parity.coverage.errors.values())
    alike = f"{parity.cases - len(missing) - errors} of {cases}"
    are_errors = f"{errors} more {'is an error' if errors == 1 else 'are errors'} on both sides"
    unclear = f"; {are_errors}{unclear}" if errors else unclear
    lead = "Alike" if parity.verdict == "alike" else "Not all was compared: alike"
    return f"{lead} in {alike} sent one at a time to the baseline and to {against}{unclear}{besides}"
