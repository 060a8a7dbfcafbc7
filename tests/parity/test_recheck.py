"""Differing cases are sent to fresh servers, and two checks of the same cases are combined."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import cast

import pytest

from portcompare.http.responses import Response
from portcompare.parity.checker import CaseResult, ParityChecker
from portcompare.parity.outcome import ParityOutcome, combine_parity, recheck_alone
from portcompare.records.parity import CaseCoverage, Coverage, Difference, Parity, RequestFault
from portcompare.records.requests import RequestSpec
from portcompare.records.rounds import BASELINE
from tests.parity.clients import (
    DIFFERENCE,
    Client,
    Service,
    checker_of,
    checking,
    document,
    masked_in,
    response,
    result_of,
)

ARMS = frozenset({"baseline", "control", "new", "other"})
ALIKE = Parity(verdict="alike", cases=3, deployments=("new",), differences=())
UNLIKE = replace(ALIKE, verdict="different")


class Servers:
    """Servers on which some cases differ, and what they received on each start."""

    def __init__(self, *differing: str) -> None:
        self.differing = differing
        self.starts: list[tuple[frozenset[str], list[str]]] = []

    @contextmanager
    def serve(self, arms: frozenset[str]) -> Iterator[ParityChecker]:
        self.starts.append((arms, []))
        yield cast("ParityChecker", self)

    def check_all(self, cases: Sequence[RequestSpec]) -> list[CaseResult]:
        self.starts[-1][1].extend(case.name for case in cases)
        differing_cases = [[differing(case.name)] * (case.name in self.differing) for case in cases]
        return [result_of(case, *found) for case, found in zip(cases, differing_cases, strict=True)]


def part_of(*cases: str) -> Coverage:
    """Three cases, of which these were compared in part."""
    parts = (CaseCoverage(case=case, status=200, compared="in part", omitted=("/at",)) for case in cases)
    return Coverage(in_full=3 - len(cases), in_part=tuple(parts))


def differing(case: str, deployment: str = "new") -> Difference:
    return replace(DIFFERENCE, case=case, deployment=deployment)


def checked(*differences: Difference) -> ParityOutcome:
    names = [each.case for each in differences]
    parity = Parity(
        verdict="different", cases=9, deployments=("control", "new", "other"), differences=differences
    )
    cases = {name: RequestSpec(name=name, method=name.partition(" ")[0]) for name in names}
    return ParityOutcome(parity=parity, cases=cases, expectations={})


def test_what_does_not_differ_alone_comes_from_the_order() -> None:
    servers = Servers("GET /a")
    parity = recheck_alone(checked(differing("GET /a"), differing("GET /b")), ARMS, servers.serve)
    assert [(each.case, each.from_order) for each in parity.differences] == [
        ("GET /a", False),
        ("GET /b", True),
    ]
    assert not parity.equal
    assert parity.warnings == ()


def test_what_only_reads_shares_a_start_and_what_writes_has_its_own() -> None:
    servers = Servers()
    outcome = checked(
        differing("POST /a"), differing("GET /b"), differing("PUT /c", "other"), differing("HEAD /d", "other")
    )
    recheck_alone(outcome, ARMS, servers.serve)
    assert servers.starts == [
        (frozenset({"new", "other"}), ["GET /b", "HEAD /d"]),
        (frozenset({"new"}), ["POST /a"]),
        (frozenset({"other"}), ["PUT /c"]),
    ]


def test_the_time_for_starts_is_limited_and_the_rest_is_a_warning() -> None:
    servers = Servers()
    outcome = checked(*(differing(f"POST /{n}") for n in range(3)))
    parity = recheck_alone(outcome, ARMS, servers.serve, limit_s=0.0)
    assert len(servers.starts) == 1
    assert [each.from_order for each in parity.differences] == [True, False, False]
    [warning] = parity.warnings
    assert warning.startswith("2 of the cases that differ were not sent to fresh servers")


def test_what_does_not_count_or_cannot_be_started_afresh_is_not_sent_again() -> None:
    servers = Servers()
    outcome = checked(
        differing("GET /c", "control"),
        differing("GET /d", "elsewhere"),
        replace(differing("(the server's log)"), kind="log"),
        replace(differing("GET /b"), severity="harmless"),
        replace(differing("GET /e"), known="session-vary"),
        replace(differing("GET /a"), allowed="meant"),
    )
    parity = recheck_alone(outcome, ARMS, servers.serve)
    assert servers.starts == []
    assert parity == outcome.parity


@pytest.mark.parametrize(("before", "after"), [(ALIKE, UNLIKE), (UNLIKE, ALIKE), (UNLIKE, UNLIKE)])
def test_equal_is_only_what_stayed_equal(before: Parity, after: Parity) -> None:
    assert not combine_parity(before, after).equal
    assert combine_parity(ALIKE, ALIKE) == ALIKE


def test_a_request_that_the_load_has_broken_is_a_warning_and_no_fault_of_the_plan() -> None:
    fault = RequestFault(case="GET /a", found="status 500", remedy="")
    uncompared = replace(ALIKE, verdict="not compared", faults=(fault,))
    broken = combine_parity(ALIKE, uncompared)
    assert (broken.verdict, broken.faults) == ("not compared", ())
    assert broken.warnings == ("GET /a no longer works on the baseline after the load: status 500",)
    assert combine_parity(uncompared, uncompared) == uncompared


def test_what_both_checks_found_is_listed_once_in_the_order_it_was_found() -> None:
    again = replace(differing("b"), curl_candidate="curl http://127.0.0.1:2/", from_order=True)  # elsewhere
    before, after = (differing("a"), differing("b")), (again, differing("c"))
    combined = combine_parity(
        replace(UNLIKE, differences=before, coverage=part_of("x", "y"), warnings=("v", "w")),
        replace(UNLIKE, differences=after, coverage=part_of("y", "z"), warnings=("w", "x")),
    )
    assert combined.differences == (differing("a"), again, differing("c"))
    assert masked_in(combined) == ("x: /at", "y: /at", "z: /at")
    assert combined.warnings == ("v", "w", "x")


STATS = RequestSpec(name="GET /stats", target="/stats")
BROKEN = RequestSpec(name="POST /notes [no body]", method="POST", target="/notes")
OTHER = RequestSpec(name="GET /other", target="/other")


def counting(status: int) -> Service:
    """Respond to writing requests with a status; the others see how many were stored, and how many failed."""
    stored: list[RequestSpec] = []
    failed: list[RequestSpec] = []

    def respond(case: RequestSpec) -> Response:
        if case.method == "POST":
            (stored if status < 400 else failed).append(case)
            return response(status=status)
        return document({"stored": len(stored), "errors": len(failed)})

    return respond


def rechecked(*cases: RequestSpec, services: Callable[[], tuple[Service, Service]]) -> list[Difference]:
    @contextmanager
    def serve_afresh(_: frozenset[str]) -> Iterator[ParityChecker]:
        pair = zip((BASELINE, "new-0"), services(), strict=True)
        with checker_of({arm: Client(service) for arm, service in pair}) as checker:
            yield checker

    outcome = checking(*services(), cases=cases)
    parity = recheck_alone(outcome, frozenset({BASELINE, "new-0"}), serve_afresh)
    return [each for each in parity.differences if each.kind != "status"]


@pytest.mark.parametrize("statuses", [(201, 500), (201, 400), (400, 201)])
def test_a_count_after_a_request_whose_status_differs_may_follow_from_it(statuses: tuple[int, int]) -> None:
    first, second = statuses
    found = rechecked(BROKEN, STATS, OTHER, services=lambda: (counting(first), counting(second)))
    assert {each.case for each in found} == {"GET /stats", "GET /other"}
    assert {each.follows for each in found} == {BROKEN.name}
    assert all(each.from_order and each.counts for each in found)


def test_a_count_that_differs_before_follows_from_nothing() -> None:
    first = document({"stored": 0}), document({"stored": 1})
    outcome = checking(lambda _: first[0], lambda _: first[1], cases=[STATS, BROKEN])
    assert [each.follows for each in outcome.parity.differences] == ["", ""]


def test_what_is_lost_though_every_status_is_alike_follows_from_nothing() -> None:
    def forgetful(case: RequestSpec) -> Response:
        return response(status=201) if case.method == "POST" else document({"stored": 0, "errors": 0})

    [found] = rechecked(BROKEN, STATS, services=lambda: (counting(201), forgetful))
    assert (found.case, found.from_order, found.follows) == ("GET /stats", True, "")
