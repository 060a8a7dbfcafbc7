"""Comparing two responses: what must be alike, and how severe it is where it is not.

What the server program decides and not the app is not compared: Date, Server, Via, Alt-Svc, Server-Timing,
the reason phrase, case and order of headers, and how connections are handled.
"""

import codecs
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from urllib.parse import urljoin

from portcompare.http.bodies import json_type, parse_json, pointer_to
from portcompare.http.responses import Response
from portcompare.parity.findings import Aspect, Finding, make_finding
from portcompare.records.parity import Severity
from portcompare.records.requests import RequestSpec

# These headers come first in a report, in this order; Allow and Vary come after them.
_FIRST_HEADERS = ("Content-Type", "Location", "Cache-Control", "ETag", "Content-Encoding", "WWW-Authenticate")
# Frameworks keep these in sets, whose order changes with the hash seed of the process.
_SET_HEADERS = re.compile("Allow|Vary|Access-Control-(Allow-Headers|Allow-Methods|Expose-Headers)")
# The server program decides these, or they are about the connection, or are compared in ways of their own.
_NOT_COMPARED = re.compile(
    "alt-svc|connection|content-length|date|keep-alive|server|server-timing|set-cookie|trailer"
    "|transfer-encoding|upgrade|via"
)
# Without these a client does not know the format of a body, where to go or how to log in, or a browser keeps
# the response from the page.
_NEEDED_HEADERS = ("content-type", "location", "www-authenticate", "access-control-")

_OWN_ORIGIN = re.compile(r"https?://\{server\}(?=[/?#]|$)", re.IGNORECASE)

_COOKIE_ATTRIBUTES = {
    name.lower(): name
    for name in ("Domain", "Expires", "HttpOnly", "Max-Age", "Partitioned", "Path", "SameSite", "Secure")
}
# A host name and a keyword, whose case means nothing (RFC 6265).
_CASELESS_ATTRIBUTES = ("Domain", "SameSite")


def compare_responses(case: RequestSpec, baseline: Response, candidate: Response) -> list[Finding]:
    """Find all differences between a response and the baseline's; where the status differs, only that."""
    if baseline.status is None or baseline.status != candidate.status:
        return [make_finding("status", "", "value", "breaks", (_status(baseline), _status(candidate)))]
    return [
        *compare_headers(case, baseline, candidate),
        *compare_cookies(baseline.lines("set-cookie"), candidate.lines("set-cookie")),
        *_compare_bodies(case, baseline, candidate),
    ]


def _status(response: Response) -> str:
    return f"no response: {response.error}" if response.status is None else str(response.status)


def compare_headers(case: RequestSpec, baseline: Response, candidate: Response) -> Iterator[Finding]:
    """Find the headers of the app in which two responses differ, cookies apart."""
    names = {name for name, _ in baseline.headers + candidate.headers}
    first = (*_FIRST_HEADERS, "Allow", "Vary")
    others = names - {name.lower() for name in first}
    compared = sorted(name.title() for name in others if not _NOT_COMPARED.fullmatch(name))
    for name in (*first, *compared):
        ours, theirs = baseline.header(name.lower()), candidate.header(name.lower())
        if ours is None or theirs is None:
            if ours != theirs:
                is_lost = theirs is None and name.lower().startswith(_NEEDED_HEADERS)
                severity: Severity = "breaks" if is_lost else "changes"
                yield make_finding("header", name, "presence", severity, (ours, theirs))
        elif ours != theirs and not (_SET_HEADERS.fullmatch(name) and _elements(ours) == _elements(theirs)):
            yield make_finding("header", name, "value", _rank(name, ours, theirs, case), (ours, theirs))
    # A body shows its length; the response to HEAD has none, and not every server sends the length then.
    lengths = baseline.header("content-length"), candidate.header("content-length")
    if case.method == "HEAD" and None not in lengths and lengths[0] != lengths[1]:
        yield make_finding("header", "Content-Length", "value", "changes", lengths)


def _rank(name: str, ours: str, theirs: str, case: RequestSpec) -> Severity:
    """How severe another value of a header is."""
    match name:
        case "Content-Type":
            (media_type, parameters), (other, other_parameters) = map(_parse_media_type, (ours, theirs))
            if media_type != other:
                return "breaks"
            return "harmless" if parameters == other_parameters else "changes"
        case "Location":
            try:
                one, other = (urljoin(case.target, _OWN_ORIGIN.sub("", to) or "/") for to in (ours, theirs))
            except ValueError:  # not a URL
                return "breaks"
            return "changes" if one == other else "breaks"
        case "Cache-Control":
            return "harmless" if _elements(ours) == _elements(theirs) else "changes"
    return "changes"


def _elements(value: str) -> frozenset[str]:
    return frozenset(part.strip().lower() for part in value.split(",")) - {""}


def _parse_media_type(value: str) -> tuple[str, dict[str, str]]:
    """The media type of a Content-Type, and its parameters."""
    media_type, *rest = value.split(";")
    parameters = {}
    for part in rest:
        name, _, given = part.partition("=")
        name, given = name.strip().lower(), given.strip().strip('"')
        if name == "charset":
            given = given.lower()
            with suppress(LookupError, ValueError):  # unknown, or not a name
                given = codecs.lookup(given).name
        if name:
            parameters[name] = given
    return media_type.strip().lower(), parameters


