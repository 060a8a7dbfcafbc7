from __future__ import annotations

import socket
from base64 import b64decode
from itertools import count
from threading import Event
from typing import TYPE_CHECKING

import pytest

from portcompare.model import Expectation, Parity, RequestSpec
from portcompare.parity import ParityOutcome, check_parity, derive_cases
from tests.parity.site import Asked, Reply, always, serving, serving_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Answering = Callable[[Asked], Reply | Iterable[bytes]]

SCENARIO = RequestSpec(name="delayed", target="/data?delay=0")
CASES = derive_cases([SCENARIO], [])
ONE = CASES[:1]


def checking(
    baseline: Answering, *candidates: Answering, cases: tuple[RequestSpec, ...] = ONE, timeout_s: float = 30.0
) -> ParityOutcome:
    with serving_all(baseline, *candidates) as (first, *others):
        urls = {f"new-{place}": site.url for place, site in enumerate(others)}
        return check_parity(first.url, urls, cases, timeout_s=timeout_s)


def told(outcome: ParityOutcome) -> list[tuple[str, str, str, str, str]]:
    return [
        (each.deployment, each.kind, each.pointer, each.baseline, each.candidate)
        for each in outcome.parity.differences
    ]


def service(allow: str, server: str) -> Answering:
    """What a framework answers, in the words of one server program."""

    def answer(asked: Asked) -> Reply:
        headers = (
            ("Server", server),
            ("Date", f"today at {server}"),
            ("Server-Timing", f"app;dur={len(server)}"),
        )
        path = asked.target.partition("?")[0]
        if path != "/data":
            return Reply(status=404, headers=headers, body=b"no such path")
        if asked.method not in allow.split(", "):
            return Reply(status=405, headers=(*headers, ("Allow", allow)))
        return Reply(headers=(("Content-Type", "text/plain"), *headers))

    return answer


def test_services_that_differ_in_the_server_only_are_equal() -> None:
    outcome = checking(
        service("GET, HEAD, OPTIONS", "old"), service("OPTIONS, GET, HEAD", "newer"), cases=CASES
    )

    assert outcome.parity == Parity(equal=True, cases=6, deployments=("new-0",), differences=(), unstable=())


def test_each_case_goes_twice_to_the_baseline_and_once_to_each_candidate_in_order() -> None:
    with serving_all(*[always(Reply())] * 3) as (baseline, one, other):
        check_parity(baseline.url, {"one": one.url, "other": other.url}, CASES)

    expected = [(case.method, case.target) for case in CASES]
    assert [(asked.method, asked.target) for asked in baseline.asked] == [
        each for each in expected for _ in "12"
    ]
    assert [(asked.method, asked.target) for asked in one.asked] == expected
    assert [(asked.method, asked.target) for asked in other.asked] == expected


def test_progress_is_told_after_each_case() -> None:
    with serving_all(always(Reply()), always(Reply())) as (old, new):
        asked_when_told: list[int] = []
        check_parity(old.url, {"new": new.url}, CASES, on_case=lambda: asked_when_told.append(len(old.asked)))

    assert asked_when_told == [2, 4, 6, 8, 10, 12]


def test_a_difference_names_the_candidate_that_shows_it() -> None:
    outcome = checking(
        always(Reply()),
        always(Reply()),
        always(Reply(status=500)),
        always(Reply(body=b"other")),
        always(Reply(headers=(("ETag", '"1"'),))),
    )

    assert not outcome.parity.equal
    assert outcome.parity.deployments == ("new-0", "new-1", "new-2", "new-3")
    assert told(outcome) == [
        ("new-1", "status", "", "200", "500"),
        ("new-2", "body", "", "hello", "other"),
        ("new-3", "header", "ETag", "(absent)", '"1"'),
    ]


def test_a_candidate_that_does_not_answer_is_a_difference() -> None:
    with serving(always(Reply())) as site, socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unheard.getsockname()[1]}"
        outcome = check_parity(site.url, {"new": url}, ONE)

    assert not outcome.parity.equal
    assert told(outcome) == [("new", "status", "", "200", "no answer: ConnectError")]


