"""Variants of a body: none, of another type, damaged, and by its type with other JSON, fields or parts."""

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from portcompare.http.trees import load_json
from portcompare.parity.header_variants import with_header, without_headers
from portcompare.parity.url_variants import MUCH, UNKNOWN, pair_names, pair_variants, whole_variants
from portcompare.records.requests import RequestSpec

_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"

_TYPES = (
    *("text/plain", "application/octet-stream", "application/problem+json", "portcompare", ";"),
    *(_JSON, f"{_JSON}; charset=utf-16", f"{_JSON}; charset=portcompare"),
    *(_FORM, _MULTIPART, f"{_MULTIPART}; boundary=portcompare"),
)

# JSON parsers differ in whether they accept these, or ought not to.
_JSON_TEXTS: dict[str, bytes] = {
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

_LONG_TEXT = "x" * 65_536

_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
_PART_NAME = re.compile(rb'\bname="([^"]*)"')


def body_variants(request: RequestSpec) -> Iterator[tuple[str, RequestSpec]]:
    """A request with another body or Content-Type, and what was varied; none of a GET or HEAD."""
    if not request.body or request.method in ("GET", "HEAD"):
        return
    headers = request.headers
    media_type = request.header("Content-Type") or ""
    yield "no body", replace(request, body=b"", headers=without_headers(headers, "Content-Type"))
    yield "body empty", replace(request, body=b"")
    if media_type:
        yield "no Content-Type", replace(request, headers=without_headers(headers, "Content-Type"))
        if "boundary" not in media_type:
            other_case = with_header(request, "Content-Type", media_type.swapcase())
            yield "Content-Type in other case", other_case
    for kind in _TYPES:
        if kind != media_type:
            yield f"Content-Type: {kind}", with_header(request, "Content-Type", kind)
    body = request.body
    middle = len(body) // 2
    damaged = {
        "body cut": body[:-1],
        "body twice": body + body,
        "body not UTF-8": body[:middle] + b"\xff" + body[middle:],
        "body with NUL": body[:middle] + b"\0" + body[middle:],
        "body with a blank line after": body + b"\r\n\r\n",
    }
    for what, other in (*damaged.items(), *_vary_by_type(media_type, body)):
        yield what, replace(request, body=other)


def boundary_of(media_type: str) -> bytes | None:
    """The boundary that a multipart Content-Type names; None if it names none."""
    found = _BOUNDARY.search(media_type) if media_type.lower().startswith("multipart/") else None
    return found[1].encode("latin-1") if found else None


def _vary_by_type(media_type: str, body: bytes) -> Iterator[tuple[str, bytes]]:
    essence = media_type.partition(";")[0].strip().lower()
    if essence == _JSON or essence.endswith("+json"):
        yield from _vary_json(body)
    elif essence == _FORM:
        form = body.decode("latin-1")
        for name in pair_names(form):
            for what, varied in pair_variants(form, name):
                yield f"field {what}", varied.encode("latin-1")
        for what, varied in whole_variants(form):
            yield f"form with {what}", varied.encode("latin-1")
        yield "form of much memory", body + f"&{UNKNOWN}={MUCH}".encode()
    else:
        yield from _vary_multipart(media_type, body)


def _vary_json(body: bytes) -> Iterator[tuple[str, bytes]]:
    for what, other in _JSON_TEXTS.items():
        yield f"body is {what}", other
    try:
        document: object = load_json(body)
    except ValueError:
        return
    text = json.dumps(document, ensure_ascii=False)
    yield "body after a byte order mark", codecs.BOM_UTF8 + body
    yield "body in UTF-16", text.encode("utf-16", "surrogatepass")
    yield "body in UTF-32", text.encode("utf-32", "surrogatepass")
    yield "body in a list", json.dumps([document]).encode()
    yield "body as a text", json.dumps(text).encode()
    if not isinstance(document, dict):
        return
    varied: dict[str, dict[str, Any]] = {"body with an unknown key": document | {UNKNOWN: 1}}
    for key, value in document.items():
        varied[f"key {key} missing"] = {k: v for k, v in document.items() if k != key}
        varied[f"key {key} in other case"] = {k.swapcase() if k == key else k: v for k, v in document.items()}
        for what, odd in _odd_values(value):
            varied[f"key {key} {what}"] = document | {key: odd}
    for what, variant in varied.items():
        yield what, json.dumps(variant).encode()


def _odd_values(value: Any) -> Iterator[tuple[str, object]]:  # noqa: ANN401 - any JSON value
    """Values in place of one: of the other types, and odd ones of its own."""
    yield "null", None
    yield "a text", str(value) if isinstance(value, int | float) else UNKNOWN
    yield "a number", 0
    yield "true", True
    yield "a list", [value]
    yield "an empty list", []
    yield "an object", {UNKNOWN: value}
    yield "an empty object", {}
    match value:
        case bool():
            yield "the other", not value
        case int() | float():
            yield "negative", -1
            yield "a fraction", 0.5
            yield "beyond 32 bits", 2**31
            yield "beyond 64 bits", 2**64
            yield "with point zero", float(value) if abs(value) < 2**53 else 0.0
        case str():
            yield "empty", ""
            yield "blank", " "
            yield "long", _LONG_TEXT
            yield "with NUL", "\0"
            yield "with a lone surrogate", "\ud800"
            yield "beyond 16 bits", "\U0001f600"
            yield "markup", "<b>"


def _vary_multipart(media_type: str, body: bytes) -> Iterator[tuple[str, bytes]]:
    named = boundary_of(media_type)
    if named is None:
        return
    boundary = b"--" + named
    before, *parts, end = body.split(boundary)
    if not parts:
        return

    def join(*own: bytes) -> bytes:
        return boundary.join([before, *own, end])

    for place, part in enumerate(parts):
        name = _PART_NAME.search(part)
        shown = name[1].decode("utf-8", "backslashreplace") if name else str(place)
        head = part.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        instead: dict[str, list[bytes]] = {"missing": [], "repeated": [part, part]}
        instead |= {"empty": [head + b"\r\n"], "not UTF-8": [head + b"\xff\r\n"]}
        if name:
            instead["without its name"] = [part.replace(name[0], b"", 1)]
        for what, others in instead.items():
            yield f"part {shown} {what}", join(*parts[:place], *others, *parts[place + 1 :])
    unknown = f'\r\nContent-Disposition: form-data; name="{UNKNOWN}"\r\n\r\n{MUCH}\r\n'
    yield "multipart of much memory", join(*parts, unknown.encode())
    yield "multipart without its end", boundary.join([before, *parts])
    yield "multipart without parts", join()