def compare_cookies(baseline: Iterable[str], candidate: Iterable[str]) -> Iterator[Finding]:
    """Find the cookies, and their attributes, in which Set-Cookie lines differ; the order means nothing."""
    ours, theirs = _parse_cookies(baseline), _parse_cookies(candidate)
    for name in dict.fromkeys((*ours, *theirs)):
        pointer = f"Set-Cookie: {name}"
        one, other = ours.get(name), theirs.get(name)
        if one is None or other is None:
            lines = one and one[0], other and other[0]
            yield make_finding("header", pointer, "presence", "breaks" if one else "changes", lines)
            continue
        (_, value, attributes), (_, other_value, other_attributes) = one, other
        if value != other_value:
            yield make_finding("header", pointer, "value", "changes", (value, other_value))
        for attribute in dict.fromkeys((*attributes, *other_attributes)):
            values = attributes.get(attribute), other_attributes.get(attribute)
            if values[0] != values[1]:
                where = f"{pointer}; {attribute}"
                if None not in values:
                    yield make_finding("header", where, "value", "changes", values)
                else:  # most attributes have no value: they are set or absent, which must show
                    shown = ["(set)" if value == "" else value for value in values]
                    yield make_finding("header", where, "presence", "changes", (shown[0], shown[1]))


def _parse_cookies(lines: Iterable[str]) -> dict[str, tuple[str, str, dict[str, str]]]:
    """Line, value and attributes by name; one that is set again, for another path perhaps, has a number."""
    cookies: dict[str, tuple[str, str, dict[str, str]]] = {}
    seen: Counter[str] = Counter()
    for line in lines:
        pair, *attributes = line.split(";")
        name, _, value = pair.partition("=")
        name = name.strip()
        seen[name] += 1
        numbered = name if seen[name] == 1 else f"{name} ({seen[name]})"
        cookies[numbered] = line, value.strip(), dict(map(_parse_attribute, attributes))
    return cookies


def _parse_attribute(text: str) -> tuple[str, str]:
    given, _, value = (part.strip() for part in text.partition("="))
    name = _COOKIE_ATTRIBUTES.get(given.lower(), given)
    return name, value.lower() if name in _CASELESS_ATTRIBUTES else value


def _compare_bodies(case: RequestSpec, baseline: Response, candidate: Response) -> Iterator[Finding]:
    """Find where two bodies differ: by JSON pointer if both are JSON, else as a whole."""
    ours, theirs = baseline.content, candidate.content
    if case.method == "HEAD":  # a client takes bytes after the headers for the next response
        if bool(ours) != bool(theirs):
            texts = [f"{len(sent)} bytes after the headers" if sent else None for sent in (ours, theirs)]
            severity: Severity = "breaks" if theirs else "changes"
            yield make_finding("body", "", "presence", severity, (texts[0], texts[1]))
        return
    if ours == theirs:
        return
    one, other = _parse_document(baseline), _parse_document(candidate)
    bodies = (ours.decode(errors="backslashreplace"), theirs.decode(errors="backslashreplace"))
    if one is not None and other is not None:
        try:
            found = list(compare_json(*one, *other))
        except RecursionError:  # nested too deep to be compared as JSON
            found = []
        yield from found or [make_finding("body", "", "value", "changes", bodies)]
    elif not ours or not theirs:
        yield make_finding("body", "", "presence", "breaks" if ours else "changes", bodies)
    elif one is not None:
        yield make_finding("body", "", "type", "breaks", bodies)
    else:
        yield make_finding("body", "", "value", "changes", bodies)


def _parse_document(response: Response) -> tuple[object] | None:
    """The JSON of a body, alone in a tuple; None if it is none, or a scalar without a JSON Content-Type."""
    try:
        value = parse_json(response.content)
    except ValueError:
        return None
    media_type, _ = _parse_media_type(response.header("content-type") or "")
    says_json = media_type == "application/json" or media_type.endswith("+json")
    return (value,) if says_json or isinstance(value, dict | list) else None


def compare_json(ours: object, theirs: object, pointer: str = "") -> Iterator[Finding]:
    """Find where two JSON values differ in meaning.

    Numbers are compared by value, so 1 and 1.0 are alike; the order of keys means nothing; elements of arrays
    are compared by index.
    """
    types = json_type(ours), json_type(theirs)
    if types[0] != types[1]:
        texts = (f"{types[0]} {_as_text(ours)}", f"{types[1]} {_as_text(theirs)}")
        yield make_finding("json", pointer, "type", "breaks", texts)
    elif isinstance(ours, dict) and isinstance(theirs, dict):
        yield from _compare_members(ours, theirs, pointer, "presence")
    elif isinstance(ours, list) and isinstance(theirs, list):
        one, other = ({str(index): each for index, each in enumerate(array)} for array in (ours, theirs))
        yield from _compare_members(one, other, pointer, "length")
    elif ours != theirs:
        yield make_finding("json", pointer, "value", "changes", (_as_text(ours), _as_text(theirs)))


def _compare_members(
    ours: Mapping[str, object], theirs: Mapping[str, object], pointer: str, missing: Aspect
) -> Iterator[Finding]:
    for key in dict.fromkeys((*ours, *theirs)):
        below = pointer_to(pointer, key)
        if key not in theirs:
            yield make_finding("json", below, missing, "breaks", (_as_text(ours[key]), None))
        elif key not in ours:
            yield make_finding("json", below, missing, "changes", (None, _as_text(theirs[key])))
        else:
            yield from compare_json(ours[key], theirs[key], below)


def _as_text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
