from __future__ import annotations

import base64

import pytest

from portcompare.loadgen.bodies import LooseBody, exact_body
from portcompare.records.requests import Expectation

HERE = "127.0.0.1:8001"


def expect(body: bytes, *masked: str, own_address: bool = False) -> Expectation:
    encoded = base64.b64encode(body).decode()
    return Expectation(status=200, body_base64=encoded, masked=masked, own_address=own_address)


@pytest.mark.parametrize(
    ("expected", "body"),
    [
        (expect(b"ok"), b"ok"),
        (expect(b""), b""),
        (Expectation(status=200, body_base64=None), None),
        (expect(b'{"id": 1}', "/id"), None),
        (expect(b"{server}", own_address=True), None),
    ],
)
def test_only_a_body_that_is_always_the_same_is_compared_each_time(
    expected: Expectation, body: bytes | None
) -> None:
    assert exact_body(expected) == body


@pytest.mark.parametrize(
    ("body", "alike"),
    [
        (b'{"id": 7, "name": "a"}', True),
        (b'{"name":"a","id":8}', True),
        (b'{"id": "7", "name": "a"}', False),  # another type at the pointer
        (b'{"id": 7, "name": "b"}', False),
        (b'{"id": 7, "name": "a", "more": 1}', False),
        (b'{"name": "a"}', False),
        (b'{"id": 7, "na', False),
        (b"", False),
    ],
)
def test_of_a_masked_value_only_the_type_is_compared(body: bytes, *, alike: bool) -> None:
    assert LooseBody.of(expect(b'{"id": 1, "name": "a"}', "/id"), HERE).matches(body) is alike


@pytest.mark.parametrize("other", ["1.0", "true"])
def test_what_python_takes_for_equal_is_not_equal_to_clients(other: str) -> None:
    loose = LooseBody.of(expect(b'{"id": 1, "n": 1}', "/id"), HERE)
    assert not loose.matches(f'{{"id": 2, "n": {other}}}'.encode())


def test_the_servers_own_address_is_replaced_and_no_other() -> None:
    loose = LooseBody.of(expect(b"see http://{server}/a", own_address=True), HERE)
    assert loose.matches(b"see http://127.0.0.1:8001/a")
    assert not loose.matches(b"see http://127.0.0.1:8002/a")


def test_an_address_in_masked_json_is_replaced_too() -> None:
    expected = expect(b'{"id": 1, "self": "http://{server}/1"}', "/id", own_address=True)
    assert LooseBody.of(expected, HERE).matches(b'{"id": 2, "self": "http://127.0.0.1:8001/1"}')
