"""Sending all servers a case, and telling differences from noise."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from http import HTTPStatus
from types import TracebackType
from typing import Literal, Self

from portcompare.http.responses import Response, Stream
from portcompare.http.shapes import ANY_KEY
from portcompare.http.trees import without_indexes
from portcompare.parity.bodies import find_flaw, learn_bodies
from portcompare.parity.cases import SAFE_METHODS, matches
from portcompare.parity.catalogue import Evidence, find_known
from portcompare.parity.compare import Noise, cover, expect, find_noise
from portcompare.parity.findings import Finding
from portcompare.parity.sending import ArmClient
from portcompare.parity.streams import align_streams, compare_streams, mark_stream
from portcompare.parity.url_variants import shape_of
from portcompare.plan import Allowance
from portcompare.records.parity import CaseCoverage, Difference
from portcompare.records.requests import Expectation, RequestSpec
from portcompare.records.rounds import BASELINE, CONTROL

# What each arm responded to one case, in the order in which it was sent.
Responses = Mapping[str, tuple[Response, ...]]

# What becomes of a result; another one comes of "send again".
Step = Literal["keep", "send again", "drop"]

# As a rule, clocks in cookies, tokens and bodies tick every second: after this time they show it.
TICK_S = 1.05

# How often two requests more are sent at most, and of a case that may write. What has two values by lot is
# drawn alike in the first four of baseline and control one time in eight.
MOST_REPETITIONS = 10
MOST_WRITING_REPETITIONS = 4

# Statuses of responses whose body is not the whole of what their headers describe.
_WITHOUT_BODY = (
    HTTPStatus.PARTIAL_CONTENT,
    HTTPStatus.NOT_MODIFIED,
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """What the responses to one case have shown."""

    case: RequestSpec
    baseline: Response  # The baseline's first response
    traceback: str  # From the baseline's log, where it responded with an error; empty if there is none
    differences: tuple[Difference, ...]  # Without noise; a difference that the plan allows has its reason
    coverage: CaseCoverage
    flaw: str  # What is wrong with the baseline's body, though it was compared; empty if nothing is
    streams: Mapping[str, Stream]  # By arm, where its response does not end
    statuses: Mapping[str, tuple[int | None, ...]]  # By arm, of its responses in the order in which they came
    # By arm, what its responses must be under load; None if it did not respond, or not always with one status
    expectations: Mapping[str, Expectation | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A finding that is not noise."""

    arm: str  # Whose response differs
    finding: Finding
    turn: int  # Which of its responses shows it first, from 0


