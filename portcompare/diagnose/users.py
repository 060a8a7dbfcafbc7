"""The users of a scenario, and the words by which their responses are distinguished."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import lcm
from typing import Final
from urllib.parse import parse_qsl, urlencode
from uuid import uuid4

from portcompare.http.bodies import printable
from portcompare.http.login import Kept, fill, steps_of
from portcompare.http.requests import with_query
from portcompare.http.responses import Response
from portcompare.masking import MASK, is_secret, mask_passwords
from portcompare.records.requests import LoginStep, RequestSpec

MOST_USERS: Final = 16
MOST_REQUESTS: Final = 20  # Of each user
MARKER: Final = "portcompare"  # The name of the query parameter and of the cookie that hold a marker

_MARKED_HEADERS: Final = ("X-Request-ID", "X-Correlation-ID", "User-Agent")
_MOST_CHARS: Final = 64 * 1024  # Of a body
_UNRELATED: Final = frozenset({"age", "content-length", "date", "server", "server-timing"})  # Headers
_WORD: Final = re.compile(r"[\w-]+")
_LEAST_CHARS: Final = 3
_LEAST_DIGITS: Final = 6
_LEAST_SESSION_CHARS: Final = 8
_AROUND_CHARS: Final = 40

Words = frozenset[str]


@dataclass(slots=True, kw_only=True)
class User:
    """A user with a login, with values or with a marker of its own."""

    name: str
    login: tuple[LoginStep, ...]
    requests: Mapping[str, RequestSpec]  # By a label that is the same for all users
    kept: Kept = field(default_factory=Kept)

    def filled(self, label: str) -> RequestSpec:
        """A request as it is sent after the login."""
        request = self.requests[label]
        return fill(request, self.kept) if self.login else replace(request, login=())

    @property
    def secrets(self) -> set[str]:
        """What no report may show: what the login kept, and credentials that the plan sends."""
        pairs = [
            tuple(pair.strip().split("=", 1)) if name.lower() == "cookie" else (name, pair.rpartition(" ")[2])
            for request in self.requests.values()
            for name, value in request.headers
            for pair in (value.split(";") if name.lower() == "cookie" else [value])
        ]
        given = [value for name, *rest in pairs if is_secret(name) for value in rest]
        values = (*given, *self.kept.values.values(), *self.kept.cookies.values())
        return {value for value in values if len(value) >= _LEAST_CHARS}

    @property
    def session_words(self) -> Words:
        """The words of what the login kept that are long enough to be nobody else's by chance."""
        values = (*self.kept.values.values(), *self.kept.cookies.values())
        words = _WORD.findall("\n".join(values).lower())
        return frozenset(word for word in words if len(word) >= _LEAST_SESSION_CHARS)


def find_users(requests: Sequence[RequestSpec], login: Sequence[Sequence[LoginStep]]) -> list[User]:
    """The users that logins or rows of values make of a scenario; one or none if neither does."""
    safe = [request for request in requests if request.method in ("GET", "HEAD")]
    number = lcm(*map(len, login)) if all(login) else 1
    if number > 1 or not safe:
        labelled = {_label(request): request for request in safe[:MOST_REQUESTS]}
        return [
            User(name=f"user {place + 1}", login=steps_of(login, place), requests=labelled)
            for place in range(number * bool(safe))
        ]
    names: defaultdict[str, list[RequestSpec]] = defaultdict(list)
    for request in safe:
        names[request.name].append(request)
    varying = {
        name
        for group in names.values()
        for name in {name for request in group for name, _ in request.headers}
        if len({request.header(name) for request in group}) > 1
    }
    rows: defaultdict[tuple[str | None, ...], dict[str, RequestSpec]] = defaultdict(dict)
    for name, group in names.items():
        for request in group if len(group) > 1 else ():
            own = tuple(request.header(each) for each in sorted(varying)) or (request.target,)
            if own.count(None) < len(own):
                rows[own].setdefault(name, request)
    common = {_label(group[0]): group[0] for group in names.values() if len(group) == 1}
    return [
        User(
            name=f"row {place}",
            login=steps_of(login, 0),
            requests=dict([*own.items(), *common.items()][:MOST_REQUESTS]),
        )
        for place, own in enumerate(rows.values(), start=1)
    ] or [User(name="user 1", login=steps_of(login, 0), requests=dict([*common.items()][:MOST_REQUESTS]))]


def _label(request: RequestSpec) -> str:
    return mask_passwords(f"{request.method} {request.target}")


def with_marker(user: User, number: int, *, plain: frozenset[str]) -> User:
    """A user who sends a marker of its own; `plain`: the requests whose own values it must leave alone."""
    marker = f"{uuid4().hex[:12]}u{number}"
    marked = {
        label: _mark(request if label in plain else _replace_values(request, marker), marker)
        for label, request in user.requests.items()
    }
    return replace(user, name=f"marker {number}", requests=marked)


def _mark(request: RequestSpec, marker: str) -> RequestSpec:
    given = {name.lower() for name, _ in request.headers}
    added = tuple((name, marker) for name in _MARKED_HEADERS if name.lower() not in given)
    own = [value for name, value in request.headers if name.lower() == "cookie"]
    others = tuple((name, value) for name, value in request.headers if name.lower() != "cookie")
    cookie = "; ".join([*own, f"{MARKER}={marker}"])
    return with_query(replace(request, headers=(*others, *added, ("Cookie", cookie))), MARKER, marker)


def _replace_values(request: RequestSpec, marker: str) -> RequestSpec:
    """A request with the marker in place of its query's values and of those headers that are no secrets."""
    path, _, query = request.target.partition("?")
    pairs = [(name, marker) for name, _ in parse_qsl(query, keep_blank_values=True)]
    headers = tuple(
        (name, re.sub(r"(?<==)[^;]+", marker, value) if name.lower() == "cookie" else marker)
        if name.lower() == "cookie" or not is_secret(name)
        else (name, value)
        for name, value in request.headers
    )
    return replace(request, target=f"{path}?{urlencode(pairs)}" if pairs else path, headers=headers)


def words_of(response: Response) -> Words:
    """The words in the headers and the body of a response; a short one goes with the word before it."""
    found, before = set(), ""
    for word in _WORD.findall("\n".join(_lines_of(response)).lower()):
        is_long = len(word) >= (_LEAST_DIGITS if word.isdigit() else _LEAST_CHARS)
        found.add(word if is_long else f"{before} {word}")
        before = word
    return frozenset(found)


def _lines_of(response: Response) -> list[str]:
    try:
        content = response.decoded()
    except ValueError:
        content = response.body
    headers = [f"{name}: {value}" for name, value in response.headers if name not in _UNRELATED]
    return [*headers, *content[:_MOST_CHARS].decode(errors="replace").splitlines()]


def show_word(response: Response, word: str, secrets: set[str]) -> str:
    """What stands around a word of a response, without secrets."""
    part = word.rpartition(" ")[2]
    line = next((line for line in _lines_of(response) if part in line.lower()), "")
    masked = mask_passwords(line)
    for secret in sorted(secrets, key=len, reverse=True):
        masked = masked.replace(secret, MASK)
    start = max(masked.lower().find(part) - _AROUND_CHARS, 0)
    return printable(masked[start : start + 2 * _AROUND_CHARS])
