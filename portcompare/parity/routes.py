"""Which routes of the apps the plan's requests lead to."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from portcompare.parity.cases import SAFE_METHODS
from portcompare.records.parity import Coverage
from portcompare.records.requests import RequestSpec, Route

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
