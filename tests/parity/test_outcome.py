"""What follows from an earlier difference: a server has counted or stored what the other one refused."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from portcompare.http.responses import Response
from portcompare.parity.checker import ParityChecker
from portcompare.parity.outcome import recheck_alone
from portcompare.records.parity import Difference
from portcompare.records.requests import RequestSpec
from portcompare.records.rounds import BASELINE
from tests.parity.clients import Client, Service, checker_of, checking, document, response

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
