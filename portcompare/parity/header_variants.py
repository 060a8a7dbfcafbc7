"""Variants of a request's headers and method.

Without `Origin` no response has CORS headers, without `Accept-Encoding` none is compressed, without `If-...`
none is "not modified": a request must ask for what is to be compared.
"""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from portcompare.parity.url_variants import LONG, UNKNOWN
from portcompare.records.requests import RequestSpec

Headers = tuple[tuple[str, str], ...]

NO_SUCH_PATH = "/portcompare-no-such-path"

_ORIGIN = "http://portcompare.invalid"

# As a proxy sends them that serves the app at another address by TLS.
FORWARDED_HEADERS = {
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "portcompare.invalid",
    "Forwarded": "for=203.0.113.7;proto=https;host=portcompare.invalid",
}

# Not sent: Host and what frames a request, which are the server's; names with an underscore, which some
# servers drop; control characters, which some refuse, and letters beyond ASCII, for which some hand on an
# empty value. X-HTTP-Method-Override could turn the request into a DELETE.
# Where two lines of one header are sent, WSGI servers join them, and ASGI servers hand on both.
_ADDED_HEADERS: Mapping[str, Sequence[str | Sequence[str]]] = {
    "Accept": ("text/html", f"application/x-{UNKNOWN}", ";;q=x"),
    "Accept-Encoding": ("gzip", "br, zstd", "identity;q=0, *;q=0"),
    "Accept-Language": ("de", ("de", "fr")),
    "Accept-Charset": ("utf-16",),
    "If-None-Match": ("*", f'"{UNKNOWN}"'),
    "If-Match": (f'"{UNKNOWN}"',),
    "If-Modified-Since": ("Fri, 31 Dec 9999 23:59:59 GMT", "soon"),
    "If-Unmodified-Since": ("Thu, 01 Jan 1970 00:00:00 GMT",),
    "Range": ("bytes=0-0", "bytes=9-1"),
    "Origin": (_ORIGIN, "null"),
    "X-Requested-With": ("XMLHttpRequest",),
    "Authorization": (UNKNOWN, "Basic !", "Bearer"),
    "Cookie": (
        "portcompare=1",
        "=; ;portcompare",
        'portcompare="',
        "portcompare=%FF",
        ("portcompare=1", "portcompare=2"),
    ),
    "User-Agent": (LONG,),
} | {name: (value,) for name, value in FORWARDED_HEADERS.items()}

# Methods that hardly any route knows. All three are safe by definition (RFC 4918, 9.1; RFC 3253, 3.6;
# RFC 5323, 2), so that nothing is lost should the route know them after all: DELETE could not promise that.
# Some servers refuse a word that is no method, or one in small letters, before any app receives it.
_WRONG_METHODS = ("PROPFIND", "REPORT", "SEARCH")

# Of a target or a header. gunicorn refuses a request line of more than 4094 bytes, and a header line of more
# than 8190; others allow more, or respond with another status.
_LONGEST = 4000


def without_headers(headers: Headers, *names: str) -> Headers:
    """The headers without those of some names, whose case does not matter."""
    left_out = {name.lower() for name in names}
    return tuple((given, value) for given, value in headers if given.lower() not in left_out)


def with_header(request: RequestSpec, name: str, *values: str) -> RequestSpec:
    """The request with these lines of a header at the end, in place of its own."""
    lines = [(name, value) for value in values]
    return replace(request, headers=(*without_headers(request.headers, name), *lines))


def header_variants(request: RequestSpec) -> Iterator[tuple[str, RequestSpec]]:
    """A request with other headers, and what was varied.

    Each of its own headers is left out, malformed and repeated, except those that describe its body; headers
    that ask for another form of the response, or come from a proxy, are added, unless it has them; a CORS
    preflight is derived.
    """
    own = {name.lower(): name for name, _ in request.headers}
    for name in own.values():
        if name.lower().startswith("content-"):
            continue
        value = request.header(name) or ""
        others: dict[str, list[str]] = {"malformed": [UNKNOWN], "empty": [""]}
        if name.lower() != "host":
            others |= {"repeated": [value, UNKNOWN], "after another value": [UNKNOWN, value]}
        for what, values in ({"missing": list[str]()} | others).items():
            yield f"header {name} {what}", with_header(request, name, *values)
    for name, choices in _ADDED_HEADERS.items():
        for choice in choices if name.lower() not in own else ():
            lines = [choice] if isinstance(choice, str) else choice
            shown = "long" if choice == LONG else ", then ".join(lines)
            yield f"header {name}: {shown}", with_header(request, name, *lines)
    # As a browser sends it before a request from another site: without credentials.
    preflight = (
        ("Origin", _ORIGIN),
        ("Access-Control-Request-Method", request.method),
        ("Access-Control-Request-Headers", f"content-type, x-{UNKNOWN}"),
    )
    yield "CORS preflight", replace(request, method="OPTIONS", headers=preflight, body=b"")


def method_variants(request: RequestSpec, known_methods: AbstractSet[str]) -> Iterator[RequestSpec]:
    """Other methods of a path, and a path below it that does not exist; headers and login as they are."""
    path = request.path
    headers = without_headers(request.headers, "Content-Type", "Content-Encoding")
    bare = replace(request, target=path, headers=headers, body=b"")
    if request.method == "GET":
        yield replace(bare, method="HEAD", target=request.target)
    wrong_methods = [method for method in _WRONG_METHODS if method not in known_methods]
    for method in ("HEAD", "OPTIONS", *wrong_methods[:1]):
        yield replace(bare, method=method)
    yield replace(bare, method="GET", target=path.rstrip("/") + NO_SUCH_PATH)


def app_decides(request: RequestSpec) -> bool:
    """Whether every server hands a request on to the app."""
    return len(request.target) <= _LONGEST and all(
        len(name) + len(value) <= _LONGEST and value.isascii() for name, value in request.headers
    )
