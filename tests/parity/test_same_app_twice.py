"""One and the same app, started again and again: what differs by itself is no difference."""

import json
import os
import random
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count

import flask
import pytest
from flask import Flask, jsonify

from portcompare.http.requests import http_request
from portcompare.http.responses import Response
from portcompare.parity.checker import TICK_S
from portcompare.parity.outcome import sum_up
from portcompare.records.requests import RequestSpec
from portcompare.records.rounds import BASELINE, CONTROL
from tests.parity.apps import wsgi_service
from tests.parity.clients import Client, checker_of, checking, document, masked_in, of_own, response

# The responses hold the second, a token and a count; a cookie that expires; Vary in any order; the page
# holds a clock, a token and a list of varying length.
CASES = [http_request("/receipt", method=method) for method in ("GET", "OPTIONS", "HEAD")]
CASES.append(http_request("/page"))
WORDS = ["red", "green", "blue", "tea", "coffee", "water"]
LINKS = "".join(f"<p><a href=/{word}>{word}</a>" for word in WORDS)


def build_app() -> Flask:
    app, numbers = Flask(__name__), count(1)

    @app.route("/receipt", methods={"GET", "PUT", "PATCH", "DELETE"})
    def receipt() -> flask.Response:
        made = jsonify(
            shop="Corner", second=int(time.time()), token=os.urandom(8).hex(), number=next(numbers)
        )
        made.set_cookie("seen", "yes", max_age=3600)
        made.vary.update(random.sample(["Cookie", "Accept", "Origin"], 3))
        return made

    @app.route("/page")
    def page() -> str:
        listed = "".join(f"<li>{word}</li>" for word in random.sample(WORDS, 3)[: random.randint(1, 3)])  # noqa: S311
        form = f"<form><input name=csrf value={os.urandom(8).hex()}></form>"
        return f"<h1>Corner</h1>{LINKS}<p>{datetime.now(UTC):%c}</p><ul>{listed}</ul>{form}"

    return app


def test_no_two_starts_of_one_app_differ() -> None:
    clients = {arm: Client(wsgi_service(build_app())) for arm in (BASELINE, CONTROL, "start-2", "start-3")}
    for _ in range(20):
        with checker_of(clients, tick_s=TICK_S) as checker:
            parity = sum_up(checker, of_own(checker.check_all(CASES))).parity
        assert (parity.differences, parity.verdict) == ((), "alike")
        assert {"/number", "/token"} <= {one.rpartition(": ")[2] for one in masked_in(parity)}


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
        assert checking(service, service, control=service, cases=CASES[:3:2]).parity.differences == ()
