from __future__ import annotations

import pytest

from portcompare.parity import Answer
from portcompare.parity.compare import compare_headers
from portcompare.records.requests import RequestSpec

CASE = RequestSpec(name="GET /a/b", target="/a/b?c=1")


def ranks(name: str, ours: str | None, theirs: str | None) -> list[str]:
    def answer(server: str, value: str | None) -> Answer:
        headers = () if value is None else ((name, value),)
        return Answer(server=server, status=200, headers=headers)

    baseline, candidate = answer("127.0.0.1:8000", ours), answer("127.0.0.1:9000", theirs)
    return [each.severity for each in compare_headers(CASE, baseline, candidate)]


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ("text/html; charset=utf-8", "Text/HTML;charset=UTF8", ["harmless"]),
        ("text/html; charset=utf-8", 'text/html; charset="utf-8"', ["harmless"]),
        ("text/html; charset=utf-8", "text/html", ["changes"]),
        ("text/html; charset=utf-8", "text/html; charset=latin-1", ["changes"]),
        ("text/html; charset=oops", "text/html; charset=Oops", ["harmless"]),
        ("multipart/mixed; boundary=a", "multipart/mixed; boundary=A", ["changes"]),
        ("application/json", "text/html", ["breaks"]),
        ("application/json", None, ["breaks"]),
        (None, "application/json", ["changes"]),
    ],
)
def test_content_types_are_ranked_by_what_they_mean(
    ours: str | None, theirs: str | None, expected: list[str]
) -> None:
    assert ranks("content-type", ours, theirs) == expected


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ("http://127.0.0.1:8000/x", "http://127.0.0.1:9000/x", []),
        ("http://127.0.0.1:8000/x", "/x", ["changes"]),
        ("http://127.0.0.1:8000", "/", ["changes"]),
        ("/a/x", "x", ["changes"]),
        ("/x", "/y", ["breaks"]),
        ("/x", "http://elsewhere.invalid/x", ["breaks"]),
        ("/x", "http://[oops", ["breaks"]),
        ("/x", None, ["breaks"]),
    ],
)
def test_locations_are_ranked_by_where_they_lead(ours: str, theirs: str | None, expected: list[str]) -> None:
    assert ranks("location", ours, theirs) == expected


@pytest.mark.parametrize(
    ("name", "ours", "theirs", "expected"),
    [
        ("cache-control", "no-cache, max-age=0", "max-age=0,no-cache", ["harmless"]),
        ("cache-control", "no-cache", "no-store", ["changes"]),
        ("cache-control", "no-cache", None, ["changes"]),
        ("www-authenticate", "Basic", None, ["breaks"]),
        ("access-control-allow-origin", "*", None, ["breaks"]),
        ("access-control-allow-methods", "GET, PUT", "put,get", []),
        ("etag", '"a"', None, ["changes"]),
        ("allow", "GET, HEAD", "GET", ["changes"]),
    ],
)
def test_other_headers_break_clients_that_need_them(
    name: str, ours: str, theirs: str | None, expected: list[str]
) -> None:
    assert ranks(name, ours, theirs) == expected
