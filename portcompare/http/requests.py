"""Requests, declared by plans and locustfiles in the same words, encoded as HTTP/1.1, and their addresses."""

import json as _json
import mimetypes
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, time
from hashlib import sha256
from typing import Any, Final, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from portcompare.http.placeholders import as_written
from portcompare.masking import mask_passwords
from portcompare.records.requests import RequestSpec

# RFC 9110, sections 5 and 9.1, and RFC 9112, section 3.2; without line ends, nothing can be smuggled in.
_TOKEN: Final = re.compile(r"[0-9A-Za-z!#$%&'*+.^_`|~-]+")
_TARGET: Final = re.compile(r"\*|/[!-~]*")
_VALUE: Final = re.compile(r"[\t -~\x80-\xff]*")

# As browsers write names in a multipart body (HTML, section 4.10.21.8).
_QUOTED: Final = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})

# The client frames each request by itself and keeps its connection: such a header would say what is not so
# (RFC 9110, section 7.6.1; RFC 9112, section 6).
FRAMING_HEADERS: Final = frozenset(
    ["connection", "content-length", "expect", "http2-settings", "keep-alive", "proxy-connection"]
) | {"te", "trailer", "transfer-encoding", "upgrade"}
CANNOT_BE_SET: Final = "cannot be set: it frames the request or its connection, as the client does by itself"

_DEFAULT_HEADERS: Final = (("User-Agent", "portcompare"), ("Accept", "*/*"))
# These methods send a Content-Length even with an empty body (RFC 9110, section 8.6).
_METHODS_WITH_BODY: Final = ("POST", "PUT", "PATCH")


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePart:
    """A file in a multipart body."""

    filename: str  # its name in the request
    content: bytes
    type: str = ""  # its media type; by default the usual one for the filename


Part = str | FilePart


def http_request(  # noqa: PLR0913 - the parts of a request
    path: str,
    *,
    method: str = "GET",
    query: Mapping[str, Any] | None = None,
    headers: Mapping[str, str | Sequence[str]] | None = None,
    cookies: Mapping[str, str] | None = None,
    json: object = None,
    form: Mapping[str, Any] | None = None,
    multipart: Mapping[str, Part | Sequence[Part]] | None = None,
    body: str | bytes = b"",
    name: str = "",
    expect_status: int | None = None,
) -> RequestSpec:
    """Declare a request.

    Args:
        path: Path, with or without a query.
        method: HTTP method.
        query: Query parameters to encode; a list repeats the parameter.
        headers: Request headers; a list sends the header once for each value.
        cookies: Cookies by name, sent as they are in a Cookie header.
        json: A JSON body; dates and times become text.
        form: A body of form fields; a list repeats the field.
        multipart: A body of parts by name, texts and files; a list repeats the part.
        body: The body itself; text is sent as UTF-8.
        name: Its name in tables; method and target by default.
        expect_status: The status that the baseline must respond with; by default any below 400.

    Returns:
        The record. Its Content-Type is that of the kind of body, unless `headers` has one.

    Raises:
        ValueError: If two kinds of body are given, a header frames the request (Transfer-Encoding,
            Content-Length, Connection...) or is given in two ways, or the JSON cannot be written.
    """
    lines: list[tuple[str, str]] = []
    for given, values in (headers or {}).items():
        lines += [(given, value) for value in ([values] if isinstance(values, str) else values)]
    if flaw := find_framing_flaw(lines):
        raise ValueError(flaw)
    own = {given.lower() for given, _ in lines}
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
    target = f"{path}{'&' if '?' in path else '?'}{encoded}" if encoded else path
    return RequestSpec(
        name=name or default_name(method, target),
        method=method,
        target=target,
        headers=(*lines, *added.items()),
        body=content,
        expected_status=expect_status,
    )


def default_name(method: str, target: str) -> str:
    """The name of a request that is given none; it stands in all reports, and so hides secrets."""
    return mask_passwords(f"{method} {as_written(target)}")


def with_query(spec: RequestSpec, parameter: str, value: str) -> RequestSpec:
    """Set a query parameter of a request."""
    path, _, query = spec.target.partition("?")
    others = [pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] != parameter]
    target = f"{path}?{urlencode([*others, (parameter, value)])}"
    has_default_name = spec.name == default_name(spec.method, spec.target)
    name = default_name(spec.method, target) if has_default_name else spec.name
    return replace(spec, target=target, name=name)


def find_framing_flaw(headers: Iterable[tuple[str, str]]) -> str | None:
    """Which of some headers is not the user's to send, and why; None if all are."""
    names = [name for name, _ in headers]
    framing = next((name for name in names if name.lower() in FRAMING_HEADERS), None)
    if framing is not None:
        return f"the header {framing} {CANNOT_BE_SET}"
    is_repeated = sum(name.lower() == "host" for name in names) > 1
    return "the header Host is given twice: a request has one" if is_repeated else None


