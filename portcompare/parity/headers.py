"""Comparing the headers and cookies of two responses, and how severe it is where they differ.

What the server program decides and not the app is not compared: Date, Server, Via, Alt-Svc, Server-Timing,
the reason phrase, case and order of headers, and how connections are handled.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from urllib.parse import urljoin

from portcompare.http.documents import parse_media_type
from portcompare.http.responses import Response
from portcompare.parity.findings import Finding, make_finding
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

# These follow from the bytes of the body, so that they show nothing new where those differ.
_OF_THE_BODY = re.compile("ETag|(Content-|Repr-)?Digest|Content-Md5|Content-Range|Content-Length")

_OWN_ORIGIN = re.compile(r"https?://\{server\}(?=[/?#]|$)", re.IGNORECASE)

_COOKIE_ATTRIBUTES = {
    name.lower(): name
    for name in ("Domain", "Expires", "HttpOnly", "Max-Age", "Partitioned", "Path", "SameSite", "Secure")
}
# A host name and a keyword, whose case means nothing (RFC 6265).
_CASELESS_ATTRIBUTES = ("Domain", "SameSite")


def compare_headers(
    case: RequestSpec, baseline: Response, candidate: Response, *, body_differs: bool = False
) -> Iterator[Finding]:
    """Find the headers of the app in which two responses differ, cookies apart.

    `body_differs`: whether the bytes of the body do, here or in the responses to a GET of the same path.
    """
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
        elif body_differs and _OF_THE_BODY.fullmatch(name):
            pass
        elif ours != theirs and not (_SET_HEADERS.fullmatch(name) and _elements(ours) == _elements(theirs)):
            yield make_finding("header", name, "value", _rank(name, ours, theirs, case), (ours, theirs))
    # A body shows its length; the response to HEAD has none, and not every server sends the length then.
    lengths = baseline.header("content-length"), candidate.header("content-length")
    follows = body_differs and "0" not in lengths
    if case.method == "HEAD" and None not in lengths and lengths[0] != lengths[1] and not follows:
        yield make_finding("header", "Content-Length", "value", "changes", lengths)


def _rank(name: str, ours: str, theirs: str, case: RequestSpec) -> Severity:
    """How severe another value of a header is."""
    match name:
        case "Content-Type":
            (media_type, parameters), (other, other_parameters) = map(parse_media_type, (ours, theirs))
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


def compare_cookies(baseline: Iterable[str], candidate: Iterable[str]) -> Iterator[Finding]:
    """Find the cookies, and their attributes, in which Set-Cookie lines differ; the order means nothing."""
    ours, theirs = _parse_cookies(baseline), _parse_cookies(candidate)
    for pointer in dict.fromkeys((*ours, *theirs)):
        cookie, _, attribute = pointer.partition("; ")
        if cookie not in ours or cookie not in theirs:
            if not attribute:
                lines = [each.get(cookie, (None, None))[1] for each in (ours, theirs)]
                yield make_finding("header", cookie, "presence", "breaks" if lines[0] else "changes", lines)
            continue
        values, shown = zip(*(each.get(pointer, (None, None)) for each in (ours, theirs)), strict=True)
        if None in values:
            yield make_finding("header", pointer, "presence", "changes", shown)
        elif values[0] != values[1]:
            yield make_finding("header", pointer, "value", "changes", values)


def _parse_cookies(lines: Iterable[str]) -> dict[str, tuple[str, str]]:
    """By the pointers to cookies and to their attributes, the value of each, and what shows that it is there.

    A cookie that is set again, for another path perhaps, has a number.
    """
    found: dict[str, tuple[str, str]] = {}
    seen: Counter[str] = Counter()
    for line in lines:
        (name, value), *attributes = (
            [part.strip() for part in pair.partition("=")[::2]] for pair in line.split(";")
        )
        seen[name] += 1
        pointer = f"Set-Cookie: {name}" + (f" ({seen[name]})" if seen[name] > 1 else "")
        found[pointer] = value, line
        for given, text in attributes:
            attribute = _COOKIE_ATTRIBUTES.get(given.lower(), given)
            text = text.lower() if attribute in _CASELESS_ATTRIBUTES else text  # noqa: PLW2901
            # Most attributes have no value: they are set or absent.
            found[f"{pointer}; {attribute}"] = text, text or "(set)"
    return found
