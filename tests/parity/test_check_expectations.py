from __future__ import annotations

from base64 import b64decode

import pytest

from portcompare.plan import Allowance
from portcompare.records.requests import Expectation, RequestSpec
from portcompare.records.rounds import BASELINE
from tests.parity.checking import SCENARIO, checking, document
from tests.parity.site import Asked, Reply, always


def own_address(asked: Asked) -> Reply:
    host = dict(asked.headers)["Host"]
    return Reply(status=201, headers=(("Location", f"http://{host}/new"),), body=f"made {host}".encode())


def test_a_servers_own_address_is_no_difference_and_expected_as_such_under_load() -> None:
    outcome = checking(own_address, own_address)

    assert outcome.parity.equal
    assert outcome.parity.masked == ()
    assert outcome.expectation(SCENARIO) == Expectation(
        status=201, body_base64="bWFkZSB7c2VydmVyfQ==", own_address=True
    )


@pytest.mark.parametrize("body", [b"", b"hello", b"\xff\x00\n", "é".encode()])
def test_what_the_baseline_answered_is_expected_under_load(body: bytes) -> None:
    outcome = checking(always(Reply(status=203, body=body)), always(Reply(status=203, body=body)))

    expectation = outcome.expectation(SCENARIO)

    assert expectation is not None
    assert expectation.status == 203
    assert expectation.body_base64 is not None
    assert b64decode(expectation.body_base64) == body


def test_a_request_that_was_no_case_has_no_expectation() -> None:
    outcome = checking(always(Reply()), always(Reply()))

    assert outcome.expectation(RequestSpec(name=SCENARIO.name, target="/other")) is None


def test_an_arm_whose_difference_is_allowed_is_held_to_its_own_answer_under_load() -> None:
    allow = [Allowance(reason="prices are text now", kind="json", pointer="/price")]
    outcome = checking(always(document({"price": 1})), always(document({"price": "1"})), allow=allow)

    assert outcome.parity.equal
    for arm, body in ((BASELINE, b'{"price": 1}'), ("new-0", b'{"price": "1"}')):
        expectation = outcome.expectation(SCENARIO, arm)
        assert expectation is not None
        assert b64decode(expectation.body_base64 or "") == body
