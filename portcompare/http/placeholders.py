"""`{name}` in a request: found, and filled with a value as its place asks for.

A request is encoded before it is filled, so that one way of filling serves the rows of a file and what a
login keeps, in plans and in locustfiles. Percent-encoding leaves the name of a placeholder as it is.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from portcompare.records.requests import RequestSpec

NAME: Final = r"[A-Za-z_][A-Za-z0-9_-]*"
"""What can stand in a placeholder's braces: none of it is ever percent-encoded or escaped."""

_PLAIN: Final = re.compile(rf"\{{({NAME})\}}")
_ENCODED: Final = re.compile(rf"(?:\{{|%7B)({NAME})(?:\}}|%7D)")
_JSON: Final = re.compile(rf'(?<!\\)"\{{({NAME})\}}"(?!\s*:)|\{{({NAME})\}}')
"""A whole string, which is no key, comes first: it takes a value of any type."""

_FORM: Final = "application/x-www-form-urlencoded"


def as_written(target: str) -> str:
    """A target, the braces of its placeholders not percent-encoded."""
    return _ENCODED.sub(r"{\1}", target)


def names_in(request: RequestSpec) -> frozenset[str]:
    """The names of a request's placeholders."""
    names = set(_ENCODED.findall(request.target))
    for _, value in request.headers:
        names |= set(_PLAIN.findall(value))
    # Latin-1 so that no byte is lost or an error: the names are ASCII.
    body = request.body.decode("latin-1")
    names |= set((_ENCODED if _media_type(request) == _FORM else _PLAIN).findall(body))
    return frozenset(names)


def fill_in(request: RequestSpec, values: Mapping[str, object]) -> RequestSpec:
    """Fill placeholders with values."""

    def sub(pattern: re.Pattern[str], text: str, write: Callable[[object], str]) -> str:
        return pattern.sub(lambda found: write(values[found[1]]) if found[1] in values else found[0], text)

    return replace(
        request,
        target=sub(_ENCODED, request.target, _percent_encoded),
        headers=tuple((name, sub(_PLAIN, value, _text)) for name, value in request.headers),
        body=_fill_body(request, values),
    )


def _fill_body(request: RequestSpec, values: Mapping[str, object]) -> bytes:
    media_type = _media_type(request)

    def write(found: re.Match[bytes]) -> bytes:
        name = next(group for group in found.groups() if group).decode()
        if name not in values:
            return found[0]
        if media_type == _FORM:
            return _percent_encoded(values[name]).encode()
        if not _is_json(media_type):
            return _text(values[name]).encode()
        text = _json(values[name] if found[1] else _text(values[name]))
        return (text if found[1] else text[1:-1]).encode()

    pattern = _ENCODED if media_type == _FORM else _JSON if _is_json(media_type) else _PLAIN
    return re.sub(pattern.pattern.encode(), write, request.body)


def _text(value: object) -> str:
    """A value as text: text as it is, and all else as JSON writes it."""
    return value if isinstance(value, str) else _json(value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _percent_encoded(value: object) -> str:
    return quote(_text(value), safe="")


def _media_type(request: RequestSpec) -> str:
    types = [value for name, value in request.headers if name.lower() == "content-type"]
    return types[0].partition(";")[0].strip().lower() if types else ""


def _is_json(media_type: str) -> bool:
    return media_type == "application/json" or media_type.endswith("+json")
