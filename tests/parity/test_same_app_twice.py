"""One and the same app, started again and again: what differs by itself is no difference."""

import json
import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from portcompare.http.requests import http_request
from portcompare.http.responses import Response
from portcompare.records.requests import RequestSpec
from tests.parity.clients import checking, document, response

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
