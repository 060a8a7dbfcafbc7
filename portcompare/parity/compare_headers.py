"""Comparing the headers of two answers: by what they mean, so that spelling is told from substance."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from portcompare.parity.cookies import compare_cookies
from portcompare.parity.findings import Finding, make_finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from portcompare.differences import Severity
    from portcompare.model import RequestSpec
    from portcompare.parity.answer import Answer

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
    """Find every header in which two answers differ, but for those that are not the app's.

    Args:
        case: What was asked.
        baseline: The baseline's answer.
        candidate: The other answer.

    Yields:
        The findings, cookies by their attributes.
    """
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

    Args:
        value: The header's value; None if it is absent.

    Returns:
        Such as "text/html", in lower case and without parameters; empty if there is none.
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
