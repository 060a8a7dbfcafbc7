"""Sending all servers a case, telling differences from noise, and summing up what all cases have shown."""

import time
from base64 import b64encode
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from portcompare.http.responses import Response
from portcompare.parity.cases import SAFE_METHODS, identity, matches
from portcompare.parity.compare import compare_responses
from portcompare.parity.findings import Finding, Noise
from portcompare.parity.sending import ArmClient
from portcompare.parity.url_variants import shape_of
from portcompare.plan import Allowance
from portcompare.records.parity import SEVERITIES, Difference, Parity
from portcompare.records.requests import Expectation, RequestSpec
from portcompare.records.rounds import BASELINE, CONTROL

# What each arm responded to one case, in the order in which it was sent.
Responses = Mapping[str, tuple[Response, ...]]
# Starts fresh servers of some arms, baseline and control included.
ServeAfresh = Callable[[frozenset[str]], AbstractContextManager["ParityChecker"]]

# So many differences of one case and deployment are listed: an array in another order has one an element.
MOST_DIFFERENCES = 20

# As a rule, clocks in cookies, tokens and bodies tick every second: after this time they show it.
TICK_S = 1.05

# Starting all servers takes seconds.
MOST_STARTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """What the responses to one case have shown."""

    case: RequestSpec
    differences: tuple[Difference, ...]  # Without noise; a difference that the plan allows has its reason
    masked: tuple[str, ...]  # The places that were not compared, as they differ by themselves
    # By arm, what its responses must be under load; None if it did not respond, or not always with one status
    expectations: Mapping[str, Expectation | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A finding that is not noise."""

    arm: str  # Whose response differs
    finding: Finding
    is_repetition: bool  # True if the first response does not show it, but a later one


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityOutcome:
    """What all cases have shown, and what every response under load must be."""

    parity: Parity
    cases: Mapping[str, RequestSpec]  # By name, in the order in which they were sent
    # By `identity`, then as in `CaseResult`
    expectations: Mapping[RequestSpec, Mapping[str, Expectation | None]]
    unused_allowances: tuple[str, ...] = ()  # In words, each of the plan's that no difference has needed

    def expectation(self, request: RequestSpec, arm: str = BASELINE) -> Expectation | None:
        """What an arm's responses to a request must be under load; None if that is not known.

        An arm that was not compared must respond as the baseline does.
        """
        known = self.expectations.get(identity(request), {})
        return known.get(arm, known.get(BASELINE))


class ParityChecker:
    """Sends cases to one set of running servers, and compares their responses; a context manager."""

    def __init__(
        self, clients: Mapping[str, ArmClient], *, allow: Sequence[Allowance] = (), tick_s: float = TICK_S
    ) -> None:
        """`tick_s`: how long to wait before a case whose values differ is sent again, in seconds."""
        self._clients = clients  # By arm
        self._allow = allow
        self._used: set[int] = set()
        self._tick_s = tick_s
        self._sure: set[tuple[str, ...]] = set()
        self._pool = ThreadPoolExecutor(len(clients))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # After an error or Ctrl-C nobody waits for a route that hangs: its server is about to be stopped.
        self._pool.shutdown(wait=kind is None, cancel_futures=True)

    def check(self, case: RequestSpec) -> CaseResult:
        """Send a case to all servers at the same time, to each twice in a row, and compare the responses.

        First responses are compared with first ones and second with second, so that all servers have received
        the same before. What differs between baseline and control, or among the baseline's responses, is
        noise and masked; a status never is.

        A clock that ticks between the responses of two servers looks like a difference. So where values
        differ, the case is sent twice more when every clock has ticked: once for each place of a route.
        """
        responses = self._send_twice(case)
        noise = find_noise(case, responses)
        found = list(judge(case, responses, noise))
        values = [each for each in found if each.finding.aspect == "value" and each.finding.kind != "status"]
        if any(_place_in_route(case, each) not in self._sure for each in values):
            time.sleep(self._tick_s)
            later = self._send_twice(case)
            responses = {arm: (*responses[arm], *later[arm]) for arm in responses}
            noise = find_noise(case, responses)
            found = list(judge(case, responses, noise))
            self._sure |= {_place_in_route(case, each) for each in found}
        return CaseResult(
            case=case,
            differences=tuple(self._make_difference(case, each) for each in found),
            masked=tuple(noise.describe(case)),
            expectations={arm: expect(case, received, noise) for arm, received in responses.items()},
        )

    def sum_up(
        self, results: Sequence[CaseResult], *, later: Sequence[CaseResult] = (), seeds: tuple[str, ...] = ()
    ) -> ParityOutcome:
        """Sum up what all cases have shown.

        `later`: results of cases that were sent once more after all others had written what they write.
        """
        deployments = tuple(arm for arm in self._clients if arm != BASELINE)
        listed: list[Difference] = []
        found: Counter[tuple[str, str]] = Counter()
        for each in (each for result in results for each in sort_differences(result.differences)):
            found[each.case, each.deployment] += 1
            if found[each.case, each.deployment] <= MOST_DIFFERENCES:
                listed.append(each)
        warnings = [
            f"the login fails at the baseline, so nothing behind it was compared: {failed}; correct the "
            "scenario's login in the plan"
            for failed in self._clients[BASELINE].failed_logins
        ]
        warnings += [
            f"{case} at {deployment}: {number - MOST_DIFFERENCES} more differences are not listed"
            for (case, deployment), number in found.items()
            if number > MOST_DIFFERENCES
        ]
        return ParityOutcome(
            parity=Parity(
                equal=bool(results) and bool(deployments) and not any(each.counts for each in listed),
                cases=len(results),
                deployments=deployments,
                differences=tuple(sort_differences(listed)),
                masked=tuple(place for result in results for place in result.masked),
                seeds=seeds,
                warnings=tuple(warnings),
            ),
            cases={result.case.name: result.case for result in results},
            expectations=_merge_expectations(results, later),
            unused_allowances=tuple(
                f"no difference needs parity.allow {each.reason!r} (case {each.case!r}, "
                f"deployment {each.deployment!r}, kind {each.kind!r}, pointer {each.pointer!r}): "
                "remove it, or correct its patterns"
                for place, each in enumerate(self._allow)
                if place not in self._used
            ),
        )

    def _send_twice(self, case: RequestSpec) -> Responses:
        pairs = self._pool.map(lambda client: (client.send(case), client.send(case)), self._clients.values())
        return dict(zip(self._clients, pairs, strict=True))

    def _make_difference(self, case: RequestSpec, judged: Judged) -> Difference:
        finding = judged.finding
        lines = [self._clients[name].curl(case) for name in (BASELINE, judged.arm)]
        if judged.is_repetition:
            lines = [f"{line} > /dev/null; {line}" for line in lines]
        lead = "sent again: " if judged.is_repetition else ""
        difference = Difference(
            case=case.name,
            deployment=judged.arm,
            kind=finding.kind,
            pointer=finding.pointer,
            severity=finding.severity,
            baseline=lead + finding.baseline,
            candidate=lead + finding.candidate,
            curl_baseline=lines[0],
            curl_candidate=lines[1],
        )
        for place, allowance in enumerate(self._allow):
            names = "case", "deployment", "kind", "pointer"
            if all(matches(getattr(allowance, name), getattr(difference, name)) for name in names):
                self._used.add(place)
                return replace(difference, allowed=allowance.reason)
        return difference


def find_noise(case: RequestSpec, responses: Responses) -> Noise:
    """Find what differs among the baseline's responses, or between them and the control's."""
    baseline = responses[BASELINE]
    pairs = [(baseline[0], other) for other in baseline[1:]]
    pairs += zip(baseline, responses.get(CONTROL, ()), strict=False)
    return Noise.of(finding for one, other in pairs for finding in compare_responses(case, one, other))


def judge(case: RequestSpec, responses: Responses, noise: Noise) -> Iterator[Judged]:
    """Find where servers differ from the baseline in what is not noise.

    The baseline itself is listed where it did not respond. A candidate with another status is not, where the
    control has the same: then the baseline contradicts itself, and the control is listed.
    """
    control = responses.get(CONTROL)
    for arm, received in responses.items():
        listed: set[object] = set()
        for turn, (ours, theirs) in enumerate(zip(responses[BASELINE], received, strict=True)):
            if arm == BASELINE and ours.status is not None:
                continue
            is_other = arm != CONTROL and theirs.status is not None
            like_control = control is not None and is_other and theirs.status == control[turn].status
            for finding in compare_responses(case, ours, theirs):
                is_excused = like_control and finding.kind == "status"
                if finding.place not in listed and not is_excused and not noise.hides(finding):
                    listed.add(finding.place)
                    yield Judged(arm=arm, finding=finding, is_repetition=turn > 0)


def expect(case: RequestSpec, received: tuple[Response, ...], noise: Noise) -> Expectation | None:
    """What a server's responses to a case must be under load; None if it has no response of one status."""
    first, *others = received
    if first.status is None or any(other.status != first.status for other in others):
        return None
    pointers = noise.masks()
    if case.method == "HEAD":
        is_checked = not first.body
    else:
        is_checked = pointers is not None and not (pointers and first.header("content-encoding"))
    return Expectation(
        status=first.status,
        body_base64=b64encode(first.portable_body).decode() if is_checked else None,
        masked=pointers or () if is_checked else (),
        own_address=is_checked and first.portable_body != first.body,
    )


def only_status(expected: Expectation) -> Expectation:
    """An expectation of the status alone."""
    return Expectation(status=expected.status, body_base64=None)


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
            elif before != after:
                known[arm] = only_status(after)
    return merged


def _place_in_route(case: RequestSpec, judged: Judged) -> tuple[str, ...]:
    """Identifies a difference in all cases of a route."""
    path = shape_of(case.target.partition("?")[0])
    return judged.arm, case.method, path, judged.finding.kind, judged.finding.pointer


def sort_differences(differences: Iterable[Difference]) -> list[Difference]:
    """The differences, most severe first, those that the plan allows last."""
    return sorted(differences, key=lambda each: (bool(each.allowed), SEVERITIES.index(each.severity)))


def _place(each: Difference) -> tuple[str, str, str, str]:
    """Identifies a difference in another check, in which the servers have other addresses."""
    return each.case, each.deployment, each.kind, each.pointer


def recheck_alone(outcome: ParityOutcome, arms: frozenset[str], serve_afresh: ServeAfresh) -> Parity:
    """Send the cases that differ to fresh servers: what differs no longer comes from what was sent before.

    Cases that only read share one start of the servers, as none changes the response to another; each of the
    others has a start of its own.
    """
    parity = outcome.parity
    differing: defaultdict[str, set[str]] = defaultdict(set)
    for each in parity.differences:
        if each.counts and each.deployment in arms - {BASELINE, CONTROL}:
            differing[each.case].add(each.deployment)
    reading = [name for name in differing if outcome.cases[name].method in SAFE_METHODS]
    starts = [reading] * bool(reading) + [[name] for name in differing if name not in reading]
    found: set[tuple[str, str, str, str]] = set()
    sent: set[str] = set()
    for names in starts[:MOST_STARTS]:
        with serve_afresh(frozenset().union(*(differing[name] for name in names))) as checker:
            results = [checker.check(outcome.cases[name]) for name in names]
        found |= {_place(each) for result in results for each in result.differences}
        sent |= {*names}
    warnings = list(parity.warnings)
    if len(sent) < len(differing):
        warnings.append(
            f"{len(differing) - len(sent)} of the cases that differ were not sent to fresh servers: whether "
            "that comes from what was sent before is not known"
        )
    differences = tuple(
        replace(each, from_order=True)
        if each.case in sent and each.deployment in differing[each.case] and _place(each) not in found
        else each
        for each in parity.differences
    )
    return replace(parity, differences=differences, warnings=tuple(warnings))


def combine_parity(before: Parity, after: Parity) -> Parity:
    """Combine two checks of the same cases."""
    differences = {_place(each): each for each in (*before.differences, *after.differences)}
    return replace(
        before,
        equal=before.equal and after.equal,
        differences=tuple(sort_differences(differences.values())),
        masked=tuple(dict.fromkeys((*before.masked, *after.masked))),
        warnings=tuple(dict.fromkeys((*before.warnings, *after.warnings))),
    )
