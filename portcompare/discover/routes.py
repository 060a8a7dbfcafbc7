"""Routes of two apps: which belong together, and what only one of them accepts."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Literal

from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import BaseConverter, Map, RequestRedirect, Rule

_PARAMETER = re.compile(r"<(?:([A-Za-z_]\w*)(?:\(([^<>]*)\))?:)?([A-Za-z_]\w*)>")
_BUILT_IN = frozenset({"default", "string", "any", "path", "int", "float", "uuid"})
_SAMPLES = ("abc", "1", "1.5", "-1", "2", "a/b", "00000000-0000-4000-8000-000000000001", "A-b_c.d", "001")
"""Texts of which kinds of parameters accept some and refuse others; the most telling first."""

_CHANGE = re.compile(
    r"(?i)(?:^|[/_.-])(?:add|clear|complete|create|delete|destroy|done|drop|insert|kill|log-?out|mark|purge|remove"
    r"|reset|restart|save|shutdown|sign-?out|stop|toggle|unsubscribe|update)(?:$|[/_.-])"
)
"""Words in the names of routes that change something."""

_LONG = 100  # such a length is no longer tried

Outcome = Literal["serves it", "redirects it", "refuses the method", "has no route for it"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A line of an app's route table."""

    rule: str  # such as `/items/<int:item_id>`
    endpoint: str
    methods: tuple[str, ...]
    converters: Mapping[str, str]  # the kind of each parameter of the path, such as "int"
    path: str | None  # a path that leads to it, with invented parameters; None if none could be invented
    regexes: Mapping[str, str] = field(default_factory=dict)  # what each parameter matches
    values: Mapping[str, str] = field(default_factory=dict)  # the invented parameters, as in a path
    host: str = ""  # the Host that it is bound to; empty for any
    is_strict: bool = True  # whether a slash at the end, or none, matters
    defaults: Mapping[str, str | float] = field(
        default_factory=dict
    )  # parameters that the path does not have
    is_websocket: bool = False

    @property
    def is_static(self) -> bool:
        """Whether it serves the files of a static folder, the app's or a blueprint's."""
        return self.endpoint.rpartition(".")[2] == "static"

    @property
    def may_change_data(self) -> bool:
        """Whether its name says that it changes something, and no other method would do that for it."""
        return "POST" not in self.methods and any(map(_CHANGE.search, (self.rule, self.endpoint)))

    @property
    def is_readable(self) -> bool:
        """Whether it can be tried: a GET that reads something other than a static file."""
        return "GET" in self.methods and not (self.is_static or self.is_websocket or self.may_change_data)

    @property
    def key(self) -> tuple[str, str]:
        """What the same route of another app has in common with it, whatever its parameters are."""
        return self.host, _PARAMETER.sub("<>", self.rule).rstrip("/") or "/"

    @property
    def pattern(self) -> str:
        """A regular expression of its paths, however their parameters are written."""
        return re.escape(_PARAMETER.sub("\0", self.rule)).replace("\0", "[^?\"']+")

    @property
    def example(self) -> str:
        """A path without placeholders; it leads to the route if `path` is not None."""
        names = (name for *_, name in _PARAMETER.findall(self.rule))
        return self.path or self.fill([self.values.get(name, "example") for name in names])

    def fill(self, values: Iterable[str]) -> str:
        """The path with these parameters."""
        left = iter(values)
        return _PARAMETER.sub(lambda _: next(left), self.rule)


