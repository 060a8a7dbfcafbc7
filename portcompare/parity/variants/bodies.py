"""A body: none, not what its type says, of another type."""

from __future__ import annotations

import codecs
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from portcompare.parity.variants.headers import field, with_field, without_fields
from portcompare.parity.variants.urls import MUCH, UNKNOWN, pair_names, pair_variants, whole_variants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portcompare.records.requests import RequestSpec


_LONG_TEXT = "x" * 65_536

# What readers of JSON are of different minds about, or ought not to take.
_TEXTS: dict[str, bytes] = {
    "nothing but blanks": b" \r\n\t",
    "an object that does not end": b"{",
    "an object with a comma too many": b'{"portcompare": 1,}',
    "single quotes": b"{'portcompare': 1}",
    "a comment": b"{} // portcompare",
    "two objects": b"{}{}",
    "a key twice": b'{"portcompare": 1, "portcompare": 2}',
    "NaN": b"NaN",
    "Infinity": b"-Infinity",
    "a number beyond a double": b"1e400",
    "a long number": b"9" * 5000,
    "a lone surrogate": b'"\\ud800"',
    "a raw line feed in a text": b'"\n"',
    "deep lists": b"[" * 500 + b"]" * 500,
    "null": b"null",
    "true": b"true",
    "a number": b"0",
    "a text": b'"portcompare"',
    "an empty list": b"[]",
    "a list": b"[0]",
    "an empty object": b"{}",
}


def json_variants(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Vary a JSON body."""
    for what, other in _TEXTS.items():
        yield f"body is {what}", other
    try:
        document: object = json.loads(body)
    except ValueError:
        return
    text = json.dumps(document, ensure_ascii=False)
    yield "body after a byte order mark", codecs.BOM_UTF8 + body
    yield "body in UTF-16", text.encode("utf-16", "surrogatepass")
    yield "body in UTF-32", text.encode("utf-32", "surrogatepass")
    yield "body in a list", json.dumps([document]).encode()
    yield "body as a text", json.dumps(text).encode()
    if isinstance(document, dict):
        yield "body with an unknown key", _written(document | {UNKNOWN: 1})
        for key in document:
            yield f"key {key} missing", _written({k: v for k, v in document.items() if k != key})
            yield (
                f"key {key} in other case",
                _written({k.swapcase() if k == key else k: v for k, v in document.items()}),
            )
            for what, value in _instead_of(document[key]):
                yield f"key {key} {what}", _written(document | {key: value})


def _instead_of(value: Any) -> Iterator[tuple[str, object]]:  # noqa: ANN401 - whatever JSON holds
    """Values in place of one: of the other types, and odd ones of its own."""
    yield "null", None
    others: dict[str, object] = {
        "a text": str(value) if isinstance(value, int | float) else UNKNOWN,
        "a number": 0,
        "true": True,
        "a list": [value],
        "an empty list": [],
        "an object": {UNKNOWN: value},
        "an empty object": {},
    }
    match value:
        case bool():
            own: dict[str, object] = {"the other": not value}
        case int() | float():
            own = {
                "negative": -1,
                "a fraction": 0.5,
                "beyond 32 bits": 2**31,
                "beyond 64 bits": 2**64,
                "with point zero": float(value) if abs(value) < 2**53 else 0.0,
            }
        case str():
            own = {
                "empty": "",
                "blank": " ",
                "long": _LONG_TEXT,
                "with NUL": "\0",
                "with a lone surrogate": "\ud800",
                "beyond 16 bits": "\U0001f600",
                "markup": "<b>",
            }
        case _:
            own = {}
    yield from (others | own).items()


def _written(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()


_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
_NAME = re.compile(rb'\bname="([^"]*)"')


def boundary_of(media_type: str) -> bytes | None:
    """The boundary that a Content-Type names; None if it names none."""
    found = _BOUNDARY.search(media_type) if media_type.lower().startswith("multipart/") else None
    return found[1].encode("latin-1") if found else None


def multipart_variants(media_type: str, body: bytes) -> Iterator[tuple[str, bytes]]:
    """Vary a multipart body."""
    named = boundary_of(media_type)
    if named is None:
        return
    boundary = b"--" + named
    before, *parts, end = body.split(boundary)
    if not parts:
        return

    def joined(own: list[bytes]) -> bytes:
        return boundary.join([before, *own, end])

    for place, part in enumerate(parts):
        name = _NAME.search(part)
        shown = name[1].decode("utf-8", "backslashreplace") if name else str(place)
        others = parts[:place], parts[place + 1 :]
        yield f"part {shown} missing", joined([*others[0], *others[1]])
        yield f"part {shown} repeated", joined([*others[0], part, part, *others[1]])
        yield f"part {shown} empty", joined([*others[0], _emptied(part), *others[1]])
        yield f"part {shown} not UTF-8", joined([*others[0], _emptied(part, b"\xff"), *others[1]])
        if name:
            nameless = part.replace(name[0], b"", 1)
            yield f"part {shown} without its name", joined([*others[0], nameless, *others[1]])
    yield "multipart of much memory", joined([*parts, _added(MUCH)])
    yield "multipart without its end", boundary.join([before, *parts])
    yield "multipart without parts", joined([])


def _added(content: str) -> bytes:
    """A part that no app knows."""
    return f'\r\nContent-Disposition: form-data; name="{UNKNOWN}"\r\n\r\n{content}\r\n'.encode()


def _emptied(part: bytes, content: bytes = b"") -> bytes:
    """A part with other content."""
    head, blank_line, _ = part.partition(b"\r\n\r\n")
    return head + blank_line + content + b"\r\n"


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
    """A request with another body."""
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
