"""Comparing the cookies that two answers set, attribute by attribute."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from portcompare.parity.findings import Finding, make_finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_HEADER = "Set-Cookie"
_NAMES = {
    name.lower(): name
    for name in ("Domain", "Expires", "HttpOnly", "Max-Age", "Partitioned", "Path", "SameSite", "Secure")
}
# RFC 6265: a host name and a keyword, whose case says nothing.
_ANY_CASE = ("Domain", "SameSite")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cookie:
    """A cookie as it is set.

    Attributes:
        line: The header's value.
        value: The cookie's value.
        attributes: Its attributes by their names, as these are usually written.
    """

    line: str
    value: str
    attributes: dict[str, str] = field(default_factory=dict)


def compare_cookies(ours: Iterable[str], theirs: Iterable[str]) -> Iterator[Finding]:
    """Find where two answers set other cookies; their order means nothing.

    Args:
        ours: The baseline's values of Set-Cookie.
        theirs: The other's.

    Yields:
        A finding for each cookie, value and attribute; a cookie that is lost breaks clients.
    """
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
