"""Two responses compared: status, headers, cookies, bodies."""

import pytest

from portcompare.http.responses import Response
from portcompare.parity.compare import compare_responses
from portcompare.parity.headers import compare_cookies, compare_headers
from portcompare.records.requests import RequestSpec

GET = RequestSpec(name="GET /a/b", target="/a/b?c=1")
HEAD = RequestSpec(name="HEAD /data", method="HEAD", target="/data")
OLD, NEW = "127.0.0.1:8000", "127.0.0.1:43210"


def old(*headers: tuple[str, str], status: int = 200, body: bytes = b"") -> Response:
    return Response(server=OLD, status=status, headers=headers, body=body)


def new(*headers: tuple[str, str], status: int = 200, body: bytes = b"") -> Response:
    return Response(server=NEW, status=status, headers=headers, body=body)


def found(
    baseline: Response, candidate: Response, case: RequestSpec = GET
) -> list[tuple[str, str, str, str]]:
    return [
        (each.kind, each.pointer, each.baseline, each.candidate)
        for each in compare_responses(case, baseline, candidate)
    ]


def test_headers_of_the_app_are_compared_whatever_their_names() -> None:
    for name in ("X-Anything", "ETag", "Content-Encoding", "Access-Control-Max-Age", "Location", "Vary"):
        key = name.lower()
        assert found(old((key, "a")), new((key, "b"))) == [("header", name, "a", "b")]
        assert found(old((key, "a")), new()) == [("header", name, "a", "(absent)")]
        assert found(old(), new((key, ""))) == [("header", name, "(absent)", "")]


def test_what_the_server_program_decides_is_not_compared() -> None:
    names = ["date", "server", "via", "server-timing", "alt-svc", "upgrade", "trailer"]
    for name in (*names, "connection", "keep-alive", "transfer-encoding", "content-length"):
        assert found(old((name, "a")), new((name, "b"))) == []
        assert found(old((name, "a")), new()) == []


@pytest.mark.parametrize("name", ["allow", "vary"])
def test_order_and_case_of_sets_do_not_count(name: str) -> None:
    assert found(old((name, "GET, HEAD,OPTIONS")), new((name, "options, get , ,head,"))) == []
    assert found(old((name, "HEAD, GET")), new((name, "GET"), (name, "HEAD"))) == []
    assert found(old((name, "HEAD, GET")), new((name, "GET"))) == [
        ("header", name.title(), "HEAD, GET", "GET")
    ]


def test_the_length_of_a_head_response_counts_if_both_have_it() -> None:
    differing = [("header", "Content-Length", "5", "6")]
    assert found(old(("content-length", "5")), new(("content-length", "6")), HEAD) == differing
    assert found(old(("content-length", "5")), new(("content-length", "5")), HEAD) == []
    assert found(old(("content-length", "5")), new(), HEAD) == []
    assert found(old(), new(("content-length", "5")), HEAD) == []


@pytest.mark.parametrize(
    ("name", "ours", "theirs", "severities"),
    [
        ("content-type", "text/html; charset=utf-8", "Text/HTML;charset=UTF8", ["harmless"]),
        ("content-type", "text/html; charset=utf-8", 'text/html; charset="utf-8"', ["harmless"]),
        ("content-type", "text/html; charset=utf-8", "text/html", ["changes"]),
        ("content-type", "text/html; charset=utf-8", "text/html; charset=latin-1", ["changes"]),
        ("content-type", "text/html; charset=oops", "text/html; charset=Oops", ["harmless"]),
        ("content-type", "multipart/mixed; boundary=a", "multipart/mixed; boundary=A", ["changes"]),
        ("content-type", "application/json", "text/html", ["breaks"]),
        ("content-type", "application/json", None, ["breaks"]),
        ("content-type", None, "application/json", ["changes"]),
        ("location", f"http://{OLD}/x", f"http://{NEW}/x", []),
        ("location", f"http://{OLD}/x", f"http://{OLD}/x", ["breaks"]),  # another server's address
        ("location", f"http://{OLD}/x", "/x", ["changes"]),
        ("location", f"http://{OLD}", "/", ["changes"]),
        ("location", "/a/x", "x", ["changes"]),
        ("location", "/x", "/y", ["breaks"]),
        ("location", "/x", "http://elsewhere.invalid/x", ["breaks"]),
        ("location", "/x", "http://[oops", ["breaks"]),
        ("location", "/x", None, ["breaks"]),
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
def test_headers_are_ranked_by_what_they_mean_to_clients(
    name: str, ours: str | None, theirs: str | None, severities: list[str]
) -> None:
    baseline, candidate = (
        make(*() if value is None else ((name, value),)) for make, value in ((old, ours), (new, theirs))
    )
    assert [each.severity for each in compare_headers(GET, baseline, candidate)] == severities


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (["a=1"], ["a=2"], [("Set-Cookie: a", "changes", "1", "2")]),
        (["a=1; Path=/"], [], [("Set-Cookie: a", "breaks", "a=1; Path=/", "(absent)")]),
        ([], ["a=1"], [("Set-Cookie: a", "changes", "(absent)", "a=1")]),
        (["a=1; HttpOnly"], ["a=1"], [("Set-Cookie: a; HttpOnly", "changes", "(set)", "(absent)")]),
        (["a=1; Path=/x"], ["a=1; Path=/"], [("Set-Cookie: a; Path", "changes", "/x", "/")]),
        (["a=1"], ["a=1; Priority=High"], [("Set-Cookie: a; Priority", "changes", "(absent)", "High")]),
        (["a=1", "a=2"], ["a=1", "a=3"], [("Set-Cookie: a (2)", "changes", "2", "3")]),
        (["a=1; Path=/; HttpOnly"], ["a=1;httponly;path=/"], []),
        (["a=1; SameSite=Lax; Domain=Example.org"], ["a=1; samesite=lax; domain=example.org"], []),
        (["a=1", "b=2"], ["b=2", "a=1"], []),
        (["a=1, b=2"], ["a=1"], [("Set-Cookie: a", "changes", "1, b=2", "1")]),
    ],
)
def test_cookies_are_compared_by_name_and_attribute(
    ours: list[str], theirs: list[str], expected: list[tuple[str, str, str, str]]
) -> None:
    findings = compare_cookies(ours, theirs)
    assert [(each.pointer, each.severity, each.baseline, each.candidate) for each in findings] == expected
