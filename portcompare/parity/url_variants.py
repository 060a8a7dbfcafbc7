"""Variants of a URL: of its path, the segments of it, its query and its parameters; of a form likewise."""

import re
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import unquote_plus

from portcompare.http.bodies import printable
from portcompare.records.requests import RequestSpec

UNKNOWN = "portcompare"  # a name or a value that no app knows
LONG = "x" * 3000
MUCH = "x" * 600_000  # Werkzeug keeps 500 kB of a form in memory by default; proxies let more than this pass

# Percent-encoded, as in a target. Numbers are zeros, so that no variant makes a route wait long or list much.
_REPLACEMENTS = {
    "text": UNKNOWN,
    "negative": "-1",
    "beyond 32 bits": "2147483648",
    "beyond 64 bits": "18446744073709551616",
    "beyond a double": "1e309",
    "nan": "nan",
    "infinite": "inf",
    "hexadecimal": "0x0",
    "grouped digits": "0_0",
    "decimal comma": "0,0",
    "other digits": "%D9%A0",
    "full-width digits": "%EF%BC%90",
    "true": "true",
    "null": "null",
    "blank": "%20",
    "quote": "%27",
    "double quote": "%22",
    "markup": "%3Cb%3E",
    "JSON": "%7B%22x%22%3A1%7D",
    "JSON list": "%5B0%5D",
    "escaped twice": "%2530",
    "letters beyond ASCII": "%C3%A9%E2%82%AC",
    "beyond 16 bits": "%F0%9F%98%80",
    "combining letters": "e%CC%81",
    "not UTF-8": "%FF",
    "cut UTF-8": "%C3",
    "overlong UTF-8": "%C0%AF",
    "surrogate": "%ED%A0%80",
    "right to left": "%E2%80%AE",
    "long": LONG,
    "long number": "9" * 3000,
}

# What is put before the value, and what after it.
_BEFORE = {"blank": "%20", "plus sign": "%2B", "minus sign": "-", "zero": "0"}
_AFTER = {"blank": "%20", "tab": "%09", "line feed": "%0A", "carriage return and line feed": "%0D%0A"}
_AFTER |= {"NUL": "%00", "point zero": ".0", "exponent": "e0", "comma": ",", "slash": "%2F"}

# Identifies one thing: a number, a UUID or another long run of hexadecimal digits, a placeholder that a login
# fills.
_ID = re.compile(r"\d+|(?=.*\d)[0-9a-fA-F-]{8,}|\{[^}]*\}|%7B.*%7D")


def shape_of(path: str) -> str:
    """A path with its identifiers replaced by `*`: the same for all requests of a route."""
    return "/".join("*" if _ID.fullmatch(segment) else segment for segment in path.split("/"))


def path_variants(request: RequestSpec) -> Iterator[tuple[str, RequestSpec]]:
    """A request with another path, and what was varied."""
    path, mark, query = request.target.partition("?")
    slashes = {"slash at the end": f"{path}/", "two slashes at the end": f"{path}//"}
    if path.endswith("/"):
        slashes = {"slash at the end removed": path.rstrip("/")} if path != "/" else {}
    for what, varied in (*slashes.items(), *_vary_segments(path)):
        yield what, replace(request, target=varied + mark + query)


def _vary_segments(path: str) -> Iterator[tuple[str, str]]:
    """The path with each identifier replaced, and its last word in other notations."""
    segments = path.split("/")
    variants = {
        place: (*_odd_values(segment), ("encoded slash", f"{segment}%2F{segment}"), ("empty", ""))
        for place, segment in enumerate(segments)
        if _ID.fullmatch(segment)
    }
    words = [place for place, segment in enumerate(segments) if segment and place not in variants]
    if words:
        variants[words[-1]] = tuple(_notations(segments[words[-1]]))
    for place, odd in variants.items():
        for what, value in odd:
            varied = "/".join((*segments[:place], value, *segments[place + 1 :]))
            yield f"path segment {segments[place]} {what}", varied


def _odd_values(value: str) -> Iterator[tuple[str, str]]:
    yield from _REPLACEMENTS.items()
    yield from ((f"{what} before", before + value) for what, before in _BEFORE.items())
    yield from ((f"{what} after", value + after) for what, after in _AFTER.items())


