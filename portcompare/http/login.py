"""Logging in: values and cookies kept from responses, and requests filled with them."""

import json
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import Any, Final

from selectolax.lexbor import LexborHTMLParser, SelectolaxError

from portcompare.http.placeholders import fill_in
from portcompare.http.trees import find_place, json_type, load_json, pointer_keys
from portcompare.records.requests import LoginStep, RequestSpec

_FIRST_ERROR_STATUS: Final = 400
_HEADER_TEXT: Final = re.compile(r"[ -~\xa0-\xff]+")

KEEP: Final = "`json:/pointer`, `html:CSS selector`, `regex:pattern (group)`, `header:Name` or `cookie:name`"
_KEEP: Final = re.compile(
    r"json:(/.*)?|(header|cookie):[0-9A-Za-z!#$%&'*+.^_`|~-]+|(html|regex):.+", re.DOTALL
)
_MOST_NAMES: Final = 10
_EMPTY: Final = "the response is empty"


class LoginFailed(Exception):  # noqa: N818 - it names what happened, not a fault of the program
    """A step of a login failed; the text says what was found, without values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What the login steps of a user have kept."""

    values: Mapping[str, str] = field(default_factory=dict)  # By the names of placeholders
    cookies: Mapping[str, str] = field(default_factory=dict)  # Set by the server, by name


def find_keep_flaw(where: str) -> str | None:
    """Why a value cannot be kept from such a place; None if it can."""
    if not _KEEP.fullmatch(where):
        return f"{where!r} is not {KEEP}"
    kind, _, text = where.partition(":")
    if kind == "html":
        try:
            LexborHTMLParser("").css_first(text)
        except SelectolaxError:
            return f"{text!r} is not a CSS selector"
    if kind == "regex":
        try:
            groups = re.compile(text).groups
        except re.error as error:
            return f"{text!r} is not a regular expression: {error}"
        if not groups:
            return f"{text!r} has no group: put in parentheses what is to be kept"
    return None


def steps_of(login: Sequence[Sequence[LoginStep]], number: int) -> tuple[LoginStep, ...]:
    """The login steps of one user."""
    return tuple(variants[number % len(variants)] for variants in login)


def fill(request: RequestSpec, kept: Kept) -> RequestSpec:
    """Fill a request with what a login, or the request before it, kept."""
    filled = replace(fill_in(request, kept.values), login=(), follows=None)
    if not kept.cookies:
        return filled
    own = [value for name, value in filled.headers if name.lower() == "cookie"]
    owned = {pair.partition("=")[0].strip() for value in own for pair in value.split(";")}
    pairs = [f"{name}={value}" for name, value in kept.cookies.items() if name not in owned]
    others = tuple((name, value) for name, value in filled.headers if name.lower() != "cookie")
    return replace(filled, headers=(*others, ("Cookie", "; ".join([*pairs, *own]))))


def keep_from(
    step: LoginStep, kept: Kept, *, status: int, headers: Sequence[tuple[str, str]], body: bytes
) -> Kept:
    """Add what a login step keeps from its response, or raise LoginFailed."""
    if status >= _FIRST_ERROR_STATUS:
        raise LoginFailed(f"status {status}")
    cookies = dict(kept.cookies)
    for line in (value for name, value in headers if name.lower() == "set-cookie"):
        pair, *attributes = line.split(";")
        name, separator, value = (part.strip() for part in pair.partition("="))
        if separator and name:
            cookies[name] = value
            if _has_expired(attributes):
                del cookies[name]
    values = {name: _find(where, headers, cookies, body) for name, where in step.keep}
    for name, value in values.items():
        if not _HEADER_TEXT.fullmatch(value):
            flaw = "not one line of latin-1 text" if value else "empty"
            raise LoginFailed(f"the value to keep as {name!r} is {flaw}")
    return Kept(values={**kept.values, **values}, cookies=cookies)


def _find(where: str, headers: Iterable[tuple[str, str]], cookies: Mapping[str, str], body: bytes) -> str:
    kind, _, name = where.partition(":")
    in_body = {"json": _find_in_json, "html": _find_in_html, "regex": _find_by_pattern}
    if kind in in_body:
        return in_body[kind](name, body)
    if kind == "cookie":
        if name not in cookies:
            raise LoginFailed(f"no cookie {name!r}; set: {', '.join(cookies) or 'none'}")
        return cookies[name]
    found = next((value for given, value in headers if given.lower() == name.lower()), None)
    if found is None:
        raise LoginFailed(f"no header {name!r}")
    return found


def _find_in_json(pointer: str, body: bytes) -> str:
    try:
        value: Any = load_json(body)
    except ValueError:
        raise LoginFailed(f"the response is {'' if body else 'empty, '}not JSON") from None
    for key in pointer_keys(pointer):
        place = find_place(value, key)
        if place is None:
            found = ", ".join(value) if isinstance(value, dict) else json_type(value)
            raise LoginFailed(f"the JSON response has no {pointer}: no {key!r}, but {found}")
        value = value[place]
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    where = pointer or "the root"
    raise LoginFailed(f"{where} of the JSON response is of type {json_type(value)}, not a value")


def _find_in_html(selector: str, body: bytes) -> str:
    """The value of a form field, the content of a meta element, or the text of another element."""
    page = LexborHTMLParser(body.decode(errors="replace"))
    found = page.css_first(selector)
    if found is None:
        fields = dict.fromkeys(str(each.attributes["name"]) for each in page.css("[name]"))
        named = ", ".join([*fields][:_MOST_NAMES]) or "none"
        raise LoginFailed(
            f"no element of the response matches {selector!r}; names in it: {named}" if body else _EMPTY
        )
    attribute = "content" if found.tag == "meta" else "value"
    if attribute in found.attributes:
        return found.attributes[attribute] or ""
    return found.text().strip()


def _find_by_pattern(pattern: str, body: bytes) -> str:
    found = re.search(pattern, body.decode(errors="replace"))
    if found is None or found[1] is None:
        raise LoginFailed(f"nothing in the response matches {pattern!r}" if body else _EMPTY)
    return found[1]


def _has_expired(attributes: Iterable[str]) -> bool:
    """Whether a cookie is to be removed; Max-Age counts before Expires (RFC 6265, section 5.3)."""
    parts = (attribute.partition("=") for attribute in attributes)
    given = {name.strip().lower(): value.strip() for name, _, value in parts}
    if "max-age" in given:
        return re.fullmatch(r"-[0-9]+|0+", given["max-age"]) is not None
    try:
        return parsedate_to_datetime(given["expires"]).timestamp() < time.time()
    except (KeyError, ValueError):  # absent or malformed: it lasts as long as the session
        return False
