"""The outcome of a check: its verdict, its coverage, and what every response under load must be."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from http import HTTPStatus

from portcompare.masking import MASK, is_secret, mask_record
from portcompare.parity.cases import SAFE_METHODS, identity
from portcompare.parity.catalogue import describe_known
from portcompare.parity.checker import CaseResult, ParityChecker
from portcompare.parity.compare import agree, only_status
from portcompare.parity.findings import ABSENT
from portcompare.parity.survey import Survey
from portcompare.records.parity import SEVERITIES, CaseCoverage, Coverage, Difference, Parity, ParityVerdict
from portcompare.records.requests import Expectation, RequestSpec
from portcompare.records.rounds import BASELINE, CONTROL

# Starts fresh servers of some arms, baseline and control included.
ServeAfresh = Callable[[frozenset[str]], AbstractContextManager[ParityChecker]]

# So many differences of one case and deployment are listed: an array in another order has one an element.
MOST_DIFFERENCES = 20

# Starting all servers takes seconds: no start is begun later than this.
RECHECK_LIMIT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityOutcome:
    """What all cases have shown, and what every response under load must be."""

    parity: Parity
    cases: Mapping[str, RequestSpec]  # By name, in the order in which they were sent
    # By `identity`, then as in `CaseResult`
    expectations: Mapping[RequestSpec, Mapping[str, Expectation | None]]
    streams: frozenset[RequestSpec] = frozenset()  # By `identity`, the plan's requests that get no end
    unused_allowances: tuple[str, ...] = ()  # In words, each of the plan's that no difference has needed

    def expectation(self, request: RequestSpec, arm: str = BASELINE) -> Expectation | None:
        """What an arm's responses to a request must be under load; None if that is not known.

        An arm that was not compared must respond as the baseline does.
        """
        known = self.expectations.get(identity(request), {})
        return known.get(arm, known.get(BASELINE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Explored:
    """What the cases of an OpenAPI document have shown; by default there is none."""

    results: tuple[CaseResult, ...] = ()  # Those without a difference, and the smallest of those with one
    seeds: tuple[str, ...] = ()  # For each operation, in words, the seed and the number of examples
    warnings: tuple[str, ...] = ()  # The operations of which nothing but errors was compared


def sum_up(
    checker: ParityChecker,
    survey: Survey,
    *,
    explored: Explored = Explored(),
    later: Sequence[CaseResult] = (),
    logged: Sequence[Difference] = (),
    warnings: Sequence[str] = (),
) -> ParityOutcome:
    """Sum up what all cases have shown.

    `later`: results of cases that were sent once more after all others had written what they write.
    `logged`: what only the candidates' logs hold.
    """
    own = [
        replace(each, differences=tuple(replace(found, is_own=True) for found in each.differences))
        for each in survey.own
    ]
    unsent = survey.unsent
    results = [*own, *survey.varied, *explored.results]
    deployments = tuple(arm for arm in checker.clients if arm != BASELINE)
    listed, more = _limit(results)
    listed += map(checker.allow_if_meant, logged)
    flaws = {result.flaw: result.case.name for result in reversed(results) if result.flaw}
    is_own_compared = all(each.coverage.compared != "not compared" for each in own)
    verdict: ParityVerdict = "alike"
    if any(each.counts for each in listed):
        verdict = "different"
    elif survey.faults or survey.is_cut_short or not (own and deployments and is_own_compared):
        verdict = "not compared"
    return ParityOutcome(
        parity=Parity(
            verdict=verdict,
            cases=len(results) + len(unsent),
            coverage=_make_coverage([*(each.coverage for each in results), *unsent]),
            deployments=deployments,
            differences=tuple(sort_differences(listed)),
            known=tuple(
                describe_known(name) for name in dict.fromkeys(each.known for each in listed if each.known)
            ),
            faults=survey.faults,
            seeds=explored.seeds,
            warnings=(
                *survey.warnings,
                *explored.warnings,
                *warnings,
                *(f"{case}: {flaw}" for flaw, case in flaws.items()),
                *more,
            ),
        ),
        cases={result.case.name: result.case for result in results},
        expectations=_merge_expectations(results, later),
        streams=frozenset(identity(each.case) for each in own if each.streams),
        unused_allowances=tuple(
            f"no difference needs parity.allow {each.reason!r} (case {each.case!r}, "
            f"deployment {each.deployment!r}, kind {each.kind!r}, pointer {each.pointer!r}"
            + (f", known {name!r}" if name else "")
            + "): remove it, or correct its patterns"
            for place, each in enumerate(checker.allow)
            for name in each.known or [""]
            if (place, name) not in checker.used_allowances
        ),
    )


def _limit(results: Iterable[CaseResult]) -> tuple[list[Difference], list[str]]:
    """The differences to list, and warnings of those that are not."""
    listed: list[Difference] = []
    found: Counter[tuple[str, str]] = Counter()
    for each in (each for result in results for each in sort_differences(result.differences)):
        found[each.case, each.deployment] += 1
        if found[each.case, each.deployment] <= MOST_DIFFERENCES:
            listed.append(each)
    return listed, [
        f"{case} at {deployment}: {number - MOST_DIFFERENCES} more differences are not listed"
        for (case, deployment), number in found.items()
        if number > MOST_DIFFERENCES
    ]


def _make_coverage(cases: Sequence[CaseCoverage]) -> Coverage:
    statuses = Counter(str(each.status) for each in cases if each.status)
    errors = Counter(
        str(each.status)
        for each in cases
        if each.compared != "not compared" and each.status and each.status >= HTTPStatus.BAD_REQUEST
    )
    return Coverage(
        in_full=sum(each.compared == "in full" for each in cases),
        in_part=tuple(each for each in cases if each.compared == "in part"),
        not_compared=tuple(each for each in cases if each.compared == "not compared"),
        statuses=dict(sorted(statuses.items())),
        errors=dict(sorted(errors.items())),
    )


def _merge_expectations(
    results: Iterable[CaseResult], later: Iterable[CaseResult]
) -> Mapping[RequestSpec, Mapping[str, Expectation | None]]:
    """The expectations of all cases; only the status where other cases have changed the response."""
    merged = {identity(result.case): dict(result.expectations) for result in results}
    for result in later:
        known = merged[identity(result.case)]
        for arm, after in result.expectations.items():
            before = known.get(arm)
            if before is None or after is None or before.status != after.status:
                known[arm] = None
            elif not agree(before, after):
                known[arm] = only_status(after)
    return merged


def sort_differences(differences: Iterable[Difference]) -> list[Difference]:
    """The differences in the order in which they are worth reading.

    The plan's own requests come first, then the most severe. Last comes what is no fault of the port: what
    follows from another difference, what no client can tell, what is known of frameworks, what is allowed.
    """

    def rank(each: Difference) -> tuple[object, ...]:
        severity = SEVERITIES.index(each.severity)
        last = bool(each.allowed), bool(each.known), each.severity == "harmless", bool(each.follows)
        return *last, not each.is_own, severity

    return sorted(differences, key=rank)


def _place(each: Difference) -> tuple[str, str, str, str]:
    """Identifies a difference in another check, in which the servers have other addresses."""
    return each.case, each.deployment, each.kind, each.pointer


def recheck_alone(
    outcome: ParityOutcome, arms: frozenset[str], serve_afresh: ServeAfresh, limit_s: float = RECHECK_LIMIT_S
) -> Parity:
    """Send the cases that differ to fresh servers: what differs no longer comes from what was sent before.

    Cases that only read share one start of the servers, as none changes the response to another; each of the
    others has a start of its own, as long as there is time.
    """
    deadline_s = time.monotonic() + limit_s
    parity = outcome.parity
    differing: defaultdict[str, set[str]] = defaultdict(set)
    for each in parity.differences:
        if each.may_come_from_order and each.deployment in arms - {BASELINE, CONTROL}:
            differing[each.case].add(each.deployment)
    reading = [name for name in differing if outcome.cases[name].method in SAFE_METHODS]
    starts = [reading] * bool(reading) + [[name] for name in differing if name not in reading]
    found: set[tuple[str, str, str, str]] = set()
    sent: set[str] = set()
    for names in starts:
        if sent and time.monotonic() > deadline_s:
            break
        with serve_afresh(frozenset().union(*(differing[name] for name in names))) as checker:
            results = checker.check_all([outcome.cases[name] for name in names])
        found |= {_place(each) for result in results for each in result.differences}
        sent |= {*names}
    warnings = list(parity.warnings)
    if len(sent) < len(differing):
        warnings.append(
            f"{len(differing) - len(sent)} of the cases that differ were not sent to fresh servers: whether "
            "that comes from what was sent before is not known"
        )
    differences = [
        replace(each, from_order=True, follows=_find_earlier(each, outcome))
        if each.case in sent and each.deployment in differing[each.case] and _place(each) not in found
        else each
        for each in parity.differences
    ]
    return replace(parity, differences=tuple(sort_differences(differences)), warnings=tuple(warnings))


def _find_earlier(difference: Difference, outcome: ParityOutcome) -> str:
    """The first case whose status differs, if it was sent before this one: a server may have counted it."""
    differing = {
        each.case
        for each in outcome.parity.differences
        if each.kind == "status" and each.deployment == difference.deployment
    }
    first = next((name for name in outcome.cases if name in differing or name == difference.case), "")
    return first if first in differing - {difference.case} else ""


def mask_parity(parity: Parity) -> Parity:
    """Hide the secrets in all texts, and values at places whose names look secret."""

    def hide(place: str, value: str) -> str:
        return MASK if value != ABSENT and ";" not in place and is_secret(place) else value

    differences = tuple(
        replace(
            each,
            baseline=hide(each.pointer.rpartition("/")[2], each.baseline),
            candidate=hide(each.pointer.rpartition("/")[2], each.candidate),
        )
        for each in parity.differences
    )
    return mask_record(replace(parity, differences=differences))


def combine_parity(before: Parity, after: Parity) -> Parity:
    """Combine the checks of the same cases before and after a load."""
    differences = {_place(each): each for each in (*before.differences, *after.differences)}
    known_faults = {each.case for each in before.faults}
    broken = [
        f"{each.case} no longer works on the baseline after the load: {each.found}"
        for each in after.faults
        if each.case not in known_faults
    ]
    verdicts: tuple[ParityVerdict, ...] = ("different", "not compared", "alike")
    return replace(
        before,
        verdict=min(before.verdict, after.verdict, key=verdicts.index),
        coverage=_combine_coverage(before.coverage, after.coverage),
        differences=tuple(sort_differences(differences.values())),
        known=tuple(dict.fromkeys((*before.known, *after.known))),
        warnings=tuple(dict.fromkeys((*before.warnings, *after.warnings, *broken))),
    )


def _combine_coverage(before: Coverage, after: Coverage) -> Coverage:
    """What was compared in both checks of the same cases."""
    total = before.in_full + len(before.in_part) + len(before.not_compared)
    nothing = {each.case: each for each in (*before.not_compared, *after.not_compared)}
    part: dict[str, CaseCoverage] = {}
    for each in (*before.in_part, *after.in_part):
        if each.case not in nothing:
            omitted = dict.fromkeys((*part.get(each.case, each).omitted, *each.omitted))
            part[each.case] = replace(each, omitted=tuple(omitted))
    return replace(
        before,
        in_full=total - len(nothing) - len(part),
        in_part=tuple(part.values()),
        not_compared=tuple(nothing.values()),
    )
