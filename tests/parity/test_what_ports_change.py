"""What a port from Flask to Quart changes by itself, as listed in docs/parity.md: the variants show it."""

import asyncio
from secrets import token_hex
from typing import Any, cast

import flask
import httpx
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

    async def get_json() -> dict[str, Any]:
        return {"got": await quart.request.get_json()}

    async def get_form() -> dict[str, Any]:
        return {"got": await quart.request.form}

    app.add_url_rule("/json", view_func=get_json, methods=["POST"])

    async def get_session() -> dict[str, Any]:
        return {"got": quart.session.get("name")}

    app.add_url_rule("/form", view_func=get_form, methods=["POST"])
    app.add_url_rule("/session", view_func=get_session)
    app.secret_key = token_hex()
    return app


def send_to_old(spec: RequestSpec) -> httpx.Response:
    transport = httpx.WSGITransport(flask_app(), raise_app_exceptions=False)
    with httpx.Client(transport=transport, base_url="http://old.test") as client:
        return client.request(spec.method, spec.target, headers=dict(spec.headers), content=spec.body)


def send_to_new(spec: RequestSpec) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(cast("Any", quart_app()), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://new.test") as client:
            return await client.request(
                spec.method, spec.target, headers=dict(spec.headers), content=spec.body
            )

    return asyncio.run(send())


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
    assert (send_to_old(spec).status_code, send_to_new(spec).status_code) == (old, new)


def test_another_text_of_what_is_no_utf8_in_a_form() -> None:
    spec = dict(body_variants(FORM))["field name not UTF-8"]
    got = [send(spec).json()["got"] for send in (send_to_old, send_to_new)]
    assert got == [{"name": "%FF"}, {"name": "\ufffd"}]


def test_no_header_says_that_the_response_depends_on_the_session() -> None:
    responses = [send(http_request("/session")) for send in (send_to_old, send_to_new)]
    assert [response.headers.get("Vary") for response in responses] == ["Cookie", None]
