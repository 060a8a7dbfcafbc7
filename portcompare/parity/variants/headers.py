"""Headers: the request's own left out or malformed, and those by which clients and apps come to terms.

Without `Origin` no answer has CORS headers, without `Accept-Encoding` none is compressed, without `If-...`
none is "not modified": what is compared must be asked for.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from portcompare.parity.variants.fields import with_field, without_fields
from portcompare.parity.variants.odd import LONG, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portcompare.model import RequestSpec

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

    Args:
        request: The request.

    Yields:
        What was varied, and the request: each of its own headers left out and malformed, except what says
        what its body is; with headers that ask for another form of the answer, unless it has these itself; a
        CORS preflight.
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
