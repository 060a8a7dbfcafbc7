"""What a user class asks for: one request, or several in a proportion."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import chain, repeat
from random import Random
from typing import TYPE_CHECKING, Any, Final, TypeVar

from portcompare.loadgen.address import find_flaw
from portcompare.model import RequestSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Item = TypeVar("Item")
Problem = tuple[str, str]
"""What was found, and what to do."""

_BLOCK: Final = 64
"""So many are drawn at once: to draw one by one costs a microsecond a request."""

_HOW_ONE: Final = 'request = http_request("/path")'
_HOW_MANY: Final = 'requests = {http_request("/a"): 3, http_request("/b"): 1}'


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
    return chain.from_iterable(source.choices(items, weights, k=_BLOCK) for _ in repeat(None))


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
    seen: set[str] = set()
    for request in requests:
        flaw = find_flaw(request)
        if flaw is not None:
            return f"{name} cannot send {request.name!r}: {flaw}", "correct the request"
        if request.name in seen:
            return f"{name} has two requests named {request.name!r}", "give each a `name` of its own"
        seen.add(request.name)
    return None
