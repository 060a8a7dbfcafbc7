"""The pages: what a browser gets, and may do with it."""

import html
import re
from base64 import b64encode
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from quart import Quart

import async_quart.app
import async_quart.pages
import sync_flask.app
import sync_flask.pages
from tests.twins.sending import MakeSender, Send

TARGETS = ["/", "/?path=/data/cached&delay=2", "/page", "/page?rows=100"]


def hash_of(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def fetched(page: str) -> str:
    """Return what a page fetches."""
    match = re.search(r'data-url="([^"]*)"', page)
    assert match is not None
    return html.unescape(match[1])


@pytest.mark.parametrize("target", TARGETS)
def test_a_page_is_html_that_runs_nothing_but_its_own(send: Send, target: str) -> None:
    answer = send("GET", target)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == "'self'"
    for element, source in (("style", "style-src"), ("script", "script-src")):
        for text in re.findall(f"<{element}>(.*?)</{element}>", answer.text, re.DOTALL):
            assert policy[source] == hash_of(text)


@pytest.mark.parametrize("target", TARGETS)
def test_a_page_loads_nothing_from_elsewhere(make_sender: MakeSender, target: str) -> None:
    page = make_sender({}, {})("GET", target).text

    assert re.findall(r'(?:src|href)="([^"]*)"', page) == ["data:,"]
    assert "//" not in re.sub(r"^// .*$", "", page, flags=re.MULTILINE)
    assert not re.search(r"\son\w+=|\sstyle=", page)  # neither would be allowed


@pytest.mark.parametrize("path", sync_flask.pages.PATTERNS)
def test_the_page_fetches_the_pattern_that_it_is_asked_for(make_sender: MakeSender, path: str) -> None:
    send = make_sender({}, {})

    assert fetched(send("GET", f"/?path={path}").text) == path
    assert send("GET", path).status_code in (200, 503)


def test_without_a_pattern_the_page_fetches_the_data(make_sender: MakeSender) -> None:
    assert fetched(make_sender({}, {})("GET", "/").text) == "/data"


@pytest.mark.parametrize(
    ("app", "patterns"),
    [
        (sync_flask.app.app, sync_flask.pages.PATTERNS),
        (async_quart.app.app, async_quart.pages.PATTERNS),
    ],
    ids=["sync_flask", "async_quart"],
)
def test_the_page_knows_every_pattern(app: Flask | Quart, patterns: tuple[str, ...]) -> None:
    routes = {rule.rule for rule in app.url_map.iter_rules()}

    assert {route for route in routes if route.startswith("/data")} == set(patterns)


def test_the_page_hands_on_what_the_pattern_is_asked(make_sender: MakeSender) -> None:
    query = "path=/data&delay=0.5&padding=9&work=1&delay=%22%3E%3Cscript%3E&other=2"

    page = make_sender({}, {})("GET", f"/?{query}").text

    parts = urlsplit(fetched(page))
    assert parts.path == "/data"
    assert parse_qs(parts.query) == {"delay": ["0.5", '"><script>'], "padding": ["9"], "work": ["1"]}
    assert page.count("<script>") == 1


@pytest.mark.parametrize("path", ["/", "", "data", "/healthz", "//elsewhere.test/data", "/data/", "/data?x"])
def test_the_page_fetches_nothing_else(make_sender: MakeSender, path: str) -> None:
    answer = make_sender({}, {})("GET", "/?path=" + path.replace("?", "%3F"))

    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["parameter"] == "path"
    assert answer.json()["choices"] == list(sync_flask.pages.PATTERNS)


@pytest.mark.parametrize("rows", [0, 1, 1000])
def test_the_table_has_so_many_rows(make_sender: MakeSender, rows: int) -> None:
    page = make_sender({}, {})("GET", f"/page?rows={rows}").text

    assert page.count("<tr><td>") == rows
    assert '<p id="message">Hello</p>' in page


@pytest.mark.parametrize("rows", ["-1", "10001", "x"])
def test_what_is_no_number_of_rows_is_a_problem(make_sender: MakeSender, rows: str) -> None:
    assert make_sender({}, {})("GET", f"/page?rows={rows}").json()["maximum"] == 10_000
