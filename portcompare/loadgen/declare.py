"""What a locustfile says of values from files, and of logging in."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from itertools import accumulate, chain, repeat
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final, TypeVar

from portcompare.http.login import KEEP, Kept, LoginFailed, fill, keep_from
from portcompare.http.placeholders import NAME, fill_in, names_in
from portcompare.http.requests import encode_request, find_flaw
from portcompare.http.rows import Row, read_rows, share_weights
from portcompare.records.requests import LoginStep, RequestSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from portcompare.loadgen.connection import Address, Connection


class Mix(dict[RequestSpec, float]):
    """Requests filled from rows, and their weights."""

    left: frozenset[str] = frozenset()  # The names of placeholders that no column fills


class Variants(list[LoginStep]):
    """The variants of a login step, one for each row; the n-th user takes the n-th."""

    left: frozenset[str] = frozenset()  # The names of placeholders that no column fills


def with_values(requests: Mapping[RequestSpec, float], values: Path | str) -> Mix:
    """Have requests filled from a file: each row makes a request of its own.

    Raises InputError if the file cannot be used.
    Raises ValueError if a request uses none of the columns.
    """
    rows = read_rows(Path(values))
    mix = Mix(share_weights((_fill_each(request, rows), weight) for request, weight in requests.items()))
    mix.left = _left(requests, rows)
    return mix


def login_step(
    request: RequestSpec, *, keep: Mapping[str, str] | None = None, values: Path | str | None = None
) -> Variants:
    """Declare what a user does once before it asks.

    Raises InputError if the file cannot be used.
    Raises ValueError if `keep` is not of that form, or the request uses none of the columns.
    """
    for name, where in (keep or {}).items():
        if not re.fullmatch(NAME, name):
            raise ValueError(f"{name!r} cannot stand in braces: use letters, digits, _ and -")
        if not re.fullmatch(KEEP, where):
            raise ValueError(f"{where!r} is not `json:/pointer`, `header:Name` or `cookie:name`")
    rows = read_rows(Path(values)) if values is not None else ()
    requests = _fill_each(request, rows) if rows else (request,)
    kept = tuple((keep or {}).items())
    variants = Variants(LoginStep(request=filled, keep=kept) for filled in requests)
    variants.left = _left([request], rows)
    return variants


def _fill_each(request: RequestSpec, rows: tuple[Row, ...]) -> tuple[RequestSpec, ...]:
    if not names_in(request) & rows[0].values.keys():
        raise ValueError(f"{request.name!r} uses none of the columns: {', '.join(rows[0].values)}")
    return tuple(fill_in(request, row.values) for row in rows)


def _left(requests: Iterable[RequestSpec], rows: tuple[Row, ...]) -> frozenset[str]:
    columns = rows[0].values.keys() if rows else frozenset()
    return frozenset(name for request in requests for name in names_in(request) - columns)


Item = TypeVar("Item")
Problem = tuple[str, str]
"""What was found, and what to do."""

_BLOCK: Final = 64
"""So many are drawn at once: to draw one by one costs a microsecond a request."""

_HOW_ONE: Final = 'request = http_request("/path")'
_HOW_MANY: Final = 'requests = {http_request("/a"): 3, http_request("/b"): 1}'
_HOW_TO_LOG_IN: Final = 'login = [login_step(http_request("/login", method="POST"))]'


def weights_of(user_class: type) -> Mapping[RequestSpec, float]:
    """What a class asks for, and how often each."""
    declared = _declared(user_class)
    weights: Mapping[RequestSpec, float] = declared.get("requests") or {declared["request"]: 1}
    return weights


def find_mix_problem(user_class: type) -> Problem | None:
    """What is wrong with what a class asks for.

    Returns what was found and what to do; None if nothing is wrong.
    """
    name = user_class.__name__
    declared = _declared(user_class)
    if len(declared) > 1:
        return f"{name} has both `request` and `requests`", "keep one of them"
    if "requests" in declared:
        return _find_weight_problem(name, declared["requests"]) or _find_request_problem(
            name, list(declared["requests"])
        )
    if not isinstance(declared.get("request"), RequestSpec):
        return f"{name} has no request", f"give it one: {_HOW_ONE}"
    return _find_request_problem(name, [declared["request"]])


def find_login_problem(user_class: type) -> Problem | None:
    """What is wrong with how the users of a class log in.

    Returns what was found and what to do; None if nothing is wrong.
    """
    name = user_class.__name__
    login = getattr(user_class, "login", ())
    if not isinstance(login, list | tuple) or not all(_is_step(variants) for variants in login):
        return f"{name}'s `login` is not a list of login steps", f"write {_HOW_TO_LOG_IN}"
    for variants in login:
        for step in variants:
            flaw = find_flaw(step.request)
            if flaw is not None:
                return f"{name} cannot send {step.request.name!r}: {flaw}", "correct the login step"
    return None


def find_unfilled(user_class: type) -> Problem | None:
    """What placeholders of a locustfile's class are filled by nothing.

    Returns what was found and what to do; None if nothing is wrong.
    """
    kept: set[str] = set()
    login = getattr(user_class, "login", ())
    for variants in login:
        left = variants.left if isinstance(variants, Variants) else names_in(variants[0].request)
        if left - kept:
            return _unfilled(user_class, left - kept, kept)
        kept |= {name for name, _ in variants[0].keep}
    asked = weights_of(user_class)
    # Without a login or rows, braces are just braces.
    left = frozenset(asked.left if isinstance(asked, Mix) else ())
    if login and not isinstance(asked, Mix):
        left = frozenset(name for request in asked for name in names_in(request))
    return _unfilled(user_class, left - kept, kept) if left - kept else None


def draw(items: Sequence[Item], weights: Sequence[float], seed: int) -> Iterator[Item]:
    """Draw by weight, for ever."""
    if len(items) == 1:
        return repeat(items[0])
    source = Random(seed)  # noqa: S311 - to be repeated, not to be kept secret
    sums = list(accumulate(weights))  # once: there may be as many items as a file has rows
    return chain.from_iterable(source.choices(items, cum_weights=sums, k=_BLOCK) for _ in repeat(None))


def _declared(user_class: type) -> dict[str, Any]:
    """`request`, `requests` or both, of the class itself or else of the nearest it is derived from."""
    for owner in user_class.__mro__:
        own = {name: vars(owner)[name] for name in ("request", "requests") if name in vars(owner)}
        if own:
            return own
    return {}


def _find_weight_problem(name: str, requests: object) -> Problem | None:
    if not isinstance(requests, Mapping) or not requests:
        return f"{name}'s `requests` is not a dict of requests and their weights", f"write {_HOW_MANY}"
    for request, weight in requests.items():
        if not isinstance(request, RequestSpec):
            return f"{name} asks for {request!r}, which is not a request", f"write {_HOW_MANY}"
        if not isinstance(weight, int | float) or not math.isfinite(weight) or weight <= 0:
            return f"{name} gives {request.name!r} the weight {weight!r}", "give it a number above 0"
    return None


def _find_request_problem(name: str, requests: Sequence[RequestSpec]) -> Problem | None:
    methods: dict[str, str] = {}
    for request in requests:
        flaw = find_flaw(request)
        if flaw is not None:
            return f"{name} cannot send {request.name!r}: {flaw}", "correct the request"
        if methods.setdefault(request.name, request.method) != request.method:
            found = f"{name} has two requests named {request.name!r} of different methods"
            return found, "give each a `name` of its own"
    return None


def _is_step(variants: object) -> bool:
    return (
        isinstance(variants, list | tuple)
        and bool(variants)
        and all(isinstance(step, LoginStep) for step in variants)
    )


def _unfilled(user_class: type, names: frozenset[str], kept: set[str]) -> Problem:
    listed = ", ".join(f"{{{name}}}" for name in sorted(names))
    known = f"kept until there: {', '.join(sorted(kept)) or 'nothing'}"
    return f"nothing fills {listed} in {user_class.__name__}", f"name a column or what a login keeps; {known}"


def steps_of(login: Sequence[Sequence[LoginStep]], number: int) -> tuple[LoginStep, ...]:
    """The steps of one user."""
    return tuple(variants[number % len(variants)] for variants in login)


def log_in(steps: Sequence[LoginStep], connection: Connection, address: Address) -> Kept:
    """Do the steps of a login.

    Raises LoginFailed: at the first step that fails; the text says how, and which it is.
    """
    kept = Kept()
    for step in steps:
        request = fill(step.request, kept)
        data = encode_request(request, address.netloc)
        failure = connection.exchange(data, head_only=request.method == "HEAD")
        if failure is not None:
            raise LoginFailed(f"{failure} ({request.name})")
        answer = connection.answer
        try:
            kept = keep_from(step, kept, status=answer.status, headers=answer.headers(), body=answer.body)
        except LoginFailed as failed:
            raise LoginFailed(f"{failed} ({request.name})") from None
    return kept