class ParityChecker:
    """Sends cases to one set of running servers, and compares their responses; a context manager."""

    def __init__(
        self, clients: Mapping[str, ArmClient], *, allow: Sequence[Allowance] = (), tick_s: float = TICK_S
    ) -> None:
        """`tick_s`: how long to wait before a case whose values differ is sent again, in seconds."""
        self.clients = clients  # By arm
        self.allow = allow
        self.used_allowances: set[tuple[int, str]] = set()  # The place of each, and a name of its `known`
        self._tick_s = tick_s
        self._sure: set[tuple[str, ...]] = set()
        self._failed_logins: dict[tuple[str, str], RequestSpec] = {}  # With the case that has shown it first
        self._uneven: set[str] = set()  # Paths to which a GET has responses of other bytes
        self._pool = ThreadPoolExecutor(len(clients))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # After an error or Ctrl-C nobody waits for a route that hangs: its server is about to be stopped.
        self._pool.shutdown(wait=kind is None, cancel_futures=True)

    def check(self, case: RequestSpec) -> CaseResult:
        """Send a case to all servers, and compare the responses, as `check_all` does."""
        return self.check_all([case])[0]

    def check_all(
        self, cases: Iterable[RequestSpec], judge_result: Callable[[CaseResult], Step] = lambda _: "keep"
    ) -> list[CaseResult]:
        """Send cases to all servers at the same time, to each twice in a row, and compare the responses.

        First responses are compared with first ones and second with second, so that all servers have received
        the same before. What differs between baseline and control, or among the baseline's responses, is
        noise and masked; a status never is.

        A clock that ticks between the responses of two servers looks like a difference, and so does what is
        drawn by lot. So where anything but the status differs, the case is sent again when every clock has
        ticked: once for each place of a route, and more often where a candidate contradicts itself there.
        Such cases wait for each other, but not beyond a case that may write.

        `judge_result`: called with each result, and that of each repetition; says what becomes of it. A case
        is sent again once.
        """
        results: dict[int, CaseResult] = {}
        unsure: dict[int, tuple[Responses, list[Judged]]] = {}  # By the place of their result
        for place, case in enumerate(cases):
            if case.method not in SAFE_METHODS:
                self._send_again(results, unsure, judge_result)
            responses, result, found, step = self._send_judged(case, {}, judge_result)
            if step == "drop":
                continue
            results[place] = result
            if self._is_unsure(case, found):
                unsure[place] = responses, found
        self._send_again(results, unsure, judge_result)
        return list(results.values())

    def _is_unsure(self, case: RequestSpec, found: Sequence[Judged]) -> bool:
        """Whether a difference may be a clock or a lot, and its place is not known to differ for good."""
        return any(
            each.finding.kind != "status"
            and each.finding.severity != "harmless"
            and _place_in_route(case, each) not in self._sure
            for each in found
        )

    def _send_again(
        self,
        results: dict[int, CaseResult],
        unsure: dict[int, tuple[Responses, list[Judged]]],
        judge_result: Callable[[CaseResult], Step],
    ) -> None:
        """Send the cases that are not sure again; their results are replaced."""
        if any(each.finding.aspect == "value" for _, found in unsure.values() for each in found):
            time.sleep(self._tick_s)
        for place, (first, before) in unsure.items():
            case, responses, found = results[place].case, first, before
            if not self._is_unsure(case, found):  # another case of the route has shown it by now
                continue
            is_safe = case.method in SAFE_METHODS
            for repetition in range(MOST_REPETITIONS if is_safe else MOST_WRITING_REPETITIONS):
                responses, results[place], found, step = self._send_judged(case, responses, judge_result)
                if step == "drop":
                    del results[place]
                    break
                is_enough = repetition or not is_safe
                if is_enough and not any(_contradicts_itself(responses[each.arm], each) for each in found):
                    break
            self._sure |= {_place_in_route(case, each) for each in found}
        unsure.clear()

    def _send_judged(
        self, case: RequestSpec, earlier: Responses, judge_result: Callable[[CaseResult], Step]
    ) -> tuple[Responses, CaseResult, list[Judged], Step]:
        """Send a case, once more if need be, and compare the responses along with the earlier ones."""
        responses = _join(earlier, self._send_twice(case))
        result, found = self._compare(case, responses)
        step = judge_result(result)
        if step == "send again":
            responses = _join(earlier, self._send_twice(case))
            result, found = self._compare(case, responses)
        return responses, result, found, step

    def _send_twice(self, case: RequestSpec) -> Responses:
        """Send a case to all servers twice; once if the baseline does not respond, or without an end."""
        first, second = self._send(case), {}
        if first[BASELINE].status is not None and first[BASELINE].stream is None:
            second = self._send(case)
        return {arm: (first[arm], second[arm]) if second else (first[arm],) for arm in first}

    def _send(self, case: RequestSpec) -> dict[str, Response]:
        received = self._pool.map(lambda client: client.send(case), self.clients.values())
        return dict(zip(self.clients, received, strict=True))

    def _compare(self, case: RequestSpec, responses: Responses) -> tuple[CaseResult, list[Judged]]:
        baseline, control = responses[BASELINE], responses.get(CONTROL, ())
        status, log = baseline[0].status, self.clients[BASELINE].log
        is_error = status is not None and status >= HTTPStatus.INTERNAL_SERVER_ERROR
        noise = self._find_noise(case, responses)
        found = list(judge(case, responses, noise))
        result = CaseResult(
            case=case,
            baseline=baseline[0],
            traceback=log.find_traceback() if log is not None and is_error else "",
            differences=tuple(
                self._make_difference(case, each, responses) for each in found if self._is_first(case, each)
            ),
            coverage=mark_stream(cover(case, baseline, control, noise), baseline[0]),
            flaw=find_flaw(baseline[0]),
            streams={
                arm: received[0].stream
                for arm, received in responses.items()
                if received[0].stream is not None
            },
            statuses={arm: tuple(each.status for each in received) for arm, received in responses.items()},
            expectations={arm: expect(case, received, noise) for arm, received in responses.items()},
        )
        return result, found

    def _find_noise(self, case: RequestSpec, responses: Responses) -> Noise:
        path = case.path
        every = [response for received in responses.values() for response in received]
        if case.method == "GET" and len({response.portable_body for response in every}) > 1:
            self._uneven.add(path)
        is_part = case.method == "HEAD" or any(response.status in _WITHOUT_BODY for response in every)
        return find_noise(
            case,
            responses[BASELINE],
            responses.get(CONTROL, ()),
            body_differs=is_part and path in self._uneven,
        )

    def _is_first(self, case: RequestSpec, judged: Judged) -> bool:
        """Whether no earlier case has shown the same: a login that fails is one difference."""
        failure = self.clients[judged.arm].failed_login(case)
        return not failure or self._failed_logins.setdefault((judged.arm, failure), case) == case

    def _make_difference(self, case: RequestSpec, judged: Judged, responses: Responses) -> Difference:
        finding, client = judged.finding, self.clients[judged.arm]
        lines = [each.curl(case) for each in (self.clients[BASELINE], client)]
        if judged.turn:
            lines = [f"{line} > /dev/null; {line}" for line in lines]
        lead = "sent again: " if judged.turn else ""
        is_error = finding.kind == "status" and finding.candidate.startswith("5")
        cause = client.log.find_cause() if is_error and client.log is not None else ""
        pair = responses[BASELINE][judged.turn], responses[judged.arm][judged.turn]
        evidence = Evidence(request=case, finding=finding, responses=pair, cause=cause)
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
            cause=cause,
            known=find_known(evidence),
        )
        return self.allow_if_meant(difference)

    def allow_if_meant(self, difference: Difference) -> Difference:
        """A difference with the reason why the plan allows it, if it does."""
        for place, allowance in enumerate(self.allow):
            if allowance.known and difference.known not in allowance.known:
                continue
            names = "case", "deployment", "kind", "pointer"
            if all(matches(getattr(allowance, name), getattr(difference, name)) for name in names):
                self.used_allowances.add((place, difference.known if allowance.known else ""))
                return replace(difference, allowed=allowance.reason)
        return difference