def test_a_baseline_that_does_not_answer_is_never_equal() -> None:
    outcome = checking(lambda _: [], lambda _: [])

    silence = "no answer: RemoteProtocolError"
    assert not outcome.parity.equal
    assert told(outcome) == [
        ("baseline", "status", "", silence, silence),
        ("new-0", "status", "", silence, silence),
    ]
    assert outcome.expectation(SCENARIO) is None


def in_turn(*replies: Reply) -> Answering:
    """Answer one after the other, then from the start again."""
    turns = count()
    return lambda _: replies[next(turns) % len(replies)]


def test_a_baseline_that_contradicts_its_own_status_is_not_equal() -> None:
    outcome = checking(in_turn(Reply(), Reply(status=503)), always(Reply()))

    assert not outcome.parity.equal
    assert told(outcome) == [("baseline", "status", "", "200", "503")]
    assert outcome.parity.unstable == ()


def test_a_body_that_changes_by_itself_is_not_compared_and_said_not_to_be() -> None:
    outcome = checking(in_turn(Reply(body=b"1"), Reply(body=b"2")), always(Reply(body=b"3")))

    assert outcome.parity.equal
    assert outcome.parity.unstable == ("GET /data?delay=0: body",)
    assert outcome.expectation(SCENARIO) == Expectation(status=200, body_base64=None)


def test_where_the_body_changes_by_itself_the_rest_is_still_compared() -> None:
    outcome = checking(
        in_turn(Reply(body=b"1"), Reply(body=b"2")),
        always(Reply(body=b"3", headers=(("ETag", "x"),))),
        always(Reply(body=b"3", status=500)),
    )

    assert told(outcome) == [
        ("new-0", "header", "ETag", "(absent)", "x"),
        ("new-1", "status", "", "200", "500"),
    ]


def test_a_header_that_changes_by_itself_is_not_compared_and_the_body_is() -> None:
    session = [Reply(headers=(("Set-Cookie", f"session={each}"),)) for each in "123"]
    other = Reply(headers=session[2].headers, body=b"other")

    outcome = checking(in_turn(*session[:2]), always(session[2]), always(other))

    assert told(outcome) == [("new-1", "body", "", "hello", "other")]
    assert outcome.parity.unstable == ("GET /data?delay=0: Set-Cookie",)
    assert outcome.expectation(SCENARIO) is not None


def test_what_changes_by_itself_in_one_case_is_compared_in_the_others() -> None:
    def baseline(turns: Iterator[int]) -> Answering:
        return lambda asked: Reply(body=str(next(turns)).encode() if asked.target == "/clock" else b"still")

    cases = derive_cases([], [RequestSpec(name="", target="/clock"), RequestSpec(name="", target="/other")])
    outcome = checking(baseline(count()), always(Reply(body=b"moved")), cases=cases)

    assert [each.case for each in outcome.parity.differences] == ["GET /other"]
    assert outcome.parity.unstable == ("GET /clock: body",)


def test_nothing_asked_is_not_equal() -> None:
    outcome = checking(always(Reply()), always(Reply()), cases=())

    assert outcome.parity == Parity(equal=False, cases=0, deployments=("new-0",), differences=())


def test_nobody_compared_is_not_equal() -> None:
    assert not checking(always(Reply())).parity.equal


def own_address(asked: Asked) -> Reply:
    host = dict(asked.headers)["Host"]
    return Reply(status=201, headers=(("Location", f"http://{host}/new"),), body=f"made {host}".encode())


def test_a_servers_own_address_is_no_difference_and_not_expected_under_load() -> None:
    outcome = checking(own_address, own_address)

    assert outcome.parity.equal
    assert outcome.parity.unstable == ()
    assert outcome.expectation(SCENARIO) == Expectation(status=201, body_base64=None)


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


def test_servers_are_asked_at_the_same_time() -> None:
    old_asked, new_asked = Event(), Event()

    def meeting(own: Event, other: Event) -> Answering:
        def answer(_: Asked) -> Reply:
            own.set()
            return Reply(status=200 if other.wait(10.0) else 500)

        return answer

    outcome = checking(meeting(old_asked, new_asked), meeting(new_asked, old_asked))

    assert outcome.expectation(SCENARIO) == Expectation(status=200, body_base64="aGVsbG8=")
    assert outcome.parity.equal
