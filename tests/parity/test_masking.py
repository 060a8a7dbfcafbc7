"""What differs by itself is masked, and the rest is compared."""

import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from portcompare.http.requests import http_request
from portcompare.http.responses import Response
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


CASES = [http_request("/", method=method) for method in ("GET", "HEAD")]
WORDS = ["red", "green", "blue", "tea", "coffee", "water"]
Drawn = Callable[[random.Random], Response]


def rows(lot: random.Random, least: int) -> list[object]:
    return [
        {"id": lot.random(), "name": lot.choice(WORDS), "tags": lot.sample(WORDS, lot.randrange(3))}
        for _ in range(lot.randrange(least, least + 5))
    ]


def page(lot: random.Random) -> Response:
    listed = "".join(
        f"<li class={lot.choice(WORDS)}><a href=/{lot.random()}>x</a></li>" for _ in rows(lot, 1)
    )
    flash = "<div>saved</div>" * lot.randrange(2)
    token = f"{lot.random()}"
    script = f"<script>var token = '{token}'; start()</script>"
    body = (
        f"{flash}<ul>{listed}</ul><form><input name=csrf value={token}></form>{script}<p>{lot.choice(WORDS)}"
    )
    return response(("content-type", "text/html"), ("etag", token), body=body.encode())


DRAWN: dict[str, Drawn] = {
    "array of varying length": lambda lot: document({"users": rows(lot, 2)}),
    "array that is often empty": lambda lot: document({"users": rows(lot, 0)[:1]}),
    "one of two values": lambda lot: document(
        {"on": lot.choice([True, False]), "next": lot.choice([None, "x"])}
    ),
    "a key that is not always there": lambda lot: document(
        {"a": 1, **({"b": 2} if lot.randrange(2) else {})}
    ),
    "keys that are values": lambda lot: document(
        {"by": {str(lot.random()): 1 for _ in range(lot.randrange(3))}}
    ),
    "any order": lambda lot: document(lot.sample(WORDS, 2)),
    "page": page,
    "words": lambda lot: response(body=f"{lot.choice(WORDS)} {lot.choice(WORDS)}".encode()),
    "lines": lambda lot: response(body="\n".join(lot.choices(WORDS, k=lot.randrange(1, 5))).encode()),
    "records": lambda lot: response(
        ("content-type", "application/x-ndjson"), body="\n".join(map(json.dumps, rows(lot, 1))).encode()
    ),
    "receipt": lambda lot: response(
        ("vary", ", ".join(lot.sample(WORDS[:3], 3))),
        ("set-cookie", f"seen=yes; Expires=Mon, 30 Nov 2026 21:25:{lot.randrange(10, 60)} GMT; Max-Age=3600"),
    ),
    "bytes": lambda lot: response(body=lot.randbytes(lot.randrange(1, 9))),
}


@pytest.mark.parametrize("name", DRAWN)
def test_what_one_app_draws_by_lot_is_never_a_difference_from_itself(name: str) -> None:
    lot = random.Random(name)  # noqa: S311 - to be repeated

    def service(case: RequestSpec) -> Response:
        drawn = DRAWN[name](lot)
        sized = replace(drawn, headers=(*drawn.headers, ("content-length", str(len(drawn.body)))))
        return replace(sized, body=b"") if case.method == "HEAD" else sized

    for _ in range(20):
        assert checking(service, service, control=service, cases=CASES).parity.differences == ()
