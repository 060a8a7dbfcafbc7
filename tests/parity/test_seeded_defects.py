"""A port with one defect, once for each: each is found with its severity, and nothing else is found."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from portcompare.http.requests import http_request
from portcompare.parity.cases import derive_cases, own_cases
from portcompare.parity.checker import ParityChecker
from portcompare.parity.outcome import recheck_alone, sum_up
from portcompare.records.parity import Parity
from portcompare.records.rounds import BASELINE, CONTROL
from tests.parity.clients import Client, checker_of, of_own
from tests.parity.shop import build_service

# Method and path, kind, pointer, severity, and both values where they are short.
Shown = tuple[str, str, str, str, str]

HEAD = "head-with-body"

# In this order: what one request stores, those after it show.
REQUESTS = [
    http_request("/items/1"),
    http_request("/items/2"),
    http_request("/items/99"),
    http_request("/items"),
    http_request("/items", query={"limit": 2}),
    http_request("/items", query={"limit": 0}),
    http_request("/login", method="POST", headers={"Authorization": "Basic YWRhOmVuZ2luZQ=="}),
    http_request("/items", method="POST", json={"name": "table"}),
    http_request("/items", method="POST", headers={"Content-Type": "text/plain"}, body="table"),
    http_request("/items", query={"limit": 50}),
    http_request("/items/4"),
]

EXPECTED: dict[str, set[Shown]] = {
    "status-of-bad-parameter": {("GET /items", "status", "", "breaks", "400 422")},
    "crash-on-content-type": {("POST /items", "status", "", "breaks", "415 500")},
    "number-for-text": {("GET /items/*", "json", "/sku", "breaks", "")},
    "lost-header": {("GET /items", "header", "Cache-Control", "changes", "")},
    "lost-cookie-attribute": {("POST /login", "header", "Set-Cookie: session; HttpOnly", "changes", "")},
    "swapped-error-codes": {("GET /items/*", "json", "/error", "changes", "")},
    "text-for-number-in-path": {
        ("GET /items/*", "status", "", "breaks", "404 500"),  # no number
        ("GET /items/*", "status", "", "breaks", "404 200"),  # a number to Python, such as +1
        ("GET /items/*", "body", "", "changes", ""),  # -1: no such route, or no such item
        ("GET /items/*", "header", "Content-Type", "breaks", ""),
    },
    "write-not-stored": {
        ("GET /items", "json", "/items/3", "breaks", ""),  # each case is sent twice: two new items
        ("GET /items", "json", "/items/4", "breaks", ""),
        ("GET /items/*", "status", "", "breaks", "200 404"),
    },
    HEAD: {("HEAD /items/*", "body", "", "breaks", "")},
}


@contextmanager
def serve(ports: Iterable[str]) -> Iterator[ParityChecker]:
    """The shop twice, and ports with these defects, all as they are when they have just started."""
    clients = {arm: Client(build_service()) for arm in (BASELINE, CONTROL)}
    clients |= {port: Client(build_service(port)) for port in ports}
    with checker_of(clients) as checker:
        yield checker


@pytest.fixture(scope="module")
def parity() -> Parity:
    ports = ["none", *EXPECTED]
    with serve(ports) as checker:
        own = own_cases(REQUESTS)
        cases = (*own, *derive_cases(REQUESTS, own, ["/items/*"]))
        outcome = sum_up(checker, of_own(checker.check_all(cases)))
    return recheck_alone(outcome, frozenset({BASELINE, *ports}), serve)


def shown(parity: Parity, deployment: str) -> set[Shown]:
    found = [one for one in parity.differences if one.deployment == deployment]
    values = [f"{one.baseline} {one.candidate}" if one.kind == "status" else "" for one in found]
    return {
        (family(one.case), one.kind, one.pointer, one.severity, both)
        for one, both in zip(found, values, strict=True)
    }


def family(case: str) -> str:
    """Method and path of a case, without its query, what was varied in it, and the number in its path."""
    found: Any = re.match(r"[A-Z]+ [^? ]+", case)
    return re.sub(r"/\d+$", "/*", found[0])


@pytest.mark.parametrize("defect", EXPECTED)
def test_a_defect_is_found_with_its_severity_and_nothing_else_is(parity: Parity, defect: str) -> None:
    assert shown(parity, defect) == EXPECTED[defect]


@pytest.mark.parametrize("arm", ["none", BASELINE, CONTROL])
def test_a_port_without_a_defect_shows_no_difference(parity: Parity, arm: str) -> None:
    assert shown(parity, arm) == set()


def test_what_shows_only_after_a_write_comes_from_the_order(parity: Parity) -> None:
    from_order = {(one.deployment, one.case) for one in parity.differences if one.from_order}
    # The other defect shows at the new item too, and without it there is nothing that it could show at.
    assert from_order == {
        ("write-not-stored", "GET /items?limit=50"),
        ("write-not-stored", "GET /items/4"),
        ("number-for-text", "GET /items/4"),
    }
    assert {one.deployment for one in parity.differences if not one.from_order} == EXPECTED.keys() - {
        "write-not-stored"
    }
