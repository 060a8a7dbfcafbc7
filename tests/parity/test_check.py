from __future__ import annotations

import gzip
import json
import socket
from base64 import b64decode
from itertools import count
from threading import Event
from typing import TYPE_CHECKING

import pytest

from portcompare.model import BASELINE, CONTROL, Expectation, LoginStep, Parity, RequestSpec
from portcompare.parity import Asker, ParityOutcome, sum_up
from portcompare.plan import Allowance
from tests.parity.site import Asked, Reply, always, serving, serving_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    Answering = Callable[[Asked], Reply | Iterable[bytes]]

SCENARIO = RequestSpec(name="delayed", target="/data?delay=0")
ONE = (RequestSpec(name="GET /data?delay=0", target="/data?delay=0"),)
CASES = (
    *ONE,
    RequestSpec(name="HEAD /data", method="HEAD", target="/data"),
    RequestSpec(name="POST /data", method="POST", target="/data", body=b"x"),
    RequestSpec(name="GET /nothing", target="/nothing"),
)


def checking(
    baseline: Answering,
    *others: Answering,
    cases: Sequence[RequestSpec] = ONE,
    timeout_s: float = 30.0,
    control: Answering | None = None,
    allow: Sequence[Allowance] = (),
) -> ParityOutcome:
    named: Mapping[str, Answering] = {f"new-{place}": answering for place, answering in enumerate(others)}
    if control is not None:
        named = {CONTROL: control, **named}
    with serving_all(baseline, *named.values()) as (first, *sites):
        urls = {name: site.url for name, site in zip(named, sites, strict=True)}
        with Asker(first.url, urls, timeout_s=timeout_s, allow=allow, tick_s=0.0) as asker:
            return sum_up(asker, [asker.examine(case) for case in cases])


def told(outcome: ParityOutcome) -> list[tuple[str, str, str, str, str]]:
    return [
        (each.deployment, each.kind, each.pointer, each.baseline, each.candidate)
        for each in outcome.parity.differences
    ]


def document(value: object, status: int = 200) -> Reply:
    return Reply(
        status=status, headers=(("Content-Type", "application/json"),), body=json.dumps(value).encode()
    )


def in_turn(*replies: Reply) -> Answering:
    """Answer one after the other, then from the start again."""
    turns = count()
    return lambda _: replies[next(turns) % len(replies)]


def counting(made: Callable[[int], Reply]) -> Answering:
    """Answer each request with another number."""
    turns = count()
    return lambda _: made(next(turns))


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

    assert outcome.parity == Parity(equal=True, cases=4, deployments=("new-0",), differences=())


def test_each_case_goes_twice_in_a_row_to_every_server_in_one_order() -> None:
    with (
        serving_all(*[always(Reply())] * 3) as (baseline, one, other),
        Asker(baseline.url, {"one": one.url, "other": other.url}) as asker,
    ):
        sum_up(asker, [asker.examine(case) for case in CASES])

    expected = [(case.method, case.target) for case in CASES for _ in "12"]
    for site in (baseline, one, other):
        assert [(asked.method, asked.target) for asked in site.asked] == expected


def test_a_difference_names_the_candidate_that_shows_it_and_the_most_severe_comes_first() -> None:
    outcome = checking(
        always(Reply()),
        always(Reply()),
        always(Reply(body=b"other")),
        always(Reply(headers=(("ETag", '"1"'),))),
        always(Reply(status=500)),
    )

    assert not outcome.parity.equal
    assert outcome.parity.deployments == ("new-0", "new-1", "new-2", "new-3")
    assert told(outcome) == [
        ("new-3", "status", "", "200", "500"),
        ("new-1", "body", "", "hello", "other"),
        ("new-2", "header", "ETag", "(absent)", '"1"'),
    ]


def test_a_difference_that_no_client_can_tell_leaves_the_answers_equal() -> None:
    def typed(content_type: str) -> Answering:
        return always(Reply(headers=(("Content-Type", content_type),)))

    outcome = checking(typed("text/html; charset=utf-8"), typed("text/html;charset=UTF-8"))

    assert [each.severity for each in outcome.parity.differences] == ["harmless"]
    assert outcome.parity.equal


