import gzip
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from portcompare.http.requests import http_request
from portcompare.http.responses import ResponseReader
from portcompare.loadgen.checks import SPARSE, ApprovedResponses, LooseBody, exact_body
from portcompare.loadgen.declare import Call, make_script
from portcompare.records.requests import Expectation, RequestSpec
from portcompare.wire.protocol import Captured
from tests.loadgen.generator import expect
from tests.loadgen.scripted import OK, Peer, responding, response_of, serve

HERE = "127.0.0.1:8001"


ONE = b'{"id": 1, "name": "a"}'
LINK = b'{"id": 1, "self": "http://{server}/1"}'
PACKED = gzip.compress(b'{"id": 7, "name": "a"}', mtime=0)  # xdist wants stable ids


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is busy does not keep the comparing from going on."""
    monkeypatch.setattr("portcompare.loadgen.checks._MOMENT_S", 60.0)
    monkeypatch.setattr(LooseBody, "rests_until_s", 0.0)


def loose(expected: Expectation) -> LooseBody:
    return LooseBody(expected=expected, server=HERE)


@pytest.mark.parametrize(
    ("expected", "body", "alike"),
    [
        (expect(ONE, "/id"), b'{"id": 7, "name": "a"}', True),
        (expect(ONE, "/id"), b'{"id": "7", "name": "a"}', False),  # another type at the pointer
        (expect(ONE, "/id"), b'{"id": 7, "name": "b"}', False),
        (expect(ONE, "/id"), b'{"id": 7, "na', False),
        (replace(expect(ONE, "/id"), encoding="gzip"), PACKED, True),
        (replace(expect(ONE, "/id"), encoding="gzip"), PACKED[:-1], False),
        (expect(b"see http://{server}/a", own_address=True), b"see http://127.0.0.1:8001/a", True),
        (expect(b"see http://{server}/a", own_address=True), b"see http://127.0.0.1:8002/a", False),
        (expect(LINK, "/id", own_address=True), b'{"id": 2, "self": "http://127.0.0.1:8001/1"}', True),
    ],
)
def test_of_a_masked_value_only_the_type_and_of_the_own_address_the_place_is_compared(
    expected: Expectation, body: bytes, *, alike: bool
) -> None:
    assert exact_body(expected) is None
    assert loose(expected).matches(body) is alike


def test_comparing_rests_after_a_body_that_took_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portcompare.loadgen.checks._MOMENT_S", 0.001)
    times = {"monotonic": iter([0.0, 1.0, 10.9, 11.1]), "thread_time": iter([0.0, 0.1, 0.2, 0.2])}
    for name, instants in times.items():
        monkeypatch.setattr(f"portcompare.loadgen.checks.{name}", partial(next, instants))
    body = loose(expect(b'{"id": 1}', "/id"))
    assert [body.matches(found) for found in (b'{"id": 2}', b"[]", b"[]")] == [True, True, False]


def call_of(expected: Expectation | None) -> Call:
    session: Any = SimpleNamespace(expectations={} if expected is None else {0: expected}, lines={})
    target: Any = SimpleNamespace(name="flask", url=f"http://{HERE}")
    user_class = type("Data", (), {"request": http_request("/data", name="the request")})
    (call,) = make_script(user_class, target, session).calls
    assert session.lines == {("flask the request", "GET"): ("Data", "flask")}
    return call


def read(data: bytes) -> ResponseReader:
    reader = ResponseReader()
    assert reader.feed(data) is None
    return reader


@pytest.mark.parametrize(
    ("response", "expected", "kind"),
    [
        (response_of("302 Found", b"", "Location: /"), None, None),
        (response_of("404 Not Found", b"ok"), None, "status 404"),
        (response_of("500 Oops", b"ok"), expect(b"ok"), "status 500"),
        (response_of("201 Created", b"ok"), Expectation(status=200, body_base64=None), "status 201"),
        (response_of("200 OK", b"anything"), Expectation(status=200, body_base64=None), None),
        (response_of("404 Not Found", b"gone"), expect(b"gone", status=404), None),
        (response_of("200 OK", b"\x00\xff"), expect(b"\x00\xff"), None),
        (response_of("200 OK", b""), expect(b""), None),
        (response_of("200 OK", b"ko"), expect(b"ok"), "wrong body (the request)"),
        (response_of("200 OK", b""), expect(b"ok"), "wrong body (the request)"),
        (response_of("200 OK", b'{"id": 3}'), expect(b'{"id": 1}', "/id"), None),
        (response_of("200 OK", b'{"id": "3"}'), expect(b'{"id": 1}', "/id"), "wrong body (the request)"),
    ],
)
def test_a_response_is_right_if_it_has_the_expected_status_and_body(
    response: bytes, expected: Expectation | None, kind: str | None
) -> None:
    assert call_of(expected).find_wrong(read(response), lambda: True) == kind


def test_a_body_that_varies_is_compared_where_the_response_is_sampled() -> None:
    call = call_of(expect(b'{"id": 1}', "/id"))
    wrong = read(response_of("200 OK", b"{}"))
    assert call.find_wrong(wrong, lambda: False) is None
    assert call.find_wrong(wrong, lambda: True) == "wrong body (the request)"
    assert call.describe_wrong(wrong) == '/data received {} instead of {"id": 1}'


def test_an_example_of_a_wrong_response_shows_where_it_differs_and_no_secret() -> None:
    right, wrong = (b'{"token": "s3cr3t", "id": "' + b"a" * 99 + end + b'"}' for end in (b"1", b"2"))
    shown = call_of(expect(right)).describe_wrong(read(response_of("200 OK", wrong)))
    assert shown == f'/data received ...{"a" * 24}2"}} instead of ...{"a" * 24}1"}}'
    late = call_of(expect(b'{"token": "s3cr3t"}')).describe_wrong(read(response_of("503 Busy", b"\x1b[2J")))
    assert late == r"/data received status 503: \x1b[2J instead of status 200"


WRONG = "wrong body (GET /items?tag=a%2Fb)"


def checked(
    play: Callable[[Peer], None],
    expected: Expectation,
    fetch: Callable[[str], Any] = requests.get,
    *,
    first: bool = True,
    **captured: Any,  # noqa: ANN401
) -> list[str | None]:
    """What is found of two responses to a request that was captured before."""
    with serve(play) as server:
        sent = fetch(f"{server.url}/items?tag=a%2Fb").request
        headers = tuple(pair for pair in sent.headers.items() if pair[0] != "X-Tenant")
        target = sent.path_url
        spec = RequestSpec(name=f"GET {target}", method=sent.method, target=target, headers=headers)
        requests_ = (RequestSpec(name="other", method="GET", target="/other"), spec)
        approved = ApprovedResponses(
            Captured(requests=requests_, **captured), {1: expected}, server.url.removeprefix("http://")
        )
        return [approved.find_wrong(fetch(f"{server.url}/items?tag=a%2Fb"), first=first) for _ in range(2)]


def test_a_client_s_response_is_compared_with_the_approved_one() -> None:
    assert checked(responding(OK), expect(b"ok")) == [None, None]
    assert checked(responding(OK), expect(b"ko"), first=False) == [WRONG, WRONG]  # each one, no sample
    assert checked(responding(OK), expect(b"ok", status=204)) == ["status 200"] * 2


def test_a_varying_body_is_compared_for_each_user_s_first_response_and_one_of_many() -> None:
    approved = ApprovedResponses(
        Captured(requests=(RequestSpec(name="GET /", method="GET", target="/"),)),
        {0: expect(b'{"at": 4, "next": "http://{server}/2"}', "/at", own_address=True)},
        HERE,
    )
    sent = SimpleNamespace(method="GET", path_url="/", body=None, headers={})
    response = SimpleNamespace(status_code=200, request=sent, headers={}, _content=b"{}")
    found = [approved.find_wrong(response, first=number == 5) for number in range(2 * SPARSE)]
    response._content = f'{{"at": 5, "next": "http://{HERE}/2"}}'.encode()  # noqa: SLF001 - the client's
    assert approved.find_wrong(response, first=True) is None
    assert [number for number, one in enumerate(found) if one] == [0, 5, SPARSE]


tenants = count()


@pytest.mark.parametrize(
    "fetch",
    [
        lambda url: requests.get(url, headers={"X-Tenant": str(next(tenants))}, timeout=60),
        lambda url: requests.get(url, cookies={"sid": str(next(tenants))}, timeout=60),
        lambda url: requests.post(url, data=b"x", timeout=60),
        lambda url: requests.get(url, stream=True, timeout=60),
    ],
    ids=["header", "cookie", "body", "stream"],
)
def test_a_request_that_parity_cannot_have_approved_is_not_called_wrong(fetch: Callable[[str], Any]) -> None:
    assert checked(responding(OK), expect(b"ko"), fetch) == [None, None]


def test_a_response_that_differed_in_the_dry_pass_is_compared_by_status_alone() -> None:
    assert checked(responding(OK), expect(b"ko"), varying=(1,)) == [None, None]
    assert checked(responding(OK), expect(b"ko", status=201), varying=(1,)) == ["status 200"] * 2
