"""JSON bodies: not JSON, of another type at the top, each key missing, null or of another type."""

from __future__ import annotations

import codecs
import json
from typing import TYPE_CHECKING, Any

from portcompare.parity.variants.odd import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    """Vary a JSON body.

    Args:
        body: The body.

    Yields:
        What was varied, and the body; what stands in its top level is varied if it is an object.
    """
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
