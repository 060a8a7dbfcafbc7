"""What is known of Flask and Quart is recognised, on any route, and a port's own mistakes are not."""

import io
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from types import ModuleType
from typing import Any

import flask
import pytest
import quart

from portcompare.http.requests import http_request
from portcompare.parity.body_variants import body_variants
from portcompare.parity.catalogue import CATALOGUE, Evidence, find_known
from portcompare.parity.findings import make_finding
from portcompare.parity.outcome import ParityOutcome
from portcompare.plan import Allowance
from portcompare.records.requests import RequestSpec
from tests.parity.apps import asgi_service, wsgi_service
from tests.parity.clients import checking, response

FILE = b"content of a file"
REFUSED = b"<p>Did not attempt to load JSON data because the request Content-Type was not 'application/json'."
GUNICORN = b"<html>\n  <body>\n    <h1><p>Bad Request</p></h1>\n    too long\n  </body>\n</html>"
UVICORN = b"Invalid HTTP request received."
TOO_LONG = "OSError: [Errno 36] File name too long"
EXPIRES, NOT_JSON = "Mon, 30 Nov 2026 21:25:40 GMT", "Failed to decode JSON"
VARIANTS = dict(body_variants(http_request("/people", method="POST", json={"name": "x"})))
FORM_VARIANTS = dict(body_variants(http_request("/form", method="POST", form={"name": "x"})))
BOM, UTF16 = b"\xef\xbb\xbf" + b'{"name": "x"}', '{"name": "x"}'.encode("utf-16")


def add_routes(
    app: flask.Flask | quart.Quart, module: ModuleType, view: Mapping[str, Callable[[], Any]]
) -> None:
    app.secret_key = token_hex()
    app.add_url_rule("/who", view_func=lambda: {"got": module.session.get("name")}, endpoint="who")
    app.add_url_rule("/in", view_func=lambda: {"got": "name" in module.session}, endpoint="in")
    app.add_url_rule("/away", view_func=lambda: module.redirect("/a b"), endpoint="away")
    app.add_url_rule("/where", view_func=lambda: ("", 200, {"X-Where": "caf\u00e9"}), endpoint="where")
    app.add_url_rule("/file", view_func=view["file"], endpoint="file")
    for path, name in (("/people", "json"), ("/orders", "json"), ("/form", "form")):
        app.add_url_rule(path, view_func=view[name], endpoint=path, methods=["POST"])


def old_app() -> flask.Flask:
    view: dict[str, Callable[[], Any]] = {
        "json": lambda: {"got": flask.request.get_json()},
        "form": lambda: dict(flask.request.form),
        "file": lambda: flask.send_file(io.BytesIO(FILE), mimetype="text/plain"),
    }
    app = flask.Flask("old", static_folder=None)
    add_routes(app, flask, view)
    return app


def new_app() -> quart.Quart:
    async def get_json() -> dict[str, Any]:
        return {"got": await quart.request.get_json()}

    async def get_form() -> dict[str, Any]:
        return dict(await quart.request.form)

    async def send_file() -> quart.Response:
        return await quart.send_file(io.BytesIO(FILE), mimetype="text/plain")

    view = {"json": get_json, "form": get_form, "file": send_file}
    app = quart.Quart("new", static_folder=None)
    add_routes(app, quart, view)
    return app


def post(path: str, body: bytes, content_type: str = "application/json") -> RequestSpec:
    headers = (("Content-Type", content_type),)
    return RequestSpec(name=f"POST {path}", method="POST", target=path, headers=headers, body=body)


def checked(*requests: RequestSpec, allow: tuple[Allowance, ...] = ()) -> ParityOutcome:
    cases = [replace(each, name=each.name or f"{each.method} {each.target}") for each in requests]
    return checking(wsgi_service(old_app()), asgi_service(new_app()), cases=cases, allow=allow)


@pytest.mark.parametrize(
    ("request_spec", "known"),
    [
        (http_request("/who"), {"session-vary"}),
        (http_request("/in"), {"session-vary"}),
        (VARIANTS["body after a byte order mark"], {"json-byte-order-mark"}),
        (post("/orders", BOM), {"json-byte-order-mark"}),
        (VARIANTS["body in UTF-16"], {"body-not-utf-8"}),
        (VARIANTS["body not UTF-8"], {"body-not-utf-8"}),
        (VARIANTS["no Content-Type"], {"json-content-type"}),
        (post("/orders", b"\xff"), {"body-not-utf-8"}),
        (post("/people", b"{}", "text/plain"), {"json-content-type"}),
        (post("/orders", b"", ""), {"json-content-type"}),
        (FORM_VARIANTS["field name not UTF-8"], {"form-not-utf-8"}),
        (post("/form", b"b=x%C3&a=1", "application/x-www-form-urlencoded"), {"form-not-utf-8"}),
        (http_request("/file"), {"file-cache", "file-ranges"}),
        (http_request("/away"), {"location-escapes"}),
        (http_request("/where"), {"header-encoding"}),
    ],
)
def test_what_flask_and_quart_do_in_other_ways_is_known(request_spec: RequestSpec, known: set[str]) -> None:
    found = checked(request_spec).parity.differences
    assert {each.known for each in found} == known
    assert all(each.counts for each in found)


