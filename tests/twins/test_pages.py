import html
import re
from base64 import b64encode
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.twins.cases import PATTERNS
from tests.twins.sending import Send, create_app


def fetched(page: str) -> str:
    (url,) = re.findall(r'data-url="([^"]*)"', page)
    return html.unescape(url)


@pytest.mark.parametrize("target", ["/", "/?path=/data/cached&delay=2", "/page", "/page?rows=100"])
def test_a_page_is_html_that_loads_and_runs_nothing_but_its_own(send: Send, target: str) -> None:
    response = send("GET", target)
    policy = dict(part.split(" ", 1) for part in response.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == "'self'"
    for element, source in (("style", "style-src"), ("script", "script-src")):
        for text in re.findall(f"<{element}>(.*?)</{element}>", response.text, re.DOTALL):
            assert policy[source] == f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
    assert re.findall(r'(?:src|href)="([^"]*)"', response.text) == ["data:,"]
    assert "//" not in re.sub(r"^// .*$", "", response.text, flags=re.MULTILINE)
    assert not re.search(r"\son\w+=|\sstyle=", response.text)  # neither would be allowed


def test_the_page_fetches_each_route_of_the_data(twin: str, send: Send) -> None:
    routes = {rule.rule for rule in create_app(twin, {}).url_map.iter_rules()}
    assert {route for route in routes if route.startswith("/data")} == set(PATTERNS)
    assert [fetched(send("GET", f"/?path={path}").text) for path in PATTERNS] == list(PATTERNS)
    assert fetched(send("GET", "/").text) == "/data"


def test_the_page_passes_on_the_parameters_of_the_pattern(send: Send) -> None:
    query = "path=/data&delay=0.5&padding=9&work=1&delay=%22%3E%3Cscript%3E&other=2"
    page = send("GET", f"/?{query}").text
    parts = urlsplit(fetched(page))
    assert parts.path == "/data"
    assert parse_qs(parts.query) == {"delay": ["0.5", '"><script>'], "padding": ["9"], "work": ["1"]}
    assert page.count("<script>") == 1


def test_the_table_has_so_many_rows(send: Send) -> None:
    for rows in (0, 1, 1000):
        page = send("GET", f"/page?rows={rows}").text
        assert page.count("<tr><td>") == rows
        assert '<p id="message">Hello</p>' in page