def test_a_difference_comes_with_a_command_line_for_both_sides() -> None:
    [difference] = checking(always(Reply()), always(Reply(status=500)), cases=CASES[3:]).parity.differences

    for line in (difference.curl_baseline, difference.curl_candidate):
        assert line.startswith("curl ")
        assert line.endswith("/nothing")
    assert difference.curl_baseline != difference.curl_candidate


def test_what_only_the_second_answer_shows_is_a_difference() -> None:
    def made_once() -> Answering:
        return in_turn(Reply(status=201), Reply(status=409))

    outcome = checking(made_once(), made_once(), always(Reply(status=201)))

    assert told(outcome) == [("new-1", "status", "", "asked again: 409", "asked again: 201")]
    assert outcome.parity.differences[0].curl_candidate.count("curl ") == 2


def test_a_status_that_changes_alike_everywhere_is_state_and_expects_nothing_under_load() -> None:
    def made_once() -> Answering:
        return in_turn(Reply(status=201), Reply(status=409))

    outcome = checking(made_once(), made_once(), control=made_once())

    assert outcome.parity.equal
    assert outcome.parity.masked == ()
    assert outcome.expectation(SCENARIO) is None


def test_a_candidate_that_does_not_answer_is_a_difference() -> None:
    with serving(always(Reply())) as site, socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        with Asker(site.url, {"new": f"http://127.0.0.1:{unheard.getsockname()[1]}"}) as asker:
            outcome = sum_up(asker, [asker.examine(case) for case in ONE])

    assert not outcome.parity.equal
    assert told(outcome) == [("new", "status", "", "200", "no answer: connection refused")]


def test_a_baseline_that_does_not_answer_is_never_equal() -> None:
    outcome = checking(lambda _: [], lambda _: [])

    silence = "no answer: connection closed before the headers were complete"
    assert not outcome.parity.equal
    assert told(outcome) == [
        ("baseline", "status", "", silence, silence),
        ("new-0", "status", "", silence, silence),
    ]
    assert outcome.expectation(SCENARIO) is None


def test_a_baseline_that_contradicts_its_control_is_not_equal() -> None:
    outcome = checking(
        always(Reply()),
        always(Reply()),
        always(Reply(status=503)),
        always(Reply(status=404)),
        control=always(Reply(status=503)),
    )

    assert not outcome.parity.equal
    assert told(outcome) == [
        (CONTROL, "status", "", "200", "503"),
        ("new-2", "status", "", "200", "404"),
    ]


def test_a_value_that_changes_by_itself_is_masked_by_its_pointer_and_the_rest_is_compared() -> None:
    def stamped(name: str) -> Answering:
        return counting(lambda turn: document({"at": turn, "name": name, "list": [turn]}))

    outcome = checking(stamped("a"), stamped("a"), stamped("b"))

    assert outcome.parity.masked == ("GET /data?delay=0: /at", "GET /data?delay=0: /list/0")
    assert told(outcome) == [("new-1", "json", "/name", '"a"', '"b"')]


def test_what_differs_between_two_instances_is_masked() -> None:
    def instance(number: int) -> Answering:
        return always(document({"instance": number}))

    outcome = checking(instance(1), instance(3), control=instance(2))

    assert outcome.parity.equal
    assert outcome.parity.masked == ("GET /data?delay=0: /instance",)


def test_of_a_masked_value_presence_and_type_are_still_compared() -> None:
    def stamped(made: Callable[[int], object]) -> Answering:
        return counting(lambda turn: document(made(turn)))

    outcome = checking(
        stamped(lambda turn: {"at": turn}), stamped(lambda turn: {"at": str(turn)}), stamped(lambda _: {})
    )

    assert [(each.deployment, each.pointer, each.severity) for each in outcome.parity.differences] == [
        ("new-0", "/at", "breaks"),
        ("new-1", "/at", "breaks"),
    ]


