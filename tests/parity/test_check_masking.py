from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from portcompare.parity import Asker, sum_up
from portcompare.records.requests import Expectation, RequestSpec
from tests.parity.checking import SCENARIO, checking, counting, document, in_turn, told
from tests.parity.site import Reply, always, serving_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.parity.checking import Answering


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
