from __future__ import annotations

import gzip
import json
import socket
from threading import Event
from typing import TYPE_CHECKING

import pytest

from portcompare.parity import Asker, sum_up
from portcompare.plan import Allowance
from portcompare.records.parity import Parity
from portcompare.records.requests import Expectation, RequestSpec
from portcompare.records.rounds import CONTROL
from tests.parity.checking import CASES, ONE, SCENARIO, checking, counting, document, in_turn, service, told
from tests.parity.site import Asked, Reply, always, serving, serving_all

if TYPE_CHECKING:
    from tests.parity.checking import Answering


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
