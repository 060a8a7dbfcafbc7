"""Comparing two answers: what must be alike, and how grave it is where it is not.

Not compared is what the server program decides and not the app: Date, Server, Via, Alt-Svc, Server-Timing,
the reason phrase, case and order of headers, and how connections are handled.
"""

from __future__ import annotations

import codecs
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from portcompare.http.bodies import escaped, json_type, parse_json
from portcompare.parity.findings import Finding, make_finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from portcompare.parity.findings import Aspect
    from portcompare.parity.sending import Answer
    from portcompare.records.parity import Severity
    from portcompare.records.requests import RequestSpec


def fits(pattern: str, text: str) -> bool:
    """Whether a text is what a pattern says."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None


def compare_json(ours: object, theirs: object, pointer: str = "") -> Iterator[Finding]:
    """Find where two JSON values differ in meaning.

    Numbers count by their value, so 1 and 1.0 are alike; the order of an object's keys means nothing;
    elements of arrays are compared by their index.
    """
    kind, other_kind = json_type(ours), json_type(theirs)
    if kind != other_kind:
        texts = (f"{kind} {_text(ours)}", f"{other_kind} {_text(theirs)}")
        yield make_finding("json", pointer, "type", "breaks", texts)
    elif isinstance(ours, dict) and isinstance(theirs, dict):
        yield from _compare_parts(ours, theirs, pointer, "presence")
    elif isinstance(ours, list) and isinstance(theirs, list):
        yield from _compare_parts(_by_index(ours), _by_index(theirs), pointer, "length")
    elif ours != theirs:
        yield make_finding("json", pointer, "value", "changes", (_text(ours), _text(theirs)))


def _compare_parts(
    ours: Mapping[str, object], theirs: Mapping[str, object], pointer: str, missing: Aspect
) -> Iterator[Finding]:
    for key in dict.fromkeys((*ours, *theirs)):
        below = f"{pointer}/{escaped(key)}"
        if key not in theirs:
            yield make_finding("json", below, missing, "breaks", (_text(ours[key]), None))
        elif key not in ours:
            yield make_finding("json", below, missing, "changes", (None, _text(theirs[key])))
        else:
            yield from compare_json(ours[key], theirs[key], below)


def _by_index(array: list[object]) -> dict[str, object]:
    return {str(place): element for place, element in enumerate(array)}


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


_HEADER = "Set-Cookie"
_NAMES = {
    name.lower(): name
    for name in ("Domain", "Expires", "HttpOnly", "Max-Age", "Partitioned", "Path", "SameSite", "Secure")
}
# RFC 6265: a host name and a keyword, whose case says nothing.
_ANY_CASE = ("Domain", "SameSite")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cookie:
    """A cookie as it is set."""

    line: str  # The header's value
    value: str  # The cookie's value
    # Its attributes by their names, as these are usually written
    attributes: dict[str, str] = field(default_factory=dict)


def compare_cookies(ours: Iterable[str], theirs: Iterable[str]) -> Iterator[Finding]:
    """Find where two answers set other cookies; their order means nothing."""
    known, others = _read(ours), _read(theirs)
    for name in dict.fromkeys((*known, *others)):
        pointer = f"{_HEADER}: {name}"
        one, other = known.get(name), others.get(name)
        if one is None or other is None:
            lines = (one.line if one else None, other.line if other else None)
            yield make_finding("header", pointer, "presence", "breaks" if one else "changes", lines)
            continue
        if one.value != other.value:
            yield make_finding("header", pointer, "value", "changes", (one.value, other.value))
        yield from _compare_attributes(one, other, pointer)


def _compare_attributes(one: _Cookie, other: _Cookie, pointer: str) -> Iterator[Finding]:
    for name in dict.fromkeys((*one.attributes, *other.attributes)):
        says = one.attributes.get(name), other.attributes.get(name)
        if None in says:
            yield make_finding(
                "header", f"{pointer}; {name}", "presence", "changes", (_shown(says[0]), _shown(says[1]))
            )
        elif says[0] != says[1]:
            yield make_finding("header", f"{pointer}; {name}", "value", "changes", says)


def _shown(value: str | None) -> str | None:
    """An attribute's value; most that have none are there or are not, which must show."""
    return "(set)" if value == "" else value


