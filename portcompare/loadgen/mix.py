"""What a user class asks for: one request, or several in a proportion."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import accumulate, chain, repeat
from random import Random
from typing import TYPE_CHECKING, Any, Final, TypeVar

from portcompare.loadgen.declare import Mix, Variants
from portcompare.model import LoginStep, RequestSpec
from portcompare.placeholders import names_in
from portcompare.requests import find_flaw

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Item = TypeVar("Item")
Problem = tuple[str, str]
"""What was found, and what to do."""

_BLOCK: Final = 64
"""So many are drawn at once: to draw one by one costs a microsecond a request."""

_HOW_ONE: Final = 'request = http_request("/path")'
_HOW_MANY: Final = 'requests = {http_request("/a"): 3, http_request("/b"): 1}'
_HOW_TO_LOG_IN: Final = 'login = [login_step(http_request("/login", method="POST"))]'


def weights_of(user_class: type) -> Mapping[RequestSpec, float]:
    """What a class asks for, and how often each.

    Args:
        user_class: A class in which `find_mix_problem` finds none.

    Returns:
        Weight by request.
    """
    declared = _declared(user_class)
    weights: Mapping[RequestSpec, float] = declared.get("requests") or {declared["request"]: 1}
    return weights


def find_mix_problem(user_class: type) -> Problem | None:
    """What is wrong with what a class asks for.

    Args:
        user_class: The class.

    Returns:
        What was found and what to do; None if nothing is wrong.
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

    Args:
        user_class: A class in which `find_mix_problem` finds none.

    Returns:
        What was found and what to do; None if nothing is wrong.
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

    Args:
        user_class: A class in which `find_login_problem` finds nothing wrong.

    Returns:
        What was found and what to do; None if nothing is wrong.
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
    """Draw by weight, for ever.

    Args:
        items: What to draw from; not empty.
        weights: How often each.
        seed: The same seed draws the same sequence.

    Returns:
        Those drawn; at the cost of a step of an iterator in C each.
    """
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