def test_a_growing_array_is_masked_as_a_whole() -> None:
    def growing(start: int) -> Answering:
        return counting(lambda turn: document({"log": ["x"] * (start + turn), "name": "a"}))

    outcome = checking(growing(1), growing(3))

    assert outcome.parity.equal
    assert outcome.parity.masked == ("GET /data?delay=0: /log",)
    assert outcome.expectation(SCENARIO) == Expectation(
        status=200, body_base64="eyJsb2ciOiBbIngiXSwgIm5hbWUiOiAiYSJ9", masked=("/log",)
    )


def test_a_clock_that_ticks_between_two_servers_is_no_difference() -> None:
    def clock(asked_before_tick: int) -> Answering:
        return counting(lambda turn: Reply(body=b"12:00:00" if turn < asked_before_tick else b"12:00:01"))

    outcome = checking(clock(2), clock(0))

    assert outcome.parity.equal
    assert outcome.parity.masked == ("GET /data?delay=0: body",)


def test_a_value_that_differs_once_is_not_doubted_again() -> None:
    cases = [RequestSpec(name=f"GET /{place}", target=f"/{place}") for place in range(3)]
    with (
        serving_all(always(Reply()), always(Reply(body=b"other"))) as (old, new),
        Asker(old.url, {"new": new.url}, tick_s=0.0) as asker,
    ):
        outcome = sum_up(asker, [asker.examine(case) for case in cases])

    assert [each.case for each in outcome.parity.differences] == ["GET /0", "GET /1", "GET /2"]
    assert [asked.target for asked in new.asked] == ["/0"] * 4 + ["/1"] * 2 + ["/2"] * 2


def test_a_body_that_changes_by_itself_is_not_compared_and_said_not_to_be() -> None:
    def number() -> Answering:
        return counting(lambda turn: Reply(body=f"<p>{turn}</p>".encode()))

    outcome = checking(number(), always(Reply(body=b"<p>x</p>")), always(Reply(body=b"")))

    assert outcome.parity.masked == ("GET /data?delay=0: body",)
    assert told(outcome) == [("new-1", "body", "", "<p>0</p>", "")]
    assert outcome.expectation(SCENARIO) == Expectation(status=200, body_base64=None)


def test_a_cookie_that_changes_by_itself_must_still_come_with_its_attributes() -> None:
    def session(attributes: str) -> Answering:
        return counting(lambda turn: Reply(headers=(("Set-Cookie", f"sid={turn}{attributes}"),)))

    outcome = checking(session("; HttpOnly"), session("; HttpOnly"), session(""), always(Reply()))

    assert outcome.parity.masked == ("GET /data?delay=0: Set-Cookie: sid",)
    assert [(each.deployment, each.pointer, each.severity) for each in outcome.parity.differences] == [
        ("new-2", "Set-Cookie: sid", "breaks"),
        ("new-1", "Set-Cookie: sid; HttpOnly", "changes"),
    ]
    assert outcome.expectation(SCENARIO) is not None


def test_what_changes_by_itself_in_one_case_is_compared_in_the_others() -> None:
    def baseline(turns: Iterator[int]) -> Answering:
        return lambda asked: Reply(body=str(next(turns)).encode() if asked.target == "/clock" else b"still")

    cases = [RequestSpec(name=f"GET /{name}", target=f"/{name}") for name in ("clock", "other")]
    outcome = checking(baseline(count()), always(Reply(body=b"moved")), cases=cases)

    assert [each.case for each in outcome.parity.differences] == ["GET /other"]
    assert outcome.parity.masked == ("GET /clock: body",)


def test_json_that_means_the_same_in_other_bytes_is_a_change_of_the_body() -> None:
    outcome = checking(always(document({"a": 1, "b": 2})), always(Reply(body=b'{"b":2,"a":1}')))

    assert ("new-0", "body", "", '{"a": 1, "b": 2}', '{"b":2,"a":1}') in told(outcome)