def _notations(word: str) -> Iterator[tuple[str, str]]:
    """Other notations of a word, some of the same meaning, some of another."""
    yield "escaped", _escape_first(word)
    yield "in other case", word.swapcase()
    yield "after an empty one", f"/{word}"
    yield "after a dot", f"./{word}"
    yield "after two dots", f"x/../{word}"
    yield "with a blank", f"{word}%20"
    yield "with a plus sign", f"{word}+"
    yield "with an encoded slash", f"{word}%2F"
    yield "with an encoded question mark", f"{word}%3F"
    yield "with an encoded hash", f"{word}%23"
    yield "with an encoded backslash", f"{word}%5C"
    yield "with a percent sign", f"{word}%25"
    yield "with a parameter", f"{word};x=1"
    yield "with an ending", f"{word}.json"
    yield "with letters beyond ASCII", f"{word}%C3%A9"
    yield "with what is not UTF-8", f"{word}%FF"
    yield "with NUL", f"{word}%00"
    yield "with a line feed", f"{word}%0A"
    yield "long", word + LONG


def query_variants(request: RequestSpec) -> Iterator[tuple[str, RequestSpec]]:
    """A request with additions to its query, and what was added."""
    path, _, query = request.target.partition("?")
    for what, varied in whole_variants(query):
        yield what, replace(request, target=f"{path}?{varied}")


def parameter_variants(request: RequestSpec, name: str) -> Iterator[tuple[str, RequestSpec]]:
    """A request with one of its query parameters varied, and how."""
    path, _, query = request.target.partition("?")
    for what, varied in pair_variants(query, name):
        yield what, replace(request, target=f"{path}?{varied}" if varied else path)


def parameter_names(request: RequestSpec) -> tuple[str, ...]:
    """The names of a request's query parameters, decoded, each once."""
    return pair_names(request.target.partition("?")[2])


def pair_names(pairs: str) -> tuple[str, ...]:
    """The names in a query or a form, decoded, each once."""
    return tuple(dict.fromkeys(_name(pair) for pair in pairs.split("&") if pair))


def pair_variants(pairs: str, name: str) -> Iterator[tuple[str, str]]:
    """A query or a form in which the pairs of one name are varied, and how."""
    parts = pairs.split("&")
    first = next(place for place, part in enumerate(parts) if _name(part) == name)
    before, after = parts[:first], [part for part in parts[first:] if _name(part) != name]
    key, _, value = parts[first].partition("=")
    for what, replacement in _replacements(key, value):
        yield f"{printable(name)} {what}", "&".join([*before, *replacement, *after])


def whole_variants(pairs: str) -> Iterator[tuple[str, str]]:
    """A query or a form with additions that no app knows."""
    before = f"{pairs}&" if pairs else ""
    yield "unknown parameter", f"{before}{UNKNOWN}=1"
    yield "unknown parameter without a value", f"{before}{UNKNOWN}"
    yield "unknown parameter that is not UTF-8", f"{before}{UNKNOWN}=%FF"
    yield "parameter without a name", f"{before}=1"
    yield "name that is not UTF-8", f"{before}%FF=1"
    yield "empty pairs", f"&&{pairs}&"
    yield "second question mark", f"{before}{UNKNOWN}=1?{UNKNOWN}=2"


def _replacements(key: str, value: str) -> Iterator[tuple[str, list[str]]]:
    """Pairs in place of a parameter: none, one or several."""
    pair = f"{key}={value}"
    yield "missing", []
    yield "without a value", [key]
    yield "empty", [f"{key}="]
    for what, odd in _odd_values(value):
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
    yield "repeated 100 times", [pair] * 100
    yield "in brackets", [f"{key}[]={value}"]
    yield "with an index", [f"{key}%5B0%5D={value}"]
    yield "in other case", [f"{key.swapcase()}={value}"]
    yield "blank before the name", [f"+{key}={value}"]
    yield "name escaped", [f"{_escape_first(key)}={value}"]


def _escape_first(text: str) -> str:
    """A text, its first character percent-encoded if that is a letter or a digit."""
    return f"%{ord(text[0]):02X}{text[1:]}" if text[:1].isascii() and text[:1].isalnum() else text


def _name(pair: str) -> str:
    return unquote_plus(pair.partition("=")[0])