def _read(lines: Iterable[str]) -> dict[str, _Cookie]:
    """The cookies by name; one that is set again, for another path perhaps, gets a number."""
    cookies: dict[str, _Cookie] = {}
    seen: Counter[str] = Counter()
    for line in lines:
        pair, *attributes = line.split(";")
        name, _, value = pair.partition("=")
        name = name.strip()
        seen[name] += 1
        cookies[name if seen[name] == 1 else f"{name} ({seen[name]})"] = _Cookie(
            line=line, value=value.strip(), attributes=dict(map(_attribute, attributes))
        )
    return cookies


def _attribute(text: str) -> tuple[str, str]:
    given, _, value = text.partition("=")
    given, value = given.strip(), value.strip()
    name = _NAMES.get(given.lower(), given)
    return name, value.lower() if name in _ANY_CASE else value


# In this order they are told, and after them all others.
_KNOWN = (
    "Content-Type",
    "Location",
    "Cache-Control",
    "ETag",
    "Content-Encoding",
    "WWW-Authenticate",
    "Allow",
    "Vary",
)
# Frameworks keep these in sets, whose order changes with the hash seed of the process.
_AS_SET = frozenset(
    {
        "Allow",
        "Vary",
        "Access-Control-Allow-Headers",
        "Access-Control-Allow-Methods",
        "Access-Control-Expose-Headers",
    }
)
# What the server program decides, what the connection is about, and what is compared in ways of its own.
_NOT_COMPARED = frozenset(
    {
        "alt-svc",
        "connection",
        "content-length",
        "date",
        "keep-alive",
        "server",
        "server-timing",
        "set-cookie",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
    }
)
_CORS_PREFIX = "access-control-"
# Without these a client does not know what it got, where to go or how to log in, or a browser keeps it back.
_NEEDED = ("content-type", "location", "www-authenticate", _CORS_PREFIX)
_OWN_ORIGIN = re.compile(r"https?://\{server\}(?=[/?#]|$)", re.IGNORECASE)


def compare_headers(case: RequestSpec, baseline: Answer, candidate: Answer) -> Iterator[Finding]:
    """Find every header in which two answers differ, but for those that are not the app's."""
    for name in (*_KNOWN, *_others(baseline, candidate)):
        ours, theirs = baseline.header(name.lower()), candidate.header(name.lower())
        if ours is None or theirs is None:
            if ours != theirs:
                lost = theirs is None and name.lower().startswith(_NEEDED)
                severity: Severity = "breaks" if lost else "changes"
                yield make_finding("header", name, "presence", severity, (ours, theirs))
        elif ours != theirs and not (name in _AS_SET and _elements(ours) == _elements(theirs)):
            rank = _RANKS.get(name, _rank_value)
            yield make_finding("header", name, "value", rank(ours, theirs, case), (ours, theirs))
    yield from compare_cookies(baseline.lines("set-cookie"), candidate.lines("set-cookie"))
    # The body implies its length, except for HEAD, which has none; and not every server tells it then.
    lengths = baseline.header("content-length"), candidate.header("content-length")
    if case.method == "HEAD" and None not in lengths and lengths[0] != lengths[1]:
        yield make_finding("header", "Content-Length", "value", "changes", lengths)


def _others(baseline: Answer, candidate: Answer) -> list[str]:
    """The names of the other headers that either answer has, as they are usually written."""
    names = {name for name, _ in baseline.headers + candidate.headers}
    known = {name.lower() for name in _KNOWN}
    return sorted(name.title() for name in names - known - _NOT_COMPARED)


def _elements(value: str) -> frozenset[str]:
    return frozenset(part.strip().lower() for part in value.split(",")) - {""}


def _rank_value(_ours: str, _theirs: str, _case: RequestSpec) -> Severity:
    return "changes"


