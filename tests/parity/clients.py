"""Made-up services, compared without a server: clients that are functions from requests to responses."""

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

from portcompare.http.responses import Response
from portcompare.parity.checker import CaseResult, ParityChecker
from portcompare.parity.outcome import ParityOutcome, sum_up
from portcompare.parity.survey import Survey
from portcompare.plan import Allowance
from portcompare.records.parity import CaseCoverage, Difference, Parity
from portcompare.records.requests import RequestSpec
from portcompare.records.rounds import BASELINE, CONTROL

Service = Callable[[RequestSpec], Response]
SCENARIO = RequestSpec(name="delayed", target="/data?delay=0")
ONE = (RequestSpec(name="GET /data?delay=0", target="/data?delay=0"),)
DIFFERENCE = Difference(
    case="GET /a",
    deployment="new",
    kind="status",
    pointer="",
    severity="breaks",
    baseline="200",
    candidate="500",
)


class Client:
    """Stands for the client of an arm."""

    log = None
    failing = ""  # Why a login fails
    shows_form = False  # Whether the last step of a login shows a password form

    def __init__(self, service: Service) -> None:
        self.service = service
        self.received: list[RequestSpec] = []
        self.renew: Callable[[], None] = lambda: None  # Called when a login is to be repeated

    def failed_login(self, case: RequestSpec) -> str:
        return self.failing if case.login else ""

    def login_shows_form(self, _: RequestSpec) -> bool:
        return self.shows_form

    def forget_login(self, _: object) -> None:
        self.renew()

    def send(self, case: RequestSpec) -> Response:
        self.received.append(case)
        return self.service(case)

    def curl(self, case: RequestSpec) -> str:
        return f"curl http://{id(self)}{case.target}"


def checker_of(
    clients: Mapping[str, Client], allow: Sequence[Allowance] = (), tick_s: float = 0.0
) -> ParityChecker:
    stand_ins: Any = clients
    return ParityChecker(stand_ins, allow=allow, tick_s=tick_s)


def checking(
    baseline: Service,
    *others: Service,
    cases: Sequence[RequestSpec] = ONE,
    control: Service | None = None,
    allow: Sequence[Allowance] = (),
) -> ParityOutcome:
    services = {BASELINE: baseline} | ({} if control is None else {CONTROL: control})
    services |= {f"new-{place}": service for place, service in enumerate(others)}
    clients = {arm: Client(service) for arm, service in services.items()}
    with checker_of(clients, allow) as checker:
        return sum_up(checker, of_own(checker.check_all(cases)))


def of_own(results: Sequence[CaseResult]) -> Survey:
    """A survey of the plan's own requests."""
    return Survey(own=tuple(results), varied=(), faults=(), unsent=(), is_cut_short=False, warnings=())


def listed(outcome: ParityOutcome) -> list[tuple[str, str, str, str, str]]:
    return [
        (each.deployment, each.kind, each.pointer, each.baseline, each.candidate)
        for each in outcome.parity.differences
    ]


def result_of(case: RequestSpec, *differences: Difference) -> CaseResult:
    """A result that was compared in full."""
    return CaseResult(
        case=case,
        baseline=response(),
        traceback="",
        differences=differences,
        coverage=CaseCoverage(case=case.name, status=200, compared="in full"),
        flaw="",
        streams={},
        statuses={BASELINE: (200,)},
        expectations={},
    )


def masked_in(parity: Parity) -> tuple[str, ...]:
    """The places that are not compared, each with its case."""
    cases = (*parity.coverage.in_part, *parity.coverage.not_compared)
    return tuple(f"{each.case}: {place}" for each in cases for place in each.omitted)


def response(*headers: tuple[str, str], status: int = 200, body: bytes = b"hello") -> Response:
    return Response(server="127.0.0.1:1", status=status, headers=headers, body=body)


def document(value: object) -> Response:
    return response(("content-type", "application/json"), body=json.dumps(value).encode())


def always(*headers: tuple[str, str], status: int = 200, body: bytes = b"hello") -> Service:
    return lambda _: response(*headers, status=status, body=body)


def in_turn(*responses: Response) -> Service:
    """Respond with one after the other, then from the start again."""
    turns = count()
    return lambda _: responses[next(turns) % len(responses)]


def counting(made: Callable[[int], Response]) -> Service:
    """Respond to each request with another number."""
    turns = count()
    return lambda _: made(next(turns))
