"""Cases: the plan's requests and what is derived from them; and the routes of the apps that they lead to."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from portcompare.parity import url_variants as urls
from portcompare.parity.body_variants import body_variants
from portcompare.parity.header_variants import NO_SUCH_PATH, app_decides, header_variants, method_variants
from portcompare.records.parity import Coverage
from portcompare.records.requests import RequestSpec, Route

# Methods that change nothing (RFC 9110, section 9.2.1), among those that apps have.
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

# A varied DELETE might delete what nobody meant: without its parameter, everything. The same goes for methods
# that are not known here.
_VARIED_METHODS = SAFE_METHODS | {"POST", "PUT", "PATCH"}


def identity(request: RequestSpec) -> RequestSpec:
    """A request without its name: what makes it the same request."""
    return replace(request, name="")


def matches(pattern: str, text: str) -> bool:
    """Whether a text matches a pattern, in which `*` stands for anything and all else for itself."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None


def own_cases(requests: Iterable[RequestSpec]) -> tuple[RequestSpec, ...]:
    """The plan's own requests, each once, named by method and target."""
    return _number({identity(request): _named(request).name for request in requests})


def derive_cases(
    bases: Sequence[RequestSpec], own: Iterable[RequestSpec], vary: Sequence[str] = ("*",)
) -> tuple[RequestSpec, ...]:
    """Derive the cases from requests that work, beside the plan's own.

    `vary`: patterns of the paths whose requests are varied.
    """
    varied = [request for request in bases if any(matches(pattern, request.path) for pattern in vary)]
    around: list[RequestSpec] = []
    for route in _routes(varied, by_method=False):
        # With the headers of the first GET, if there is one.
        base = next((request for request in route if request.method == "GET"), route[0])
        around += map(_named, method_variants(base, {request.method for request in route}))
    derived = [case for route in _routes(varied, by_method=True) for case in _vary(route)]
    root = [_named(RequestSpec(name="", target=NO_SUCH_PATH))] if bases else []
    names = {identity(case): _named(case).name for case in own}
    first = len(names)
    for case in (*around, *root, *filter(app_decides, derived)):
        names.setdefault(identity(case), case.name)
    return _number(names)[first:]


def _number(names: Mapping[RequestSpec, str]) -> tuple[RequestSpec, ...]:
    """Requests with names of which none is given twice."""
    seen: Counter[str] = Counter()
    numbered = []
    for request, name in names.items():
        seen[name] += 1
        numbered.append(replace(request, name=name if seen[name] == 1 else f"{name} ({seen[name]})"))
    return tuple(numbered)


def _named(request: RequestSpec) -> RequestSpec:
    return replace(request, name=f"{request.method} {request.target}")


def _routes(requests: Sequence[RequestSpec], *, by_method: bool) -> list[list[RequestSpec]]:
    """Requests grouped by route: of one path but for the identifiers in it, or made of one template."""
    routes: list[list[RequestSpec]] = []
    known: dict[tuple[str, ...], list[RequestSpec]] = {}
    for request in requests:
        path = request.path
        method = request.method if by_method else ""
        keys: list[tuple[str, ...]] = [(method, urls.shape_of(path))]
        if request.name:  # rows of values make many requests of one name
            keys.append((method, request.name, str(path.count("/"))))
        route = next((known[key] for key in keys if key in known), None)
        if route is None:
            route = []
            routes.append(route)
        route.append(request)
        known.update(dict.fromkeys(keys, route))
    return routes


def _vary(route: Sequence[RequestSpec]) -> Iterator[RequestSpec]:
    """The variants of a route: each part is varied once, in the first request that has it."""
    base = route[0]
    if base.method not in _VARIED_METHODS:
        return
    varied = [
        (base, each)
        for each in (*urls.path_variants(base), *urls.query_variants(base), *header_variants(base))
    ]
    with_parameter: dict[str, RequestSpec] = {}
    for request in route:
        for name in urls.parameter_names(request):
            with_parameter.setdefault(name, request)
    for name, request in with_parameter.items():
        varied += [(request, each) for each in urls.parameter_variants(request, name)]
    with_body = next((request for request in route if request.body), None)
    if with_body is not None:
        varied += [(with_body, each) for each in body_variants(with_body)]
    for original, (what, case) in varied:
        yield replace(case, name=f"{original.method} {original.target} [{what}]")


_PARAMETER = re.compile(r"<(?:([^<>:(]+)(?:\([^<>]*\))?:)?([^<>]+)>")


def cover_routes(
    coverage: Coverage, routes: Mapping[str, tuple[Route, ...]], requests: Iterable[RequestSpec]
) -> Coverage:
    """A coverage with the routes that requests lead to, unless no app has a table of routes."""
    if not routes:
        return coverage
    sent = {(each.method, each.path) for each in requests}
    apps: dict[tuple[str, str], list[str]] = {}  # By method and pattern
    rules: dict[tuple[str, str], str] = {}
    for app, table in routes.items():
        for route in table:
            pattern = _to_pattern(route.rule)
            for method in ("WEBSOCKET",) if route.is_websocket else route.methods:
                apps.setdefault((method, pattern), []).append(app)
                rules.setdefault((method, pattern), route.rule)
    missing = [
        (method, pattern)
        for method, pattern in apps
        if not any(method == by and re.fullmatch(pattern, path) for by, path in sent)
    ]
    unrequested = []
    for method, pattern in missing:
        having = apps[method, pattern]
        reason = _reason(method, rules[method, pattern])
        only = f"only {having[0]} has it, {reason}" if len(having) < len(routes) else reason
        unrequested.append(f"{method} {rules[method, pattern]} ({only})")
    return replace(
        coverage,
        routes_known=len(apps),
        routes_requested=len(apps) - len(missing),
        unrequested=tuple(sorted(unrequested)),
    )


def _to_pattern(rule: str) -> str:
    """A pattern of the paths of a rule; the same for rules that differ in a converter or a name only."""
    pattern, end = "", 0
    for parameter in _PARAMETER.finditer(rule):
        anything = ".+" if parameter[1] == "path" else "[^/]+"
        pattern += re.escape(rule[end : parameter.start()]) + anything
        end = parameter.end()
    return pattern + re.escape(rule[end:])


def _reason(method: str, rule: str) -> str:
    if method == "WEBSOCKET":
        return "websockets are not compared"
    if method not in SAFE_METHODS:
        return "it writes: only the plan's own requests are sent"
    return "its path needs a value" if _PARAMETER.search(rule) else "the plan has no request for it"