def _rank_content_type(ours: str, theirs: str, _case: RequestSpec) -> Severity:
    """Another media type breaks clients, another parameter is a change, another spelling is none."""
    (media, parameters), (other_media, other_parameters) = _media_type(ours), _media_type(theirs)
    if media != other_media:
        return "breaks"
    return "harmless" if parameters == other_parameters else "changes"


def media_type(value: str | None) -> str:
    """The media type in a Content-Type.

    `value`: the header's value; None if it is absent.
    """
    return _media_type(value or "")[0]


def _media_type(value: str) -> tuple[str, dict[str, str]]:
    media, *rest = value.split(";")
    parameters = {}
    for part in rest:
        name, _, given = part.partition("=")
        name, given = name.strip().lower(), given.strip().strip('"')
        if name:
            parameters[name] = _charset(given) if name == "charset" else given
    return media.strip().lower(), parameters


def _charset(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except (LookupError, ValueError):  # unknown, or no name at all
        return name.lower()


def _rank_location(ours: str, theirs: str, case: RequestSpec) -> Severity:
    """The same place in other words is a change; another place breaks clients."""
    try:
        one, other = (urljoin(case.target, _OWN_ORIGIN.sub("", value) or "/") for value in (ours, theirs))
    except ValueError:  # no place at all
        return "breaks"
    return "changes" if one == other else "breaks"


def _rank_cache_control(ours: str, theirs: str, _case: RequestSpec) -> Severity:
    return "harmless" if _elements(ours) == _elements(theirs) else "changes"


_RANKS: dict[str, Callable[[str, str, RequestSpec], Severity]] = {
    "Content-Type": _rank_content_type,
    "Location": _rank_location,
    "Cache-Control": _rank_cache_control,
}


def compare_answers(case: RequestSpec, baseline: Answer, candidate: Answer) -> list[Finding]:
    """Find every way in which an answer is not what the baseline answers."""
    if baseline.status is None or baseline.status != candidate.status:
        return [make_finding("status", "", "value", "breaks", (_status(baseline), _status(candidate)))]
    return [*compare_headers(case, baseline, candidate), *_compare_bodies(case, baseline, candidate)]


def _status(answer: Answer) -> str:
    return f"no answer: {answer.error}" if answer.status is None else str(answer.status)


def _compare_bodies(case: RequestSpec, baseline: Answer, candidate: Answer) -> Iterator[Finding]:
    ours, theirs = baseline.content, candidate.content
    if case.method == "HEAD":
        yield from _compare_after_head(ours, theirs)
        return
    if ours == theirs:
        return
    one, other = _document(baseline), _document(candidate)
    texts = (ours.decode(errors="backslashreplace"), theirs.decode(errors="backslashreplace"))
    if one is not None and other is not None:
        try:
            found = list(compare_json(*one, *other))
        except RecursionError:  # too deep to be compared as what it is
            found = []
        yield from found or [make_finding("body", "", "value", "changes", texts)]
    elif not ours or not theirs:
        yield make_finding("body", "", "presence", "breaks" if ours else "changes", texts)
    elif one is not None:
        yield make_finding("body", "", "type", "breaks", texts)
    else:
        yield make_finding("body", "", "value", "changes", texts)


def _compare_after_head(ours: bytes, theirs: bytes) -> Iterator[Finding]:
    """What comes after the headers of a HEAD answer is the start of the next answer to whoever reads on."""
    if bool(ours) != bool(theirs):
        says = [f"{len(sent)} bytes after the headers" if sent else None for sent in (ours, theirs)]
        yield make_finding("body", "", "presence", "breaks" if theirs else "changes", (says[0], says[1]))


def _document(answer: Answer) -> tuple[object] | None:
    """An answer's JSON, alone in a tuple; None if it has none. A lone number is JSON only if it says so."""
    try:
        value = parse_json(answer.content)
    except ValueError:
        return None
    media = media_type(answer.header("content-type"))
    says_so = media == "application/json" or media.endswith("+json")
    return (value,) if says_so or isinstance(value, dict | list) else None
