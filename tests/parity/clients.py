"""Made-up services, compared without a server: clients that are functions from requests to responses."""

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

from portcompare.http.responses import Response
from portcompare.parity.checker import ParityChecker, ParityOutcome
from portcompare.plan import Allowance
from portcompare.records.requests import RequestSpec
from portcompare.records.rounds import BASELINE, CONTROL

Service = Callable[[RequestSpec], Response]
SCENARIO = RequestSpec(name="delayed", target="/data?delay=0")
ONE = (RequestSpec(name="GET /data?delay=0", target="/data?delay=0"),)


class Client:
    """Stands for the client of an arm."""

    failed_logins: tuple[str, ...] = ()

    def __init__(self, service: Service) -> None:
        self.service = service
        self.received: list[RequestSpec] = []

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
        return checker.sum_up([checker.check(case) for case in cases])


def listed(outcome: ParityOutcome) -> list[tuple[str, str, str, str, str]]:
    return [
        (each.deployment, each.kind, each.pointer, each.baseline, each.candidate)
        for each in outcome.parity.differences
    ]


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
