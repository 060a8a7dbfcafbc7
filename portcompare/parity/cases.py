"""Which requests are sent to all deployments to see whether they answer alike."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from portcompare.parity.compare import fits
from portcompare.parity.variants import (
    app_decides,
    body_variants,
    header_variants,
    method_variants,
    parameter_names,
    parameter_variants,
    path_variants,
    query_variants,
    shape_of,
)
from portcompare.parity.variants.headers import NO_SUCH_PATH
from portcompare.records.requests import RequestSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

# A changed DELETE might delete what nobody meant: without its parameter, everything. The same goes for
# methods that are not known here.
_VARIED_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH"})


def identity(request: RequestSpec) -> RequestSpec:
    """What makes a request the same request, whatever it is called."""
    return replace(request, name="")


def derive_cases(
    scenario_requests: Iterable[RequestSpec], extra: Iterable[RequestSpec], vary: Sequence[str] = ("*",)
) -> tuple[RequestSpec, ...]:
    """The cases that follow from the scenarios' requests and the plan's own."""
    asked, own = list(scenario_requests), list(extra)
    # The plan's own come first: who writes them can choose a quick one to be varied.
    varied = [request for request in (*own, *asked) if _is_any(_path(request), vary)]
    derived = [case for route in _routes(varied, by_method=True) for case in _varied(route)]
    around = [case for route in _routes(varied, by_method=False) for case in _around(route)]
    root = [_named(RequestSpec(name="", target=NO_SUCH_PATH))] if asked or own else []
    cases: dict[RequestSpec, str] = {}
    for case in (*map(_named, (*asked, *own)), *around, *root, *filter(app_decides, derived)):
        cases.setdefault(identity(case), case.name)
    return tuple(_numbered(replace(case, name=name) for case, name in cases.items()))


def _path(request: RequestSpec) -> str:
    return request.target.partition("?")[0]


def _is_any(path: str, patterns: Iterable[str]) -> bool:
    return any(fits(pattern, path) for pattern in patterns)


def _routes(requests: Sequence[RequestSpec], *, by_method: bool) -> list[list[RequestSpec]]:
    """Requests that belong together: of one path but for the identifiers in it, or made of one template."""
    routes: list[list[RequestSpec]] = []
    known: dict[tuple[str, ...], list[RequestSpec]] = {}
    for request in requests:
        path = _path(request)
        method = request.method if by_method else ""
        keys: list[tuple[str, ...]] = [(method, shape_of(path))]
        if request.name:  # rows of values make many requests of one name
            keys.append((method, request.name, str(path.count("/"))))
        route = next((known[key] for key in keys if key in known), None)
        if route is None:
            route = []
            routes.append(route)
        route.append(request)
        known.update(dict.fromkeys(keys, route))
    return routes


def _around(route: Sequence[RequestSpec]) -> Iterator[RequestSpec]:
    """The other methods of a path, asked as its first GET is, if it has one."""
    base = next((request for request in route if request.method == "GET"), route[0])
    yield from map(_named, method_variants(base, {request.method for request in route}))


def _varied(route: Sequence[RequestSpec]) -> Iterator[RequestSpec]:
    """What follows from a route: each thing varied once, in the first request that has it."""
    base = route[0]
    if base.method not in _VARIED_METHODS:
        return
    varied = [(base, each) for each in (*path_variants(base), *query_variants(base), *header_variants(base))]
    with_parameter = {name: request for request in reversed(route) for name in parameter_names(request)}
    for name in dict.fromkeys(name for request in route for name in parameter_names(request)):
        varied += [(with_parameter[name], each) for each in parameter_variants(with_parameter[name], name)]
    with_body = next((request for request in route if request.body), None)
    if with_body is not None:
        varied += [(with_body, each) for each in body_variants(with_body)]
    for original, (what, case) in varied:
        yield replace(case, name=f"{original.method} {original.target} [{what}]")


def _named(request: RequestSpec) -> RequestSpec:
    return replace(request, name=f"{request.method} {request.target}")


def _numbered(cases: Iterable[RequestSpec]) -> Iterator[RequestSpec]:
    seen: Counter[str] = Counter()
    for case in cases:
        seen[case.name] += 1
        yield case if seen[case.name] == 1 else replace(case, name=f"{case.name} ({seen[case.name]})")
