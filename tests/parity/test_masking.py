"""What differs by itself is masked, and the rest is compared."""

from collections import Counter
from collections.abc import Callable

from portcompare.parity.checker import MOST_REPETITIONS, MOST_WRITING_REPETITIONS
from portcompare.parity.outcome import sum_up
from portcompare.records.requests import Expectation, Format, RequestSpec, Shape
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
    masked_in,
    of_own,
    response,
)


def stamped(made: Callable[[int], object]) -> Service:
    """JSON that is made of the number of the request."""
    return counting(lambda turn: document(made(turn)))


def test_what_differs_between_two_instances_is_masked() -> None:
    def instance(number: int) -> Service:
        return lambda _: document({"instance": number})

    outcome = checking(instance(1), instance(3), control=instance(2))
    assert outcome.parity.equal
    assert masked_in(outcome.parity) == ("GET /data?delay=0: /instance",)


def test_of_a_growing_array_the_shape_of_the_elements_is_compared() -> None:
    def growing(start: int, element: object) -> Service:
        return stamped(lambda turn: {"log": [element] * (start + turn), "name": "a"})

    outcome = checking(growing(1, "x"), growing(3, "y"), growing(2, 1))
    assert masked_in(outcome.parity) == ("GET /data?delay=0: /log",)
    assert listed(outcome) == [("new-1", "json", "/log/*", "string", "number 1")]
    assert outcome.expectation(SCENARIO) == Expectation(
        status=200,
        body_base64="eyJsb2ciOiBbIngiXSwgIm5hbWUiOiAiYSJ9",
        format=Format(name="json"),
        masks={"/log": Shape(types=("array",), items=Shape(types=("string",)))},
    )


def test_a_binary_body_that_changes_by_itself_is_not_compared_and_listed_as_masked() -> None:
    def image(*bodies: bytes) -> Service:
        return in_turn(*(response(("content-type", "image/png"), body=body) for body in bodies))

    outcome = checking(image(b"\x89a", b"\x89b"), image(b"\x89c"), image(b""))
    assert masked_in(outcome.parity) == ("GET /data?delay=0: body",)
    assert [each[:3] for each in listed(outcome)] == [("new-1", "body", "")]
    assert outcome.expectation(SCENARIO) == Expectation(status=200, body_base64=None)


def test_a_cookie_that_changes_by_itself_must_still_come_with_its_attributes() -> None:
    def session(attributes: str) -> Service:
        return counting(lambda turn: response(("set-cookie", f"sid={turn}{attributes}")))

    outcome = checking(session("; HttpOnly"), session("; HttpOnly"), session(""), always())
    assert masked_in(outcome.parity) == ("GET /data?delay=0: Set-Cookie: sid",)
    assert [(each.deployment, each.pointer, each.severity) for each in outcome.parity.differences] == [
        ("new-2", "Set-Cookie: sid", "breaks"),
        ("new-1", "Set-Cookie: sid; HttpOnly", "changes"),
    ]
    assert outcome.expectation(SCENARIO) is not None


def test_a_clock_is_told_from_a_difference_that_another_route_really_has() -> None:
    def service(page: bytes, *ticks: int) -> Service:
        clock = in_turn(*(response(body=b"%d" % tick) for tick in ticks))
        return lambda case: response(body=page) if case.target == "/page" else clock(case)

    cases = [RequestSpec(name=f"GET {path}", target=path) for path in ("/page", "/clock")]
    outcome = checking(service(b"one", 1, 1, 2, 2), service(b"other", 2, 2, 3, 3), cases=cases)
    assert {each.case for each in outcome.parity.differences} == {"GET /page"}
    assert masked_in(outcome.parity) == ("GET /clock: body",)


def test_a_value_that_differs_is_sent_again_once_for_each_place_of_a_route() -> None:
    cases = [RequestSpec(name=f"GET /{place}", target=f"/{place}") for place in range(3)]
    new = Client(always(body=b"other"))
    with checker_of({BASELINE: Client(always()), "new": new}) as checker:
        outcome = sum_up(checker, of_own(checker.check_all(cases)))
    assert [each.case for each in outcome.parity.differences] == ["GET /0", "GET /1", "GET /2"]
    assert [case.target for case in new.received] == ["/0", "/0", "/1", "/1", "/2", "/2", *["/0"] * 4]


def test_a_case_that_may_write_is_sent_again_as_rarely_as_possible() -> None:
    cases = [RequestSpec(name=f"{method} /", method=method, target="/") for method in ("POST", "GET")]

    def sent(made: Callable[[int], object]) -> tuple[int, int]:
        new = Client(stamped(made))
        baseline = Client(stamped(lambda turn: {"number": turn, "name": "a"}))
        with checker_of({BASELINE: baseline, "new": new}) as checker:
            checker.check_all(cases)
        counted = Counter(case.method for case in new.received)
        return counted["POST"], counted["GET"]

    assert sent(lambda turn: {"number": turn, "name": "b"}) == (4, 6)
    contradicting = 2 + 2 * MOST_WRITING_REPETITIONS, 2 + 2 * MOST_REPETITIONS
    assert sent(lambda turn: {"number": turn, "name": str(turn)}) == contradicting
