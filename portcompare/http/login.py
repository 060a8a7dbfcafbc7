"""What logging in leaves: values and cookies kept of answers, and requests filled with them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from portcompare.http.bodies import find_place, json_type, parse_json, unescaped
from portcompare.http.placeholders import fill_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from portcompare.records.requests import LoginStep, RequestSpec

_FIRST_BAD_STATUS: Final = 400

_SENDABLE: Final = re.compile(r"[ -~\xa0-\xff]+")
"""What can stand in a header, wherever else a kept value goes."""

KEEP: Final = r"json:(/.*)?|header:[0-9A-Za-z!#$%&'*+.^_`|~-]+|cookie:[0-9A-Za-z!#$%&'*+.^_`|~-]+"
"""Where a value can be kept from, as a pattern."""


class LoginFailed(Exception):  # noqa: N818 - it names what happened, not a fault of the program
    """A step of a login did not bring what is to be kept; the text says what was found, without values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a user has from the login steps behind it."""

    values: Mapping[str, str] = field(default_factory=dict)  # The text of each kept value, by its name
    cookies: Mapping[str, str] = field(default_factory=dict)  # The cookies that the server has set, by name


def fill(request: RequestSpec, kept: Kept) -> RequestSpec:
    """Fill a request with what a login left."""
    filled = replace(fill_in(request, kept.values), login=())
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
    """Take from an answer what a login step keeps.

    Raises LoginFailed if the status is 400 or more, or a value is not there or cannot be sent in a header.
    """
    if status >= _FIRST_BAD_STATUS:
        raise LoginFailed(f"status {status}")
    cookies = {**kept.cookies}
    for name, value in headers:
        if name.lower() == "set-cookie":
            _take_cookie(cookies, value)
    values = {name: _find(where, headers, cookies, body) for name, where in step.keep}
    for name, value in values.items():
        if not _SENDABLE.fullmatch(value):
            raise LoginFailed(f"what is to be kept as {name!r} is not one line of latin-1 text")
    return Kept(values={**kept.values, **values}, cookies=cookies)


def _find(where: str, headers: Iterable[tuple[str, str]], cookies: Mapping[str, str], body: bytes) -> str:
    kind, _, name = where.partition(":")
    if kind == "json":
        return _find_in_json(name, body)
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
        value = parse_json(body)
    except ValueError:
        raise LoginFailed("the answer is not JSON" if body else "the answer is empty, not JSON") from None
    value = _at(value, pointer)
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    raise LoginFailed(f"at {pointer or 'the root'} of the JSON answer stands {json_type(value)}, not a value")


def _at(value: Any, pointer: str) -> Any:  # noqa: ANN401 - any JSON value
    """The value that a JSON pointer (RFC 6901) points at."""
    for token in pointer.split("/")[1:]:
        key = unescaped(token)
        place = find_place(value, key)
        if place is None:
            known = ", ".join(value) if isinstance(value, dict) else json_type(value)
            raise LoginFailed(f"no {key!r} on the way to {pointer} of the JSON answer; there: {known}")
        value = value[place]
    return value


def _take_cookie(cookies: dict[str, str], line: str) -> None:
    pair, *attributes = line.split(";")
    name, separator, value = (part.strip() for part in pair.partition("="))
    if not separator or not name:
        return
    if _has_expired(attributes):
        cookies.pop(name, None)
    else:
        cookies[name] = value


def _has_expired(attributes: Iterable[str]) -> bool:
    """Whether a cookie is one to be removed; Max-Age counts before Expires (RFC 6265, section 5.3)."""
    parts = (attribute.partition("=") for attribute in attributes)
    given = {name.strip().lower(): value.strip() for name, _, value in parts}
    if "max-age" in given:
        return re.fullmatch(r"-[0-9]+|0+", given["max-age"]) is not None
    try:
        return parsedate_to_datetime(given["expires"]).timestamp() < time.time()
    except (KeyError, ValueError):  # none, or none that can be read: it lasts as long as the session
        return False