def test_an_encoded_body_is_compared_decoded() -> None:
    def packed(value: object) -> Answering:
        headers = (("Content-Type", "application/json"), ("Content-Encoding", "gzip"))
        return counting(
            lambda turn: Reply(headers=headers, body=gzip.compress(json.dumps(value).encode(), mtime=turn))
        )

    outcome = checking(packed({"a": 1}), packed({"a": 1}), packed({"a": 2}))

    assert outcome.parity.masked == ()
    assert told(outcome) == [("new-1", "json", "/a", "1", "2")]


@pytest.mark.parametrize(("sender", "severity"), [("candidate", "breaks"), ("baseline", "changes")])
def test_a_body_after_the_headers_of_a_head_answer_is_a_difference(sender: str, severity: str) -> None:
    with_body: Answering = lambda _: [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"]  # noqa: E731
    without: Answering = always(Reply())
    sides = (without, with_body) if sender == "candidate" else (with_body, without)

    [difference] = checking(*sides, cases=CASES[1:2]).parity.differences

    assert (difference.kind, difference.pointer, difference.severity) == ("body", "", severity)


def test_what_the_plan_allows_is_listed_with_its_reason_and_leaves_the_answers_equal() -> None:
    allow = [
        Allowance(reason="never", pointer="X-*"),
        Allowance(reason="caches now", kind="header", pointer="ETag", case="GET *", deployment="new-*"),
    ]
    outcome = checking(always(Reply()), always(Reply(headers=(("ETag", "x"),))), allow=allow)

    assert outcome.parity.equal
    assert [(each.pointer, each.allowed) for each in outcome.parity.differences] == [("ETag", "caches now")]
    [unused] = outcome.unused
    assert "'never'" in unused
    assert "'X-*'" in unused


@pytest.mark.parametrize(
    "other", [{"case": "POST *"}, {"deployment": "other"}, {"kind": "json"}, {"pointer": "etag"}]
)
def test_an_allowance_must_match_in_everything(other: dict[str, str]) -> None:
    allow = [Allowance(reason="r", **other)]
    outcome = checking(always(Reply()), always(Reply(headers=(("ETag", "x"),))), allow=allow)

    assert not outcome.parity.equal
    assert [each.allowed for each in outcome.parity.differences] == [""]


@pytest.mark.parametrize("pattern", ["GET /a?b[]=1 [b[] repeated]", "*?b[]=1 [*]"])
def test_a_case_is_allowed_by_its_name_as_the_report_has_it(pattern: str) -> None:
    names = [f"GET /a?b[]=1 [b[] {how}]" for how in ("repeated", "empty")]
    cases = [RequestSpec(name=name, target="/a?b[]=1") for name in names]
    allow = [Allowance(reason="r", case=pattern)]
    outcome = checking(always(Reply()), always(Reply(headers=(("ETag", "x"),))), cases=cases, allow=allow)

    allowed = [each.case for each in outcome.parity.differences if each.allowed]
    assert allowed == names[: 1 if "repeated" in pattern else 2]


def test_of_very_many_differences_in_one_answer_some_are_listed_and_the_rest_counted() -> None:
    outcome = checking(always(document(list(range(100)))), always(document(list(range(1, 101)))))

    assert len(outcome.parity.differences) == 20
    assert outcome.parity.warnings == ("GET /data?delay=0 at new-0: 80 more differences are not listed",)


def test_nothing_asked_is_not_equal() -> None:
    outcome = checking(always(Reply()), always(Reply()), cases=())

    assert outcome.parity == Parity(equal=False, cases=0, deployments=("new-0",), differences=())


def test_nobody_compared_is_not_equal() -> None:
    assert not checking(always(Reply())).parity.equal


def test_the_cases_are_known_by_name_in_their_order() -> None:
    with (
        serving_all(always(Reply()), always(Reply(status=500))) as (old, new),
        Asker(old.url, {"new": new.url}) as asker,
    ):
        outcome = sum_up(asker, [asker.examine(case) for case in (CASES[3], *ONE)], seeds=("7",))

    assert outcome.parity.cases == 2
    assert outcome.parity.seeds == ("7",)
    assert [each.case for each in outcome.parity.differences] == ["GET /nothing", "GET /data?delay=0"]
    assert list(outcome.asked) == ["GET /nothing", "GET /data?delay=0"]


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


LOGIN = (
    LoginStep(
        request=RequestSpec(name="in", method="POST", target="/login", body=b"me"),
        keep=(("token", "json:/token"),),
    ),
)
FAILED = Expectation(status=0, body_base64=None)
BEHIND_LOGIN = tuple(
    RequestSpec(name=f"GET /{name}", target=f"/{name}", headers=(("Authorization", "{token}"),), login=LOGIN)
    for name in "ab"
)


def guarded(token: str) -> Answering:
    """Answer those that send the token, which only this server knows."""

    def answer(asked: Asked) -> Reply:
        if asked.target == "/login":
            return document({"token": token})
        return Reply(status=200 if dict(asked.headers).get("Authorization") == token else 401)

    return answer


def test_each_server_is_logged_in_to_once_with_its_own_token() -> None:
    with serving_all(guarded("x"), guarded("y")) as (old, new), Asker(old.url, {"new": new.url}) as asker:
        outcome = sum_up(asker, [asker.examine(case) for case in BEHIND_LOGIN])

    assert outcome.parity.equal
    for case in BEHIND_LOGIN:
        assert (outcome.expectation(case) or FAILED).status == 200
    for site in (old, new):
        assert [asked.target for asked in site.asked] == ["/login", "/a", "/a", "/b", "/b"]


def test_a_login_that_fails_is_told_as_the_reason_for_no_answer() -> None:
    outcome = checking(guarded("x"), always(Reply(status=403)), cases=BEHIND_LOGIN[:1])

    assert told(outcome) == [
        ("new-0", "status", "", "200", "no answer: login step 1, POST /login: status 403")
    ]
    assert outcome.parity.warnings == ()


def test_a_login_that_fails_at_the_baseline_is_a_mistake_in_the_plan_and_told() -> None:
    outcome = checking(always(Reply(status=403)), always(Reply(status=403)), cases=BEHIND_LOGIN)

    [warning] = outcome.parity.warnings
    assert "login step 1, POST /login: status 403; correct the scenario's login" in warning


def test_a_command_line_does_not_tell_what_the_login_has_left() -> None:
    def otherwise(asked: Asked) -> Reply:
        return document({"token": "y"}) if asked.target == "/login" else Reply(status=500)

    [difference] = checking(guarded("x"), otherwise, cases=BEHIND_LOGIN[:1]).parity.differences

    assert '-H "Authorization: $AUTHORIZATION"' in difference.curl_baseline
    assert '-H "Authorization: $AUTHORIZATION"' in difference.curl_candidate


def test_an_arm_whose_difference_is_allowed_is_held_to_its_own_answer_under_load() -> None:
    allow = [Allowance(reason="prices are text now", kind="json", pointer="/price")]
    outcome = checking(always(document({"price": 1})), always(document({"price": "1"})), allow=allow)

    assert outcome.parity.equal
    for arm, body in ((BASELINE, b'{"price": 1}'), ("new-0", b'{"price": "1"}')):
        expectation = outcome.expectation(SCENARIO, arm)
        assert expectation is not None
        assert b64decode(expectation.body_base64 or "") == body


def test_a_clock_is_told_from_a_difference_that_another_route_really_has() -> None:
    def answer(text: bytes) -> Answering:
        ticks = in_turn(*(Reply(body=b"%d" % number) for number in (1, 1, 2, 2)))
        return lambda asked: Reply(body=text) if asked.target == "/page" else ticks(asked)

    def ahead() -> Answering:
        ticks = in_turn(*(Reply(body=b"%d" % number) for number in (2, 2, 3, 3)))
        return lambda asked: Reply(body=b"other") if asked.target == "/page" else ticks(asked)

    cases = [RequestSpec(name=f"GET {path}", target=path) for path in ("/page", "/clock")]
    outcome = checking(answer(b"one"), ahead(), cases=cases)

    assert {each.case for each in outcome.parity.differences} == {"GET /page"}
    assert outcome.parity.masked == ("GET /clock: body",)
