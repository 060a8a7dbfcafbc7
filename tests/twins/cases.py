"""Requests to the twins, each with the response that every one of them must send."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256

import httpx
from werkzeug.exceptions import ImATeapot, InternalServerError, NotFound, TooManyRequests

from tests.twins.sending import ORIGIN, Send

JSON = "application/json"
PROBLEM = "application/problem+json"
HTML = "text/html; charset=utf-8"
HELLO = b'{"message":"Hello"}\n'
ETAG = f'"{sha256(HELLO).hexdigest()}"'
CACHING = {"ETag": ETAG, "Cache-Control": "max-age=60"}
SERVER_TIMING = re.compile(r"app;dur=([0-9]+\.[0-9]{3})")
ADDED_BY_SERVERS = {"connection", "date", "server", "transfer-encoding", "vary"}
METHODS = {"GET", "HEAD", "OPTIONS"}
SLOW = ("blocking", "cached", "computed", "dict", "offloaded", "upstream")
PATTERNS = ("/data", *(f"/data/{name}" for name in SLOW))
PARAMETERS: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "delay": ("a plain decimal number of seconds from 0 to 10.0", {"minimum": 0.0, "maximum": 10.0}),
    "padding": ("a plain whole number of bytes from 0 to 1000000", {"minimum": 0, "maximum": 1_000_000}),
    "path": (f"one of {', '.join(PATTERNS)}", {"choices": list(PATTERNS)}),
    "rows": ("a plain whole number of rows from 0 to 10000", {"minimum": 0, "maximum": 10_000}),
    "work": ("a plain whole number of steps from 0 to 1000000", {"minimum": 0, "maximum": 1_000_000}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    target: str
    method: str = "GET"
    sent: Mapping[str, str] = field(default_factory=dict)  # headers of the request
    content: bytes = b""
    status: int = 200
    content_type: str | None = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    allow: set[str] | None = None
    body: bytes | Mapping[str, object] | None = HELLO  # exact, as JSON, or not compared

    def __str__(self) -> str:
        sent = "".join(f" {name}: {value}" for name, value in self.sent.items())
        return f"{self.method} {self.target[:60]}{sent}"

    def send(self, send: Send, method: str | None = None) -> httpx.Response:
        return send(method or self.method, self.target, headers=self.sent, content=self.content)

    def check(self, response: httpx.Response) -> None:
        assert response.status_code == self.status
        assert response.headers.get("Content-Type") == self.content_type
        assert {name: response.headers.get(name) for name in self.headers} == self.headers
        assert methods(response) == self.allow
        assert SERVER_TIMING.fullmatch(response.headers["Server-Timing"])
        if isinstance(self.body, bytes):
            assert response.content == self.body
        elif self.body is not None:
            assert response.json() == self.body


def comparable(response: httpx.Response) -> tuple[object, ...]:
    """Return the status and the headers without what changes from request to request."""
    headers = {**response.headers, "server-timing": None, "allow": methods(response)}
    return response.status_code, {name: headers[name] for name in headers.keys() - ADDED_BY_SERVERS}


def methods(response: httpx.Response) -> set[str] | None:
    """Return the methods of the Allow header, whose order is that of a set and differs between processes."""
    return set(response.headers["Allow"].split(", ")) if "Allow" in response.headers else None


def problem(
    target: str, status: int, title: str, detail: str, members: Mapping[str, object] | None = None
) -> Case:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **(members or {})}
    return Case(target=target, status=status, content_type=PROBLEM, body=body)


def refused(target: str, parameter: str) -> Case:
    accepted, limits = PARAMETERS[parameter]
    detail = f"The query parameter '{parameter}' must be given at most once, as {accepted}."
    return problem(target, 400, "Bad Request", detail, {"parameter": parameter, **limits})


def unknown(target: str, method: str = "GET") -> Case:
    return replace(problem(target, 404, "Not Found", NotFound.description), method=method)


def not_allowed(method: str, target: str) -> Case:
    case = problem(target, 405, "Method Not Allowed", "The method is not allowed for the requested URL.")
    return replace(
        case, method=method, sent={"Content-Type": "text/plain"}, content=b"ignored", allow=METHODS
    )


def options(target: str) -> Case:
    return Case(target=target, method="OPTIONS", content_type=HTML, allow=METHODS, body=b"")


def cached(if_none_match: str) -> Case:
    sent = {"If-None-Match": if_none_match}
    return Case(target="/data/cached", sent=sent, status=304, content_type=None, headers=CACHING, body=b"")


def padded(size: int) -> Case:
    return Case(target=f"/data?padding={size}", body={"message": "Hello", "padding": "x" * size})


def computed(work: str, digest: bytes) -> Case:
    return Case(target=f"/data/computed?work={work}", body={"message": "Hello", "digest": digest.hex()})


NO_UPSTREAM = "No upstream is configured: DATA_UPSTREAM_URL is not set."
UPSTREAM = Case(target="/data/upstream?delay=0.001")  # where there is one

# One of each route.
ROUTES = (
    Case(target="/healthz", body=b'{"status":"ok"}\n'),
    *(Case(target=path) for path in ("/data", "/data/blocking", "/data/dict", "/data/offloaded")),
    Case(target="/data/cached", headers=CACHING),
    computed("1", sha256(b"").digest()),
    *(Case(target=target, content_type=HTML, body=None) for target in ("/", "/page?rows=100")),
)

DELAYS = ("0", "0.0", "0.001", "00.001", "1e-3", "1E-3", "0.01e-1", "0e%2B5", "1e-999", "0.005E-1")
NOT_DELAYS = (
    *("-1", "-0", "-0.5", "10.000001", "11", "1e2", "1e309", "1" * 400),
    *("nan", "NaN", "inf", "-inf", "Infinity", "abc", "0x1", "true", "null", "%3Cscript%3E"),
    *("", "%20", "%201", "1%20", "+1", "%2B1", "1%0A", "%00", "1%00", "%09"),
    *("1_0", "1,5", "1;2", ".5", "1.", "1e", "e1", "1e1.5", "1.2.3", "%D9%A1", "%EF%BC%91", "%C2%B2", "%ff"),
)
NOT_COUNTS = ("-1", "1.5", "1e3", "+1", "%201", "", "x", "1" * 5000)
NOT_PATTERNS = ("/", "", "data", "/healthz", "//elsewhere.test/data", "/data/", "/data%3Fx", "/x")

# What servers might handle in different ways.
SPECIAL = (
    padded(1_000_000),
    cached(ETAG),
    *(refused(f"/data?{query}", "delay") for query in ("delay=%ff", "delay=%00", "delay=0&delay=0")),
    refused("/data/cached?delay=11", "delay"),
    refused("/?path=/x", "path"),
    Case(target="/%64ata"),
    *(unknown(path) for path in ("/nothing", "/data/")),
    *(options(path) for path in ("/data", "/healthz")),
    *(not_allowed(method, "/data") for method in ("POST", "PROPFIND")),
    not_allowed("DELETE", "/healthz"),
)

CASES = (
    *ROUTES,
    problem("/data/upstream", 503, "Service Unavailable", NO_UPSTREAM),
    *(Case(target=f"/data?{query}") for query in ("", "x=1", "Delay=nan", "xdelay=nan", "x=delay%3Dnan")),
    *(Case(target=f"/data?delay={delay}") for delay in DELAYS),
    *(Case(target=f"/data/{name}?delay=0.001") for name in ("blocking", "offloaded", "cached")),
    *(refused(f"/data?delay={delay}", "delay") for delay in NOT_DELAYS),
    *(refused(f"/data?{query}", "delay") for query in ("delay", "delay=0&x=1&delay=")),
    *(refused(f"/data/{name}?delay=11", "delay") for name in ("blocking", "offloaded", "upstream")),
    *(Case(target="/data?padding=0"), padded(1), padded(5)),
    *(refused(f"/data?padding={count}", "padding") for count in (*NOT_COUNTS, "1000001")),
    computed("0", b""),
    computed("002", sha256(sha256(b"").digest()).digest()),
    *(refused(f"/data/computed?work={count}", "work") for count in (*NOT_COUNTS, "1000001")),
    *(refused(f"/page?rows={count}", "rows") for count in (*NOT_COUNTS, "10001")),
    *(refused(f"/?path={path}", "path") for path in NOT_PATTERNS),
    Case(target="/?path=/data&delay=%22%3E%ff&work=", content_type=HTML, body=None),
    *(cached(known) for known in (f'"other", {ETAG}', f"W/{ETAG}", "*")),
    Case(target="/data/cached", sent={"If-None-Match": '"other"'}, headers=CACHING),
    *(unknown("/nothing", method) for method in ("POST", "OPTIONS", "DELETE")),
    *(unknown(path) for path in ("/DATA", "/data/x", "/static/x", "/healthz/", "/data//", "/data%20")),
    Case(target="http://twin.test//data"),
    Case(target="http://twin.test///", content_type=HTML, body=None),
    problem("/breaks", 500, "Internal Server Error", InternalServerError.description),
    problem("/teapot", 418, "I'm a teapot", ImATeapot.description),
    replace(
        problem("/busy", 429, "Too Many Requests", TooManyRequests.description), headers={"Retry-After": "7"}
    ),
    Case(
        target="/branch", status=308, content_type=HTML, headers={"Location": f"{ORIGIN}/branch/"}, body=None
    ),
    *(options(path) for path in ("/", "/page", *PATTERNS[1:])),
    *(not_allowed(method, "/data") for method in ("PUT", "PATCH", "DELETE", "TRACE", "BREW")),
    *(not_allowed("POST", path) for path in ("/data?delay=x", "/", "/page", "/healthz", *PATTERNS[1:])),
    *SPECIAL,
)
