"""The course of a check: the plan's own requests, then what derives from those that work."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus

from portcompare.parity.bodies import decode
from portcompare.parity.cases import SAFE_METHODS, derive_cases, identity, own_cases
from portcompare.parity.checker import CaseResult, ParityChecker, Step
from portcompare.parity.compare import fails_now_and_then
from portcompare.parity.findings import excerpt_line
from portcompare.parity.follow_ups import derive_follow_ups
from portcompare.parity.header_variants import FORWARDED_HEADERS, without_headers
from portcompare.parity.refusals import RefusalWatch, check_logins, leads_to_login
from portcompare.parity.streams import STREAM_LIMIT_S
from portcompare.parity.url_variants import shape_of
from portcompare.records.parity import CaseCoverage, RequestFault
from portcompare.records.requests import RequestSpec
from portcompare.records.rounds import BASELINE, CONTROL
from portcompare.units import duration

_NO_ROUTE = (404, 405)


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What all cases have shown, in the parts that are summed up apart."""

    own: tuple[CaseResult, ...]  # Of the plan's requests
    varied: tuple[CaseResult, ...]
    faults: tuple[RequestFault, ...]
    unsent: tuple[CaseCoverage, ...]  # The cases that were not sent, with the reason
    is_cut_short: bool  # Whether a server refused to respond as before, or fails now and then
    warnings: tuple[str, ...]


@dataclass(kw_only=True)
class Limits:
    """How much is sent, and by when."""

    is_quick: bool = False  # The plan's own requests only
    deadline_s: float = float("inf")  # In seconds of `time.monotonic()`
    budget: str = ""  # The limit in words
    count: Callable[[int], None] = lambda _: None  # Called with the number of cases when it is known
    advance: Callable[[], None] = lambda: None  # Called after each case

    def is_up(self) -> bool:
        """Whether no further case may be sent."""
        return time.monotonic() > self.deadline_s


def survey(
    checker: ParityChecker,
    scenario_requests: Sequence[RequestSpec],
    parity_requests: Sequence[RequestSpec],
    vary: Sequence[str],
    limits: Limits,
) -> Survey:
    """Send the plan's own requests, then the variations of those that work.

    Raises InputError: a login fails on the baseline; behind it nothing can be compared.
    """
    watch = RefusalWatch(checker.clients)
    own = own_cases([*scenario_requests, *parity_requests])
    limits.count(len(own))
    own_results, unsent = _send_all(checker, own, watch, replace(limits, deadline_s=float("inf")))
    idle_logins = check_logins(checker.clients, own)
    faults = {identity(each.case): fault for each in own_results if (fault := find_fault(each)) is not None}
    missing = {
        shape_of(each.case.path): arm
        for each in own_results
        if identity(each.case) not in faults and (arm := _find_missing(each))
    }
    slow = {identity(each.case) for each in own_results if _is_slow_stream(each)}
    # Those of [parity] are varied first: whoever writes them can choose a quick one.
    bases = [
        each
        for each in (*parity_requests, *scenario_requests)
        if identity(each) not in faults and shape_of(each.path) not in missing and identity(each) not in slow
    ]
    works = {identity(each) for each in bases}
    following = derive_follow_ups([each for each in own_results if identity(each.case) in works], vary)
    derived = () if limits.is_quick else (*following, *derive_cases(bases, own, vary))
    limits.count(len(own) + len(derived))
    varied, more = _send_all(checker, derived, watch, limits)
    # Where the request before it fails, as it lacks what the baseline's gives, that is a difference already.
    varied = [
        each
        for each in varied
        if not (each.case.follows and any(one.failed_login(each.case) for one in checker.clients.values()))
    ]
    return Survey(
        own=tuple(_mark_fault(each, faults.get(identity(each.case))) for each in own_results),
        varied=tuple(varied),
        faults=tuple(faults.values()),
        unsent=(*unsent, *more),
        is_cut_short=bool(watch.reason)
        or any(fails_now_and_then(each.case, each.statuses[BASELINE]) for each in varied),
        warnings=(
            *watch.warnings,
            *idle_logins,
            *_find_unverified(own),
            *(f"{path} was not varied: {arm} has no such route" for path, arm in missing.items()),
            *(_describe_stream(each) for each in own_results if each.streams),
            *_find_ignored_proxy(own_results, varied),
        ),
    )


def _is_slow_stream(result: CaseResult) -> bool:
    """Whether a response does not end, and takes so long to begin that its variations would wait for it."""
    first_parts_s = [stream.first_part_s for stream in result.streams.values()]
    return any(each is None or each > STREAM_LIMIT_S for each in first_parts_s)


def _describe_stream(result: CaseResult) -> str:
    times = [
        f"{arm} {'sent nothing' if stream.first_byte_s is None else duration(stream.first_byte_s)}"
        for arm, stream in result.streams.items()
    ]
    slow = "; it was not varied, as its first part takes long" if _is_slow_stream(result) else ""
    return (
        f"{result.case.name} is a stream that does not end; time to the first byte: {', '.join(times)}{slow}"
    )


