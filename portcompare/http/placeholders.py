"""`{name}` in a request: found, and filled with a value that is encoded for its place.

A request is encoded before it is filled, so that rows of a file and values that a login keeps are filled in
alike, in plans and in locustfiles. Percent-encoding leaves the name of a placeholder as it is.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import quote

from portcompare.records.requests import RequestSpec

# A placeholder's name: no character of it is ever percent-encoded or escaped.
NAME: Final = r"[A-Za-z_][A-Za-z0-9_-]*"

_PLAIN: Final = re.compile(rf"\{{({NAME})\}}")
_ENCODED: Final = re.compile(rf"(?:\{{|%7B)({NAME})(?:\}}|%7D)")
# A whole string, unless it is a key, comes first: it takes a value of any type.
_JSON: Final = re.compile(rf'(?<!\\)"\{{({NAME})\}}"(?!\s*:)|\{{({NAME})\}}')

_FORM: Final = "application/x-www-form-urlencoded"


def as_written(target: str) -> str:
    """A target, the braces of its placeholders not percent-encoded."""
    return _ENCODED.sub(r"{\1}", target)


def names_in(request: RequestSpec) -> frozenset[str]:
    """The names of a request's placeholders."""
    values = " ".join(value for _, value in request.headers)
    body = request.body.decode("latin-1")  # which loses no byte and never fails: the names are ASCII
    in_body = (_ENCODED if _media_type(request) == _FORM else _PLAIN).findall(body)
    return frozenset((*_ENCODED.findall(request.target), *_PLAIN.findall(values), *in_body))


def fill_in(request: RequestSpec, values: Mapping[str, object]) -> RequestSpec:
    """Fill a request's placeholders; those without a value stay."""

    def fill(pattern: re.Pattern[str], text: str, encode: Encode) -> str:
        def replacement(found: re.Match[str]) -> str:
            name = found[found.lastindex or 0]
            return encode(values[name], found) if name in values else found[0]

        return pattern.sub(replacement, text)

    media_type = _media_type(request)
    in_body: tuple[re.Pattern[str], Encode] = (_PLAIN, _text)
    if media_type == _FORM:
        in_body = _ENCODED, _percent_encoded
    elif media_type == "application/json" or media_type.endswith("+json"):
        in_body = _JSON, _in_json
    body = request.body.decode(errors="surrogateescape")  # which keeps what is not UTF-8
    return replace(
        request,
        target=fill(_ENCODED, request.target, _percent_encoded),
        headers=tuple((name, fill(_PLAIN, value, _text)) for name, value in request.headers),
        body=fill(in_body[0], body, in_body[1]).encode(errors="surrogateescape"),
    )


Encode = Callable[[object, re.Match[str]], str]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _text(value: object, _: object = None) -> str:
    """Text as it is, any other value as JSON."""
    return value if isinstance(value, str) else _json(value)


def _percent_encoded(value: object, _: object) -> str:
    return quote(_text(value), safe="")


def _in_json(value: object, found: re.Match[str]) -> str:
    is_whole_string = found[1] is not None
    return _json(value) if is_whole_string else _json(_text(value))[1:-1]


def _media_type(request: RequestSpec) -> str:
    return (request.header("Content-Type") or "").partition(";")[0].strip().lower()