def evidence(
    kind: Any,  # noqa: ANN401 - one of a few words
    pointer: str,
    values: tuple[str | None, str | None],
    *,
    pages: tuple[bytes, bytes] = (b"", b""),
    statuses: tuple[int, int] = (200, 200),
    body: bytes = b"",
    headers: tuple[tuple[str, str], ...] = (),
    cause: str = "",
) -> Evidence:
    if kind == "body":
        pages = ((values[0] or "").encode(), (values[1] or "").encode())
    old = response(*headers, status=statuses[0], body=pages[0])
    new = response(status=statuses[1], body=pages[1])
    finding = make_finding(kind, pointer, "value", "changes", values)
    return Evidence(
        request=RequestSpec(name="", body=body), finding=finding, responses=(old, new), cause=cause
    )


@pytest.mark.parametrize(
    ("found", "known"),
    [
        (evidence("status", "", ("414", "400"), pages=(GUNICORN, b"")), "server-page"),
        (evidence("status", "", ("200", "400"), pages=(b"", UVICORN)), "server-page"),
        (evidence("body", "", ("Bad Request\r\n\r\n(generated by waitress)", "")), "server-page"),
        (evidence("status", "", ("404", "500"), cause=TOO_LONG), "file-name-too-long"),
        (evidence("status", "", ("201", "413"), body=b"x" * (16 * 2**20 + 1)), "body-limit"),
        (evidence("header", "Content-Type", (None, "text/css"), statuses=(304, 304)), "not-modified-headers"),
        (evidence("header", "ETag", ('"17.5-3-240"', '"17.5-3-523"')), "file-etag"),
        (evidence("header", "Content-Disposition", ("inline; filename=a.css", None)), "file-disposition"),
        (evidence("header", "Expires", (None, EXPIRES), headers=(("last-modified", "x"),)), "file-cache"),
        (evidence("body", "", (f"{NOT_JSON} object: Ex", f"{NOT_JSON}: Ex")), "json-error-text"),
    ],
)
def test_what_servers_and_file_systems_do_is_known(found: Evidence, known: str) -> None:
    assert find_known(found) == known


@pytest.mark.parametrize(
    "found",
    [
        evidence("header", "Vary", ("Accept-Encoding", None)),
        evidence("header", "Vary", ("Cookie", "Cookie, Origin")),
        evidence("status", "", ("201", "400"), body=b'{"name": "x"}'),
        evidence("status", "", ("201", "500"), body=BOM),
        evidence("status", "", ("201", "500"), body=UTF16, cause="app.py:3 in view: KeyError: 'x' (new.log)"),
        evidence("status", "", ("415", "500"), pages=(REFUSED, b"")),
        evidence("status", "", ("415", "200"), pages=(b"only XML, please", b"")),
        evidence("status", "", ("200", "500"), pages=(b"", GUNICORN), statuses=(200, 500)),
        evidence("status", "", ("414", "500"), pages=(GUNICORN, b"oops"), statuses=(414, 500)),
        evidence("status", "", ("304", "200")),
        evidence("status", "", ("206", "200")),
        evidence("status", "", ("404", "500")),
        evidence("status", "", ("200", "413"), body=b"x" * 1000),
        evidence("header", "ETag", ('"17.5-3-240"', '"17.6-3-523"')),
        evidence("header", "ETag", ('"abc"', None)),
        evidence("header", "Cache-Control", ("no-cache", "public, max-age=60")),
        evidence("header", "Expires", (None, EXPIRES)),
        evidence("header", "Content-Disposition", ("attachment; filename=a.csv", None)),
        evidence("header", "Content-Type", (None, "text/css")),
        evidence("header", "Content-Security-Policy", (None, "x"), statuses=(304, 304)),
        evidence("header", "Location", ("/a%20b", "/a-b")),
        evidence("header", "X-Name", ("caf\u00e9", "cafe")),
        evidence("json", "/name", ('"x"', '"\N{REPLACEMENT CHARACTER}"')),
        evidence("body", "", ("<h1>Not found</h1>", "<h1>404</h1>")),
    ],
)
def test_what_a_port_has_done_is_not_known(found: Evidence) -> None:
    assert not find_known(found)


def test_a_known_difference_can_be_allowed_by_its_name_and_then_nothing_else_is() -> None:
    by_name = Allowance(reason="no cache in front", known=["session-vary", "file-etag"])
    outcome = checked(http_request("/who"), post("/people", BOM), allow=(by_name,))
    found = {each.known: each.allowed for each in outcome.parity.differences}
    assert found == {"session-vary": "no cache in front", "json-byte-order-mark": ""}
    [warning] = outcome.unused_allowances
    assert "known 'file-etag'" in warning
    assert {each.name: each.text for each in outcome.parity.known} == {
        name: CATALOGUE[name].text for name in found
    }


def test_the_documentation_lists_them_all() -> None:
    page = (Path(__file__).parents[2] / "docs" / "parity.md").read_text(encoding="utf-8")
    assert all(
        f"| `{name}` | {each.text} ([source]({each.source})) |" in page for name, each in CATALOGUE.items()
    )