class RouteTable:
    """The routes of an app, to find out what it does with a path."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._methods: dict[tuple[str, str], set[str]] = {}
        self._maps: dict[str, Map] = {}
        for number, route in enumerate(each for each in routes if not each.is_websocket):
            self._methods.setdefault(route.key, set()).update(route.methods)
            url_map = self._maps.setdefault(route.host, Map())
            try:
                url_map.add(_make_rule(route, f"app{number}_", url_map, _BUILT_IN))
            except (LookupError, TypeError, ValueError):  # of a converter that is like none of this werkzeug
                url_map.add(_make_rule(route, f"app{number}_", url_map, frozenset()))

    def outcome(self, method: str, path: str, host: str = "") -> Outcome:
        """What the app does with a request, as far as its routes decide that."""
        try:
            self._maps.get(host, Map()).bind("127.0.0.1").match(path.partition("?")[0], method)
        except RequestRedirect:
            return "redirects it"
        except MethodNotAllowed:
            return "refuses the method"
        except HTTPException:
            return "has no route for it"
        return "serves it"

    def has(self, route: Route, method: str) -> bool:
        """Whether the app has a route of the same path, whatever its parameters are."""
        return method in self._methods.get(route.key, ())


def _make_rule(route: Route, prefix: str, url_map: Map, built_in: frozenset[str]) -> Rule:
    """A rule of werkzeug; a converter that is not built in becomes one that matches the same texts."""

    def replace(found: re.Match[str]) -> str:
        kind, name = route.converters.get(found[3], "string"), found[3]
        if kind in built_in or name not in route.regexes:
            return found[0] if (found[1] or "default") in built_in else f"<{name}>"
        own: dict[str, Any] = {"regex": route.regexes[name], "part_isolating": "/" not in route.regexes[name]}
        url_map.converters[prefix + name] = type(prefix + name, (BaseConverter,), own)
        return f"<{prefix}{name}:{name}>"

    return Rule(
        _PARAMETER.sub(replace, route.rule),
        endpoint=route.endpoint,
        methods=route.methods,
        strict_slashes=route.is_strict,
        defaults=route.defaults or None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OneSided:
    """A request that the routes of two apps treat differently."""

    route: Route
    method: str
    path: str
    why: str


def find_one_sided(flask: Sequence[Route], quart: Sequence[Route]) -> Iterator[OneSided]:
    """Requests to routes of both sides that only one accepts: the first of each parameter and slash."""
    tables = RouteTable(flask), RouteTable(quart)
    partners: dict[tuple[str, str], list[Route]] = {}
    for route in quart:
        partners.setdefault(route.key, []).append(route)
    found: set[tuple[str, str]] = set()
    for route, partner in ((each, partner) for each in flask for partner in partners.get(each.key, ())):
        common = set(route.methods) & set(partner.methods) - {"HEAD", "OPTIONS"}
        method = "GET" if "GET" in common else min(common, default="")
        for paths in _paths_to_try(route, partner, method, tables) if method else ():
            outcomes = ([table.outcome(method, path, route.host) for table in tables] for path in paths)
            path, (ours, theirs) = next(
                (each for each in zip(paths, outcomes, strict=True) if len(set(each[1])) > 1), ("", ("", ""))
            )
            if path and (method, path) not in found:
                found.add((method, path))
                why = f"the Flask app ({route.rule}) {ours}, the port ({partner.rule}) {theirs}"
                yield OneSided(route=route, method=method, path=path, why=why)


def _paths_to_try(
    route: Route, partner: Route, method: str, tables: Sequence[RouteTable]
) -> Iterator[list[str]]:
    """Paths of a pair of routes, by the parameter that varies; last with and without a slash at the end."""

    def accept(values: Sequence[str]) -> bool:
        bare = route.fill(values).rstrip("/")
        return all(
            any(table.outcome(method, path, route.host) == "serves it" for path in (bare, f"{bare}/"))
            for table in tables
        )

    parameters = list(zip(_PARAMETER.findall(route.rule), _PARAMETER.findall(partner.rule), strict=True))
    ours = [route.values.get(name, "example") for (*_, name), _ in parameters]
    theirs = [partner.values.get(name, "example") for _, (*_, name) in parameters]
    varied = [
        [
            [*ours[:place], text, *ours[place + 1 :]]
            for text in (*_SAMPLES, ours[place], theirs[place], *_samples_of(f"{one[1]} {other[1]}"))
        ]
        for place, (one, other) in enumerate(parameters)
    ]
    base = next((values for values in (ours, theirs, *chain(*varied)) if accept(values)), None)
    for place, group in enumerate(varied):
        yield [
            route.fill([*(base or ours)[:place], values[place], *(base or ours)[place + 1 :]])
            for values in group
        ]
    bare = route.fill(base).rstrip("/") if base is not None else ""
    if bare:
        yield [f"{bare}/", bare]


def _samples_of(arguments: str) -> Iterator[str]:
    """Texts that converters may tell apart by their arguments, such as `min=10` or the words of `any`."""
    yield from re.findall(r"[A-Za-z_][\w.-]*", arguments)
    for number in map(int, re.findall(r"\d+", arguments)):
        near = range(max(number - 1, 1), number + 2)
        yield from map(str, near)
        if number < _LONG:
            yield from (text for length in near for text in ("x" * length, f"{1:0{length}}"))