def _join(earlier: Responses, later: Responses) -> Responses:
    return align_streams({arm: (*earlier.get(arm, ()), *later[arm]) for arm in later})


def judge(case: RequestSpec, responses: Responses, noise: Noise) -> Iterator[Judged]:
    """Find where servers differ from the baseline in what is not noise.

    Where the baseline does not respond, or contradicts its control by another status or a response that does
    not end, only what neither of them sends is a difference.
    """
    control = responses.get(CONTROL)
    for arm, received in responses.items():
        if arm == BASELINE:
            continue
        listed: set[object] = set()
        for turn, (ours, theirs) in enumerate(zip(responses[BASELINE], received, strict=True)):
            *known, found = (
                (each.status, each.stream is None)
                for each in (ours, control[turn] if control else ours, theirs)
            )
            is_excused = ours.status is None or (known[0] != known[1] and found in known)
            for finding in () if is_excused else compare_streams(case, ours, theirs, noise):
                place = finding.kind, finding.pointer, finding.aspect
                if place not in listed:
                    listed.add(place)
                    yield Judged(arm=arm, finding=finding, turn=turn)


def _contradicts_itself(received: Sequence[Response], judged: Judged) -> bool:
    """Whether the bodies of one server, of the status that it sent first, differ where it has a finding."""
    masks = learn_bodies([each for each in received if each.status == received[0].status]).masks
    if judged.finding.kind == "header" or not judged.finding.pointer:
        return bool(masks)
    place, *masked = (
        [*without_indexes(pointer).removesuffix(f"/{ANY_KEY}").split("/")]
        for pointer in (judged.finding.pointer, *masks)
    )
    return any(place[: len(each)] == each[: len(place)] for each in masked)


def _place_in_route(case: RequestSpec, judged: Judged) -> tuple[str, ...]:
    """Identifies a difference in all cases of a route."""
    return judged.arm, case.method, shape_of(case.path), judged.finding.kind, judged.finding.pointer