def find_flaw(spec: RequestSpec) -> str | None:
    """Why a request cannot be sent as HTTP/1.1; None if it can."""
    if not _TOKEN.fullmatch(spec.method):
        return f"{spec.method!r} is not an HTTP method"
    if not _TARGET.fullmatch(spec.target):
        reason = "does not begin with / or has characters that must be percent-encoded"
        return f"the path {spec.target!r} {reason}"
    for name, value in spec.headers:
        if not _TOKEN.fullmatch(name):
            return f"{name!r} is not a header name"
        if not isinstance(value, str) or not _VALUE.fullmatch(value):
            return f"the header {name!r} is not one line of latin-1 text: {value!r}"
    if not isinstance(spec.body, bytes):
        return f"the body is not bytes but {type(spec.body).__name__}"
    return find_framing_flaw(spec.headers)


def type_by_name(filename: str) -> str:
    """The usual media type for a filename."""
    return mimetypes.MimeTypes().guess_type(filename)[0] or "application/octet-stream"


def complete_headers(request: RequestSpec) -> tuple[tuple[str, str], ...]:
    """The headers that a request is sent with, beside Host: its own, and defaults for those it lacks."""
    defaults = list(_DEFAULT_HEADERS)
    if request.body or request.method in _METHODS_WITH_BODY:
        defaults.append(("Content-Length", str(len(request.body))))
    own = {name.lower() for name, _ in request.headers}
    return (*(header for header in defaults if header[0].lower() not in own), *request.headers)


def encode_request(request: RequestSpec, server: str) -> bytes:
    """The bytes of a request; `server`: host and port for the Host header, unless the request has one."""
    headers = complete_headers(request)
    if request.header("Host") is None:
        headers = (("Host", server), *headers)
    lines = [f"{request.method} {request.target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + request.body


def _encode_body(
    json: object,
    form: Mapping[str, Any] | None,
    multipart: Mapping[str, Part | Sequence[Part]] | None,
    body: str | bytes,
) -> tuple[bytes, str]:
    """The body of the one kind that is given, and its Content-Type; empty where it has none."""
    given = {"json": json, "form": form, "multipart": multipart, "body": body or None}
    kinds = [kind for kind, value in given.items() if value is not None]
    if len(kinds) > 1:
        raise ValueError(f"a request has one body, not {' and '.join(kinds)}")
    if json is not None:
        compact = (",", ":")
        text = _json.dumps(
            json, ensure_ascii=False, separators=compact, allow_nan=False, default=_date_as_text
        )
        return text.encode(), "application/json"
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
    parts = []
    for name, given in multipart.items():
        head = f'Content-Disposition: form-data; name="{name.translate(_QUOTED)}"'
        for part in [given] if isinstance(given, Part) else given:
            if isinstance(part, str):
                parts.append(f"{head}\r\n\r\n{part}".encode())
                continue
            filename, kind = part.filename.translate(_QUOTED), part.type or type_by_name(part.filename)
            described = f'{head}; filename="{filename}"\r\nContent-Type: {kind}\r\n\r\n'
            parts.append(described.encode() + part.content)
    # The boundary follows from the content: a request is the same bytes each time, and no part can hold its
    # own boundary.
    boundary = sha256(b"\0".join(parts)).hexdigest()[:32]
    lines = [b"--" + boundary.encode() + b"\r\n" + part + b"\r\n" for part in parts]
    body = b"".join(lines) + b"--" + boundary.encode() + b"--\r\n"
    return body, f"multipart/form-data; boundary={boundary}"


_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class AddressError(ValueError):
    """A URL names no server to send to."""

    def __init__(self, url: str, found: str, remedy: str) -> None:
        shown = repr(url) if "@" not in url else "the URL"  # which may hold a password
        super().__init__(f"{shown} {found}: {remedy}")
        self.found = found
        self.remedy = remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where to connect to, and what the Host header says."""

    secure: bool  # True for TLS
    host: str  # Name or address, an IPv6 one without its brackets
    port: int
    netloc: str  # For the Host header

    @classmethod
    def of(cls, url: str) -> Self:
        """The address in a URL; raises AddressError."""
        found, remedy = "is not the address of a server", "write http://HOST:PORT or https://HOST:PORT"
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            reason = f": {error}" if "@" not in url else ""
            raise AddressError(url, found + reason, remedy) from None
        if parts.username is not None:
            remedy = "write http://HOST:PORT, and send an Authorization header instead"
            raise AddressError(url, f"{found} alone, but names a user", remedy)
        is_sendable = parts.netloc.isascii() and not any(map(str.isspace, url))
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or port == 0 or not is_sendable:
            raise AddressError(url, found, remedy)
        return cls(
            secure=parts.scheme == "https",
            host=parts.hostname,
            port=port or _DEFAULT_PORTS[parts.scheme],
            netloc=parts.netloc,
        )
