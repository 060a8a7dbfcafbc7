"""What a port from Flask to Quart changes by itself, as listed in docs/parity.md: the variants show it."""

import asyncio
import json
from secrets import token_hex
from typing import Any

import flask
import pytest
import quart

from portcompare.http.requests import http_request
from portcompare.parity.body_variants import body_variants
from portcompare.records.requests import RequestSpec

JSON = http_request("/json", method="POST", json={"name": "x"})
FORM = http_request("/form", method="POST", form={"name": "x"})


def flask_app() -> flask.Flask:
    app = flask.Flask("old")
    app.add_url_rule("/json", "json", lambda: {"got": flask.request.get_json()}, methods=["POST"])
    app.add_url_rule("/form", "form", lambda: {"got": flask.request.form}, methods=["POST"])
    app.add_url_rule("/session", "session", lambda: {"got": flask.session.get("name")})
    app.secret_key = token_hex()
    return app


def quart_app() -> quart.Quart:
    app = quart.Quart("new")

    @app.post("/json")
    async def get_json() -> dict[str, Any]:
        return {"got": await quart.request.get_json()}

    @app.post("/form")
    async def get_form() -> dict[str, Any]:
        return {"got": await quart.request.form}

    app.add_url_rule("/session", "session", lambda: {"got": quart.session.get("name")})
    app.secret_key = token_hex()
    return app


def send_to_both(spec: RequestSpec) -> list[Any]:
    """The responses to a request: status, headers and body."""
    named: dict[str, Any] = {"method": spec.method, "headers": dict(spec.headers), "data": spec.body}
    old = flask_app().test_client().open(spec.target, **named)

    async def send_to_new() -> tuple[int, Any, Any]:
        new = await quart_app().test_client().open(spec.target, **named)
        return new.status_code, new.headers, await new.get_data()

    return [(old.status_code, old.headers, old.get_data()), asyncio.run(send_to_new())]


@pytest.mark.parametrize(
    ("what", "old", "new"),
    [
        ("no Content-Type", 415, 200),
        ("Content-Type: text/plain", 415, 200),
        ("body not UTF-8", 400, 500),
        ("body in UTF-16", 200, 500),
        ("body after a byte order mark", 200, 400),
    ],
)
def test_another_status_of_what_is_no_plain_json(what: str, old: int, new: int) -> None:
    spec = dict(body_variants(JSON))[what]
    assert [status for status, _, _ in send_to_both(spec)] == [old, new]


def test_another_text_of_what_is_no_utf8_in_a_form() -> None:
    spec = dict(body_variants(FORM))["field name not UTF-8"]
    got = [json.loads(body)["got"] for _, _, body in send_to_both(spec)]
    assert got == [{"name": "%FF"}, {"name": "\ufffd"}]


def test_no_header_says_that_the_response_depends_on_the_session() -> None:
    responses = send_to_both(http_request("/session"))
    assert [headers.get("Vary") for _, headers, _ in responses] == ["Cookie", None]
