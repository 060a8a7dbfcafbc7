"""What differs by itself is masked, and the rest is compared."""

from collections.abc import Callable

from portcompare.records.requests import Expectation, RequestSpec
from portcompare.records.rounds import BASELINE
from tests.parity.clients import (
    SCENARIO,
    Client,
    Service,
    always,
    checker_of,
    checking,
    counting,
    document,
    in_turn,
    listed,
    response,
)


def stamped(made: Callable[[int], object]) -> Service:
    """JSON that is made of the number of the request."""
    return counting(lambda turn: document(made(turn)))


def test_a_value_that_changes_by_itself_is_masked_by_its_pointer_and_the_rest_is_compared() -> None:
    def named(name: str) -> Service:
        return stamped(lambda turn: {"at": turn, "name": name, "list": [turn]})

    outcome = checking(named("a"), named("a"), named("b"))
    assert outcome.parity.masked == ("GET /data?delay=0: /at", "GET /data?delay=0: /list/0")
    assert listed(outcome) == [("new-1", "json", "/name", '"a"', '"b"')]


def test_what_differs_between_two_instances_is_masked() -> None:
    def instance(number: int) -> Service:
        return lambda _: document({"instance": number})

    outcome = checking(instance(1), instance(3), control=instance(2))
    assert outcome.parity.equal
    assert outcome.parity.masked == ("GET /data?delay=0: /instance",)


def test_of_a_masked_value_presence_and_type_are_still_compared() -> None:
    outcome = checking(
        stamped(lambda turn: {"at": turn}), stamped(lambda turn: {"at": str(turn)}), stamped(lambda _: {})
    )
    assert [(each.deployment, each.pointer, each.severity) for each in outcome.parity.differences] == [
        ("new-0", "/at", "breaks"),
        ("new-1", "/at", "breaks"),
    ]


def test_a_growing_array_is_masked_as_a_whole() -> None:
    def growing(start: int) -> Service:
        return stamped(lambda turn: {"log": ["x"] * (start + turn), "name": "a"})

    outcome = checking(growing(1), growing(3))
    assert outcome.parity.equal
    assert outcome.parity.masked == ("GET /data?delay=0: /log",)
    assert outcome.expectation(SCENARIO) == Expectation(
        status=200, body_base64="eyJsb2ciOiBbIngiXSwgIm5hbWUiOiAiYSJ9", masked=("/log",)
    )


def test_a_body_that_changes_by_itself_is_not_compared_and_listed_as_masked() -> None:
    def number() -> Service:
        return counting(lambda turn: response(body=f"<p>{turn}</p>".encode()))

    outcome = checking(number(), always(body=b"<p>x</p>"), always(body=b""))
    assert outcome.parity.masked == ("GET /data?delay=0: body",)
    assert listed(outcome) == [("new-1", "body", "", "<p>0</p>", "")]
    assert outcome.expectation(SCENARIO) == Expectation(status=200, body_base64=None)


def test_a_cookie_that_changes_by_itself_must_still_come_with_its_attributes() -> None:
    def session(attributes: str) -> Service:
        return counting(lambda turn: response(("set-cookie", f"sid={turn}{attributes}")))

    outcome = checking(session("; HttpOnly"), session("; HttpOnly"), session(""), always())
    assert outcome.parity.masked == ("GET /data?delay=0: Set-Cookie: sid",)
    assert [(each.deployment, each.pointer, each.severity) for each in outcome.parity.differences] == [
        ("new-2", "Set-Cookie: sid", "breaks"),
        ("new-1", "Set-Cookie: sid; HttpOnly", "changes"),
    ]
    assert outcome.expectation(SCENARIO) is not None


def test_a_clock_that_ticks_between_two_servers_is_no_difference() -> None:
    def clock(requests_before_tick: int) -> Service:
        return counting(
            lambda turn: response(body=b"12:00:00" if turn < requests_before_tick else b"12:00:01")
        )

    outcome = checking(clock(2), clock(0))
    assert outcome.parity.equal
    assert outcome.parity.masked == ("GET /data?delay=0: body",)


def test_a_clock_is_told_from_a_difference_that_another_route_really_has() -> None:
    def service(page: bytes, *ticks: int) -> Service:
        clock = in_turn(*(response(body=b"%d" % tick) for tick in ticks))
        return lambda case: response(body=page) if case.target == "/page" else clock(case)

    cases = [RequestSpec(name=f"GET {path}", target=path) for path in ("/page", "/clock")]
    outcome = checking(service(b"one", 1, 1, 2, 2), service(b"other", 2, 2, 3, 3), cases=cases)
    assert {each.case for each in outcome.parity.differences} == {"GET /page"}
    assert outcome.parity.masked == ("GET /clock: body",)


def test_a_value_that_differs_is_sent_again_once_for_each_place_of_a_route() -> None:
    cases = [RequestSpec(name=f"GET /{place}", target=f"/{place}") for place in range(3)]
    new = Client(always(body=b"other"))
    with checker_of({BASELINE: Client(always()), "new": new}) as checker:
        outcome = checker.sum_up([checker.check(case) for case in cases])
    assert [each.case for each in outcome.parity.differences] == ["GET /0", "GET /1", "GET /2"]
    assert [case.target for case in new.received] == ["/0"] * 4 + ["/1"] * 2 + ["/2"] * 2