def _find_ignored_proxy(own: Sequence[CaseResult], varied: Sequence[CaseResult]) -> Iterator[str]:
    """A hint if no response depends on what a proxy says."""
    bases = {identity(each.case): each for each in own}
    pairs = [
        (base, each)
        for each in varied
        for name in FORWARDED_HEADERS
        if each.case.name.endswith(f"[header {name}: {FORWARDED_HEADERS[name]}]")
        and (plain := replace(each.case, headers=without_headers(each.case.headers, name)))
        and (base := bases.get(identity(plain))) is not None
    ]
    if pairs and all(_traits(base) == _traits(each) for base, each in pairs):
        yield (
            f"{', '.join(FORWARDED_HEADERS)} change no response: no app trusts a proxy. If one will stand "
            "before them, add werkzeug's ProxyFix to a Flask app, hypercorn's ProxyFixMiddleware or "
            "uvicorn's --forwarded-allow-ips to a Quart app, and check again"
        )


def _traits(result: CaseResult) -> tuple[object, ...]:
    """What a proxy's headers may change of the responses to a case."""
    response = result.baseline
    body = response.portable_body if result.coverage.compared == "in full" else b""
    differing = frozenset((each.deployment, each.kind, each.pointer) for each in result.differences)
    return response.status, response.header("location"), body, differing


def _send_all(
    checker: ParityChecker, cases: Sequence[RequestSpec], watch: RefusalWatch, limits: Limits
) -> tuple[list[CaseResult], list[CaseCoverage]]:
    """The results of cases, and those that were not sent; a refusal ends the cases of its route."""
    judged: set[RequestSpec] = set()
    refused: dict[str, str] = {}  # The reason, by route
    unsent: list[CaseCoverage] = []

    def find_sendable() -> Iterator[RequestSpec]:
        for case in cases:
            reason = refused.get(shape_of(case.path), f"not sent within {limits.budget}" * limits.is_up())
            if reason:
                unsent.append(_make_unsent(case, reason))
            else:
                yield case

    def judge_result(result: CaseResult) -> Step:
        step = watch.judge(result)
        if step == "drop":
            refused[shape_of(result.case.path)] = watch.reason
            unsent.append(_make_unsent(result.case, watch.reason))
        if result.case in judged:  # a repetition
            return step
        judged.add(result.case)
        limits.advance()
        # An ETag of a body that holds a clock may change between the two requests.
        is_split = result.case.follows is not None and len({*result.statuses.values()}) > 1
        return "send again" if step == "keep" and is_split else step

    return checker.check_all(find_sendable(), judge_result), unsent


def _find_unverified(own: Sequence[RequestSpec]) -> Iterator[str]:
    """One warning of the plan's writing requests of which no other request reads what they wrote."""
    paths = [each.path for each in own if each.method in SAFE_METHODS]
    unread = [
        each.name
        for each in own
        if each.method not in SAFE_METHODS
        and not any(_is_below(path, each.target) or _is_below(each.target, path) for path in paths)
    ]
    if unread:
        yield f"what these write is not verified, as no GET of the plan reads it back: {', '.join(unread)}"


def _is_below(path: str, other: str) -> bool:
    """Whether a path is another one, or lies below it."""
    above = other.partition("?")[0].rstrip("/")
    return path.rstrip("/") == above or (above != "" and path.startswith(f"{above}/"))


def _mark_fault(result: CaseResult, fault: RequestFault | None) -> CaseResult:
    """A result whose case counts as not compared if its request does not work."""
    if fault is None:
        return result
    coverage = replace(result.coverage, compared="not compared", omitted=(), reason="fault of the plan")
    return replace(result, coverage=coverage, differences=())


def _make_unsent(case: RequestSpec, reason: str) -> CaseCoverage:
    return CaseCoverage(case=case.name, status=None, compared="not compared", reason=reason)


def find_fault(result: CaseResult) -> RequestFault | None:
    """Why a request of the plan does not work on the baseline; None if it does, as the plan expects."""
    case, response = result.case, result.baseline
    status, expected = response.status, case.expected_status
    if status is None:
        found, remedy = f"no response: {response.error}", "correct the request, or the baseline"
    elif expected is not None and status != expected:
        found = f"status {status}, where the plan expects {expected}"
        remedy = "correct the request or its `expect`"
    elif expected is None and leads_to_login(response, case):
        found = f"status {status}, a redirect to {response.header('location')}: it needs a login"
        remedy = f"give its scenario a `login`, or say that it is meant: expect = {{ status = {status} }}"
    elif expected is None and status >= HTTPStatus.BAD_REQUEST:
        line = excerpt_line(decode(response)[0])
        found = f"status {status}" + (f": {line}" if line else "")
        remedy = f"correct the request or the app, or say that it is meant: expect = {{ status = {status} }}"
    else:
        return None
    return RequestFault(case=case.name, found=found, remedy=remedy, traceback=result.traceback)


def _find_missing(result: CaseResult) -> str:
    """An arm that has no route for a request of the plan which others have; empty if there is none."""
    lacks = {arm: statuses[0] in _NO_ROUTE for arm, statuses in result.statuses.items() if arm != CONTROL}
    return "" if all(lacks.values()) else next((arm for arm in lacks if lacks[arm]), "")
