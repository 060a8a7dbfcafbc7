"""Declaring requests: how what a user writes becomes the bytes that are sent.

The plan and locustfiles say the same things in the same words, so both come here.
"""

from __future__ import annotations

import json as _json
import mimetypes
import re
from dataclasses import dataclass, replace
from datetime import date, time
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlencode

from portcompare.http.placeholders import as_written
from portcompare.records.requests import RequestSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


# RFC 9110, sections 5 and 9.1, and RFC 9112, section 3.2; without line ends, nothing can be smuggled in.
_TOKEN: Final = re.compile(r"[0-9A-Za-z!#$%&'*+.^_`|~-]+")
_TARGET: Final = re.compile(r"\*|/[!-~]*")
_VALUE: Final = re.compile(r"[\t -~\x80-\xff]*")

_QUOTED: Final = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})
"""As browsers write names in a multipart body (HTML, section 4.10.21.8)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePart:
    """A file in a multipart body.

    Attributes:
        filename: What it is called there.
        content: Its bytes.
        type: Its media type; by default the one that is usual for the name.
    """

    filename: str
    content: bytes
    type: str = ""


Part = str | FilePart


def http_request(  # noqa: PLR0913 - what a request can say
    path: str,
    *,
    method: str = "GET",
    query: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    cookies: Mapping[str, str] | None = None,
    json: object = None,
    form: Mapping[str, Any] | None = None,
    multipart: Mapping[str, Part | Sequence[Part]] | None = None,
    body: str | bytes = b"",
    name: str = "",
) -> RequestSpec:
    """Declare a request.

    Args:
        path: Path, with or without a query.
        method: HTTP method.
        query: Query parameters to encode; a list repeats the parameter.
        headers: Request headers.
        cookies: Cookies by name, sent as they are in a Cookie header.
        json: A body of JSON; dates and times become text.
        form: A body of form fields; a list repeats the field.
        multipart: A body of parts by name, texts and files; a list repeats the part.
        body: The body itself; text is sent as UTF-8.
        name: What tables call it; method and target by default.

    Returns:
        The record. Its Content-Type is that of the kind of body, unless `headers` has one.

    Raises:
        ValueError: If it has bodies of two kinds, a header twice over, or JSON that cannot be written.
    """
    own = {given.lower() for given in headers or {}}
    content, content_type = _encode_body(json, form, multipart, body)
    added = {}
    if content_type and "content-type" not in own:
        added["Content-Type"] = content_type
    elif multipart and "content-type" in own:
        raise ValueError("a multipart body comes with its own Content-Type, which names its boundary")
    if cookies and "cookie" in own:
        raise ValueError("give cookies either by `cookies` or by a Cookie header")
    if cookies:
        added["Cookie"] = "; ".join(f"{key}={value}" for key, value in cookies.items())
    encoded = urlencode(query or {}, doseq=True)
    separator = "&" if "?" in path else "?"
    target = f"{path}{separator}{encoded}" if encoded else path
    return RequestSpec(
        name=name or f"{method} {as_written(target)}",
        method=method,
        target=target,
        headers=(*(headers or {}).items(), *added.items()),
        body=content,
    )


def with_query(spec: RequestSpec, parameter: str, value: str) -> RequestSpec:
    """Set a query parameter of a request."""
    path, _, query = spec.target.partition("?")
    others = [pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] != parameter]
    target = f"{path}?{urlencode([*others, (parameter, value)])}"
    is_named = spec.name != f"{spec.method} {as_written(spec.target)}"
    name = spec.name if is_named else f"{spec.method} {as_written(target)}"
    return replace(spec, target=target, name=name)


def find_flaw(spec: RequestSpec) -> str | None:
    """What is wrong with a request.

    Returns why it cannot be sent as HTTP/1.1; None if it can.
    """
    if not _TOKEN.fullmatch(spec.method):
        return f"the method {spec.method!r} is none"
    if not _TARGET.fullmatch(spec.target):
        return f"the path {spec.target!r} does not begin with / or holds what must be percent-encoded"
    for name, value in spec.headers:
        if not _TOKEN.fullmatch(name):
            return f"the header name {name!r} is none"
        if not isinstance(value, str) or not _VALUE.fullmatch(value):
            return f"the header {name!r} is not one line of latin-1 text: {value!r}"
    if not isinstance(spec.body, bytes):
        return f"the body is not bytes but {type(spec.body).__name__}"
    return None


def encode_json(value: object) -> bytes:
    """A value as JSON.

    Raises ValueError if JSON cannot hold it: NaN and infinity are no JSON.
    """
    text = _json.dumps(
        value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_date_as_text
    )
    return text.encode()


def type_by_name(filename: str) -> str:
    """The media type that is usual for a file."""
    return mimetypes.MimeTypes().guess_type(filename)[0] or "application/octet-stream"


def _encode_body(
    json: object,
    form: Mapping[str, Any] | None,
    multipart: Mapping[str, Part | Sequence[Part]] | None,
    body: str | bytes,
) -> tuple[bytes, str]:
    """The body of whichever kind there is, and its Content-Type; empty where there is none to tell."""
    given = {"json": json is not None, "form": form is not None, "multipart": multipart is not None}
    kinds = [kind for kind, is_given in (given | {"body": bool(body)}).items() if is_given]
    if len(kinds) > 1:
        raise ValueError(f"a request has one body, not {' and '.join(kinds)}")
    if json is not None:
        return encode_json(json), "application/json"
    if form is not None:
        return urlencode(form, doseq=True).encode(), "application/x-www-form-urlencoded"
    if multipart is not None:
        return _encode_multipart(multipart)
    return body.encode() if isinstance(body, str) else body, ""


def _date_as_text(value: object) -> str:
    if isinstance(value, date | time):
        return value.isoformat()
    raise ValueError(f"JSON has no {type(value).__name__}")


def _encode_multipart(multipart: Mapping[str, Part | Sequence[Part]]) -> tuple[bytes, str]:
    parts = [
        _encode_part(name, part)
        for name, given in multipart.items()
        for part in ([given] if isinstance(given, Part) else given)
    ]
    # Of the content, so that a request is the same bytes each time and no part can hold its own boundary.
    boundary = sha256(b"\0".join(parts)).hexdigest()[:32]
    lines = [b"--" + boundary.encode() + b"\r\n" + part + b"\r\n" for part in parts]
    body = b"".join(lines) + b"--" + boundary.encode() + b"--\r\n"
    return body, f"multipart/form-data; boundary={boundary}"


def _encode_part(name: str, part: Part) -> bytes:
    return b"\r\n".join([*(line.encode() for line in _part_head(name, part)), b"", _part_content(part)])


def _part_head(name: str, part: Part) -> Iterator[str]:
    disposition = f'Content-Disposition: form-data; name="{name.translate(_QUOTED)}"'
    if isinstance(part, str):
        yield disposition
        return
    yield f'{disposition}; filename="{part.filename.translate(_QUOTED)}"'
    yield f"Content-Type: {part.type or type_by_name(part.filename)}"


def _part_content(part: Part) -> bytes:
    return part.encode() if isinstance(part, str) else part.content


_USUAL: Final = (("User-Agent", "portcompare"), ("Accept", "*/*"))

_METHODS_WITH_BODY: Final = ("POST", "PUT", "PATCH")
"""These say how long their body is even when it is empty (RFC 9110, section 8.6)."""


def complete_headers(request: RequestSpec) -> tuple[tuple[str, str], ...]:
    """The headers that a request is sent with, beside Host.

    Returns the usual ones, each unless the request has its own, and the request's.
    """
    usual = list(_USUAL)
    if request.body or request.method in _METHODS_WITH_BODY:
        usual.append(("Content-Length", str(len(request.body))))
    own = _names(request.headers)
    return (*(header for header in usual if header[0].lower() not in own), *request.headers)


def encode_request(request: RequestSpec, server: str) -> bytes:
    """The bytes of a request.

    Raises UnicodeEncodeError: A header, or the target, is not latin-1.
    """
    host = () if "host" in _names(request.headers) else (("Host", server),)
    headers = (*host, *complete_headers(request))
    lines = [f"{request.method} {request.target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + request.body


def _names(headers: tuple[tuple[str, str], ...]) -> set[str]:
    return {name.lower() for name, _ in headers}
