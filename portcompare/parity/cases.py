"""Which requests are sent to all deployments to see whether they answer alike."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from portcompare.model import RequestSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Set as AbstractSet

_NO_SUCH_PATH = "/portcompare-no-such-path"

# Methods that hardly any route knows. All three are safe by definition (RFC 4918, 9.1; RFC 3253, 3.6;
# RFC 5323, 2), so that nothing is lost should the route know them after all: DELETE could not promise that.
_WRONG_METHODS = ("PROPFIND", "REPORT", "SEARCH")


def identity(request: RequestSpec) -> RequestSpec:
    """What makes a request the same request, whatever it is called.

    Args:
        request: The request.

    Returns:
        The request without its name.
    """
    return replace(request, name="")


def derive_cases(
    scenario_requests: Iterable[RequestSpec], extra: Iterable[RequestSpec]
) -> tuple[RequestSpec, ...]:
    """The cases that follow from the scenarios, and the plan's own.

    Args:
        scenario_requests: What the scenarios ask.
        extra: The requests of the plan's [parity].

    Returns:
        Each scenario's request; for each of their paths HEAD, OPTIONS, a method it does not know, and a path
        below it that does not exist; one such path at the root; the plan's own. Each case once, named by
        method and target and, where that does not tell two apart, a number. Empty if there are no requests.
    """
    asked, own = list(scenario_requests), list(extra)
    firsts: dict[str, RequestSpec] = {}
    for request in asked:
        firsts.setdefault(_path(request), request)
    derived = [
        case
        for path, request in firsts.items()
        for case in _around(
            path, request.headers, {each.method for each in asked + own if _path(each) == path}
        )
    ]
    root = [RequestSpec(name="", target=_NO_SUCH_PATH)] if asked else []
    return tuple(_named(dict.fromkeys(map(identity, [*asked, *derived, *root, *own]))))


def _path(request: RequestSpec) -> str:
    return request.target.partition("?")[0]


def _around(
    path: str, headers: tuple[tuple[str, str], ...], known_methods: AbstractSet[str]
) -> Iterator[RequestSpec]:
    """What else is asked about a path; with the scenario's headers, or a login would answer it all."""
    wrong_methods = [method for method in _WRONG_METHODS if method not in known_methods]
    for method in ("HEAD", "OPTIONS", *wrong_methods[:1]):
        yield RequestSpec(name="", method=method, target=path, headers=headers)
    yield RequestSpec(name="", target=path.rstrip("/") + _NO_SUCH_PATH, headers=headers)


def _named(requests: Iterable[RequestSpec]) -> Iterator[RequestSpec]:
    seen: Counter[str] = Counter()
    for request in requests:
        name = f"{request.method} {request.target}"
        seen[name] += 1
        yield replace(request, name=name if seen[name] == 1 else f"{name} ({seen[name]})")
