"""Parameters of a query, or fields of a form: missing, malformed, repeated, unknown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from portcompare.parity.excerpt import printable
from portcompare.parity.variants.odd import UNKNOWN, odd_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portcompare.model import RequestSpec

_MANY = 100


def query_variants(request: RequestSpec) -> Iterator[tuple[str, RequestSpec]]:
    """A request with another query as a whole.

    Args:
        request: The request.

    Yields:
        What was varied, and the request; its parameters are left as they are.
    """
    path, _, query = request.target.partition("?")
    for what, varied in whole_variants(query):
        yield what, replace(request, target=f"{path}?{varied}")


def parameter_variants(request: RequestSpec, name: str) -> Iterator[tuple[str, RequestSpec]]:
    """A request with one of its query parameters varied.

    Args:
        request: The request.
        name: The parameter's name, as `parameter_names` gives it.

    Yields:
        What was varied, and the request.
    """
    path, _, query = request.target.partition("?")
    for what, varied in pair_variants(query, name):
        yield what, replace(request, target=f"{path}?{varied}" if varied else path)


def parameter_names(request: RequestSpec) -> tuple[str, ...]:
    """The names of a request's query parameters, decoded, each once."""
    return pair_names(request.target.partition("?")[2])


def pair_names(pairs: str) -> tuple[str, ...]:
    """The names in a text of pairs, as queries and forms are, decoded, each once."""
    return tuple(dict.fromkeys(_name(pair) for pair in pairs.split("&") if pair))


def pair_variants(pairs: str, name: str) -> Iterator[tuple[str, str]]:
    """A text of pairs in which those of one name are varied.

    Args:
        pairs: The text, `name=value&...`.
        name: The name.

    Yields:
        What was varied, and the text; empty where nothing is left of it.
    """
    parts = pairs.split("&")
    first = next(place for place, part in enumerate(parts) if _name(part) == name)
    before, after = parts[:first], [part for part in parts[first:] if _name(part) != name]
    key, _, value = parts[first].partition("=")
    for what, replacement in _replacements(key, value):
        yield f"{printable(name)} {what}", "&".join([*before, *replacement, *after])


def whole_variants(pairs: str) -> Iterator[tuple[str, str]]:
    """A text of pairs with what belongs to none of them.

    Args:
        pairs: The text; empty for none.

    Yields:
        What was varied, and the text.
    """
    before = f"{pairs}&" if pairs else ""
    yield "unknown parameter", f"{before}{UNKNOWN}=1"
    yield "unknown parameter without a value", f"{before}{UNKNOWN}"
    yield "unknown parameter that is not UTF-8", f"{before}{UNKNOWN}=%FF"
    yield "parameter without a name", f"{before}=1"
    yield "name that is not UTF-8", f"{before}%FF=1"
    yield "empty pairs", f"&&{pairs}&"
    yield "second question mark", f"{before}{UNKNOWN}=1?{UNKNOWN}=2"


def _replacements(key: str, value: str) -> Iterator[tuple[str, list[str]]]:
    """What stands in place of a parameter: nothing, or one pair, or several."""
    pair = f"{key}={value}"
    yield "missing", []
    yield "without a value", [key]
    yield "empty", [f"{key}="]
    for what, odd in odd_values(value):
        yield what, [f"{key}={odd}"]
    yield "plus after", [f"{key}={value}+"]
    yield "semicolon after", [f"{key}={value};x=1"]
    yield "equals sign after", [f"{key}={value}="]
    yield "bad escape after", [f"{key}={value}%zz"]
    yield "lone percent sign after", [f"{key}={value}%"]
    yield "repeated", [pair, pair]
    yield "repeated, then empty", [pair, f"{key}="]
    yield "repeated, then malformed", [pair, f"{key}={UNKNOWN}"]
    yield "malformed, then repeated", [f"{key}={UNKNOWN}", pair]
    yield f"repeated {_MANY} times", [pair] * _MANY
    yield "in brackets", [f"{key}[]={value}"]
    yield "with an index", [f"{key}%5B0%5D={value}"]
    yield "in other case", [f"{key.swapcase()}={value}"]
    yield "blank before the name", [f"+{key}={value}"]
    yield "name escaped", [f"{_escaped(key)}={value}"]


def _escaped(key: str) -> str:
    """The key, its first character percent-encoded if it can be."""
    return f"%{ord(key[0]):02X}{key[1:]}" if key[:1].isascii() and key[:1].isalnum() else key


def _name(pair: str) -> str:
    return unquote_plus(pair.partition("=")[0])
