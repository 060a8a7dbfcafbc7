"""Headers: the request's own left out or malformed, and those by which clients and apps come to terms.

Without `Origin` no answer has CORS headers, without `Accept-Encoding` none is compressed, without `If-...`
none is "not modified": what is compared must be asked for.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from portcompare.parity.variants.urls import LONG, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from portcompare.records.requests import RequestSpec


Fields = tuple[tuple[str, str], ...]


def field(fields: Fields, name: str) -> str | None:
    """The value of a header field.

    Returns the first value, or None if there is no such field.
    """
    return next((value for given, value in fields if given.lower() == name.lower()), None)


def without_fields(fields: Fields, *names: str) -> Fields:
    """The fields but for those of some names, whose case does not matter."""
    left_out = {name.lower() for name in names}
    return tuple((given, value) for given, value in fields if given.lower() not in left_out)


def with_field(fields: Fields, name: str, value: str) -> Fields:
    """The fields, that of one name replaced, or added at the end."""
    return (*without_fields(fields, name), (name, value))


_ORIGIN = "http://portcompare.invalid"

# Not asked: Forwarded and X-Forwarded-..., which some servers take in before any app does; Host, Connection,
# Expect and Transfer-Encoding, which are the server's; names with an underscore, which some servers drop;
# control characters, which some refuse, and letters beyond ASCII, for which some hand on an empty value.
# X-HTTP-Method-Override could turn the request into a DELETE.
_TERMS = (
    ("Accept", "text/html"),
    ("Accept", f"application/x-{UNKNOWN}"),
    ("Accept", ";;q=x"),
    ("Accept-Encoding", "gzip"),
    ("Accept-Encoding", "br, zstd"),
    ("Accept-Encoding", "identity;q=0, *;q=0"),
    ("Accept-Language", "de"),
    ("Accept-Charset", "utf-16"),
    ("If-None-Match", "*"),
    ("If-None-Match", f'"{UNKNOWN}"'),
    ("If-Match", f'"{UNKNOWN}"'),
    ("If-Modified-Since", "Fri, 31 Dec 9999 23:59:59 GMT"),
    ("If-Modified-Since", "soon"),
    ("If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT"),
    ("Range", "bytes=0-0"),
    ("Range", "bytes=9-1"),
    ("Origin", _ORIGIN),
    ("Origin", "null"),
    ("X-Requested-With", "XMLHttpRequest"),
    ("Authorization", UNKNOWN),
    ("Authorization", "Basic !"),
    ("Authorization", "Bearer"),
    ("Cookie", "portcompare=1"),
    ("Cookie", "=; ;portcompare"),
    ("Cookie", 'portcompare="'),
    ("Cookie", "portcompare=%FF"),
    ("User-Agent", LONG),
)


def header_variants(request: RequestSpec) -> Iterator[tuple[str, RequestSpec]]:
    """A request with other headers.

    Yields what was varied, and the request: each of its own headers left out and malformed, except what says
    what its body is; with headers that ask for another form of the answer, unless it has these itself; a CORS
    preflight.
    """
    own = {name.lower(): name for name, _ in request.headers}
    for name in own.values():
        if not name.lower().startswith("content-"):
            yield f"header {name} missing", _with(request, without_fields(request.headers, name))
            for what, value in (("malformed", UNKNOWN), ("empty", "")):
                headers = with_field(request.headers, name, value)
                yield f"header {name} {what}", _with(request, headers)
    for name, value in _TERMS:
        if name.lower() not in own:
            shown = "long" if value == LONG else value
            yield f"header {name}: {shown}", _with(request, with_field(request.headers, name, value))
    yield "CORS preflight", _preflight(request)


def _with(request: RequestSpec, headers: tuple[tuple[str, str], ...]) -> RequestSpec:
    return replace(request, headers=headers)


def _preflight(request: RequestSpec) -> RequestSpec:
    """What a browser asks before a request from another site; it sends no credentials of its own then."""
    return replace(
        request,
        method="OPTIONS",
        headers=(
            ("Origin", _ORIGIN),
            ("Access-Control-Request-Method", request.method),
            ("Access-Control-Request-Headers", f"content-type, x-{UNKNOWN}"),
        ),
        body=b"",
    )


NO_SUCH_PATH = "/portcompare-no-such-path"

# Methods that hardly any route knows. All three are safe by definition (RFC 4918, 9.1; RFC 3253, 3.6;
# RFC 5323, 2), so that nothing is lost should the route know them after all: DELETE could not promise that.
# A word that is no method, or one in small letters, is refused by some servers before any app sees it.
_WRONG_METHODS = ("PROPFIND", "REPORT", "SEARCH")


def method_variants(request: RequestSpec, known_methods: AbstractSet[str]) -> Iterator[RequestSpec]:
    """Other methods of a path, with the request's headers and login."""
    path = request.target.partition("?")[0]
    bare = replace(
        request,
        target=path,
        headers=without_fields(request.headers, "Content-Type", "Content-Encoding"),
        body=b"",
    )
    if request.method == "GET":
        yield replace(bare, method="HEAD", target=request.target)
    wrong_methods = [method for method in _WRONG_METHODS if method not in known_methods]
    for method in ("HEAD", "OPTIONS", *wrong_methods[:1]):
        yield replace(bare, method=method)
    yield replace(bare, method="GET", target=path.rstrip("/") + NO_SUCH_PATH)


# gunicorn refuses a request line of more than 4094 bytes, and a header line of more than 8190; others allow
# more, or answer another status.
LONGEST_TARGET = 4000
LONGEST_HEADER = 4000


def app_decides(request: RequestSpec) -> bool:
    """Whether a request comes to the app behind every server."""
    return len(request.target) <= LONGEST_TARGET and all(
        len(name) + len(value) <= LONGEST_HEADER and value.isascii() for name, value in request.headers
    )
