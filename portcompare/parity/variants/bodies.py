"""A body: none, not what its type says, of another type."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from portcompare.parity.variants.fields import field, with_field, without_fields
from portcompare.parity.variants.json_bodies import json_variants
from portcompare.parity.variants.multipart import multipart_variants
from portcompare.parity.variants.odd import MUCH, UNKNOWN
from portcompare.parity.variants.queries import pair_names, pair_variants, whole_variants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portcompare.model import RequestSpec

_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"

_TYPES = (
    "text/plain",
    "application/octet-stream",
    _JSON,
    f"{_JSON}; charset=utf-16",
    f"{_JSON}; charset=portcompare",
    "application/problem+json",
    _FORM,
    _MULTIPART,
    f"{_MULTIPART}; boundary=portcompare",
    "portcompare",
    ";",
)


def body_variants(request: RequestSpec) -> Iterator[tuple[str, RequestSpec]]:
    """A request with another body.

    Args:
        request: The request.

    Yields:
        What was varied, and the request; nothing if it has no body, or must not have any.
    """
    if not request.body or request.method in ("GET", "HEAD"):
        return
    media_type = field(request.headers, "Content-Type") or ""
    yield "no body", replace(request, body=b"", headers=without_fields(request.headers, "Content-Type"))
    yield "body empty", replace(request, body=b"")
    if media_type:
        yield "no Content-Type", replace(request, headers=without_fields(request.headers, "Content-Type"))
        other_case = with_field(request.headers, "Content-Type", media_type.swapcase())
        if "boundary" not in media_type:
            yield "Content-Type in other case", replace(request, headers=other_case)
    for other in _TYPES:
        if other != media_type:
            headers = with_field(request.headers, "Content-Type", other)
            yield f"Content-Type: {other}", replace(request, headers=headers)
    for what, body in (*_damaged(request.body), *_of_its_type(media_type, request.body)):
        yield what, replace(request, body=body)


def _damaged(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Bodies that no longer are what they were, whatever that was."""
    middle = len(body) // 2
    yield "body cut", body[:-1]
    yield "body twice", body + body
    yield "body not UTF-8", body[:middle] + b"\xff" + body[middle:]
    yield "body with NUL", body[:middle] + b"\0" + body[middle:]
    yield "body with a blank line after", body + b"\r\n\r\n"


def _of_its_type(media_type: str, body: bytes) -> Iterator[tuple[str, bytes]]:
    essence = media_type.partition(";")[0].strip().lower()
    if essence == _JSON or essence.endswith("+json"):
        yield from json_variants(body)
    elif essence == _FORM:
        form = body.decode("latin-1")
        for name in pair_names(form):
            for what, varied in pair_variants(form, name):
                yield f"field {what}", varied.encode("latin-1")
        for what, varied in whole_variants(form):
            yield f"form with {what}", varied.encode("latin-1")
        yield "form of much memory", body + f"&{UNKNOWN}={MUCH}".encode()
    elif essence.startswith("multipart/"):
        yield from multipart_variants(media_type, body)
