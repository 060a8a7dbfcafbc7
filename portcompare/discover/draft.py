"""What a first plan contains: names, servers, scenarios, and the requests that it leaves out."""

import json
import keyword
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import chain, count
from pathlib import Path

from portcompare.discover.apps import Found, FoundApp, Tried
from portcompare.discover.definitions import Framework
from portcompare.discover.routes import Route, RouteTable, find_one_sided
from portcompare.serve.servers import SERVERS

MOST_SINGLE = 3  # so many routes have a scenario each; of more, none would get enough rounds in the budget
LEVELS = (1, 32)  # users: one, for the response time, and many, for the throughput

PREFERRED: dict[Framework, tuple[str, ...]] = {
    "flask": ("gunicorn", "waitress"),
    "quart": ("uvicorn", "hypercorn"),
}
"""The servers to choose from, the most usual first; hypercorn comes with Quart."""

WITHOUT_PORTING = "gunicorn-gevent"
"""The server that handles many Flask requests at once without a port."""

_CHANGING_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_READY_PATHS = ("/healthz", "/health", "/readyz", "/ready", "/livez", "/ping")
_OPENAPI = re.compile(r".*/(openapi|swagger|api-?spec(_\d+)?)\.(json|ya?ml)")
_DOCUMENTATION = re.compile(
    r"(.*/(api-?docs?|apidocs|docs|elements|rapidoc|rapipdf|redocs?|scalar|swagger(-ui)?)|/ui)/?(index\.html)?"
    r"|/(openapi|apidoc|flasgger_static|swaggerui|swagger-ui)/.+"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteRequest:
    """A request to a route."""

    route: Route
    method: str
    path: str
    note: str = ""  # what a user should know or check; empty if nothing
    expected_status: int | None = None  # what the Flask app responds with, if that is an error and meant

    def __str__(self) -> str:
        return f"{self.method} {self.route.host}{self.path}"

    @property
    def has_body(self) -> bool:
        """Whether requests of its method usually have a body."""
        return self.method in _CHANGING_METHODS - {"DELETE"}

    @property
    def call(self) -> str:
        """The request in a locustfile."""
        method = "" if self.method == "GET" else f", method={json.dumps(self.method)}"
        headers = f', headers={{"Host": {json.dumps(self.route.host)}}}' if self.route.host else ""
        return f"http_request({json.dumps(self.path)}{method}{headers}{', json={}' if self.has_body else ''})"

    @property
    def toml(self) -> str:
        """The request in a plan."""
        parts = {"method": "" if self.method == "GET" else json.dumps(self.method)}
        parts |= {"path": json.dumps(self.path, ensure_ascii=False)}
        parts |= {"headers": f"{{ Host = {json.dumps(self.route.host)} }}" if self.route.host else ""}
        parts |= {"json": "{}" if self.has_body else ""}
        parts |= {"expect": f"{{ status = {self.expected_status} }}" if self.expected_status else ""}
        return f"{{ {', '.join(f'{key} = {value}' for key, value in parts.items() if value)} }}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SortedRequests:
    """The requests to the routes of both sides, without static files and pages of documentation."""

    load: tuple[RouteRequest, ...]  # those of both sides that change no data, by their method
    compared: tuple[RouteRequest, ...]  # those that only one side accepts, and others that are only compared
    left_out: dict[str, tuple[RouteRequest, ...]]  # those that need a decision of the user, by the reason
    ready_path: str | None  # where both apps report that they are ready
    openapi: str | None  # where the baseline serves its OpenAPI document
    documentation: tuple[str, ...]  # pages of it, which are not compared
    websockets: tuple[str, ...]  # routes that are not compared

    @property
    def may_change_data(self) -> bool:
        """Whether any request that is left out may change data."""
        return any(each.method in _CHANGING_METHODS for group in self.left_out.values() for each in group)


CHANGES = "They change data: add a body that fits, and use a database that you can lose."
CHANGES_BY_GET = "Their names say that they change something, though by GET: enable those that do not."
NO_PATH = "No path could be invented for their parameters: correct it."
WANTS_LOGIN = "The Flask app wants a login for them: give a scenario a `login`."
FAILS = "The Flask app responds with an error: write values that exist, or add what they need."
ONE_SIDED = "Only one side accepts them, and they change data."


def sort_requests(found: Found) -> SortedRequests:
    """Sort the requests by what a load test may do with them; a side without known routes counts as equal."""
    baseline, candidate = found.baseline, found.candidate
    sides = [app.routes for app in (baseline, candidate) if app and not app.problem] or [()]
    flask, quart = sides[0], sides[-1]
    sort = _Sorter(found=found, tables=(RouteTable(flask), RouteTable(quart)))
    for one in find_one_sided(flask, quart):
        sort.add(one.route, one.method, one.path, note=one.why, is_one_sided=True)
    for side, routes in enumerate((flask, quart)):
        for route in routes:
            for method in () if route.is_static or route.is_websocket else route.methods:
                if method in {"GET", *_CHANGING_METHODS}:
                    sort.add_route(route, method, side)
    load = [each for each in sort.load if not each.route.host]
    ready_path = next((path for path in _READY_PATHS if any(path == each.path for each in load)), None)
    return SortedRequests(
        load=tuple(each for each in load if each.path != ready_path),
        compared=(*sort.compared, *(each for each in sort.load if each.route.host)),
        left_out={reason: tuple(requests) for reason, requests in sort.left_out.items()},
        ready_path=ready_path,
        openapi=next(iter(sort.openapi), None),
        documentation=tuple(dict.fromkeys([*sort.openapi[1:], *sort.documentation])),
        websockets=tuple(
            dict.fromkeys(
                [
                    *(each.rule for routes in (flask, quart) for each in routes if each.is_websocket),
                    *("/socket.io" for app in (baseline, candidate) if app and app.has_socketio),
                ]
            )
        ),
    )


@dataclass(slots=True, kw_only=True)
class _Sorter:
    found: Found
    tables: tuple[RouteTable, RouteTable]  # of Flask and Quart
    load: list[RouteRequest] = field(default_factory=list)
    compared: list[RouteRequest] = field(default_factory=list)
    left_out: dict[str, list[RouteRequest]] = field(default_factory=dict)
    openapi: list[str] = field(default_factory=list)
    documentation: list[str] = field(default_factory=list)
    _known: set[tuple[str, str, str]] = field(default_factory=set)

    def add_route(self, route: Route, method: str, side: int) -> None:
        """Add a request to a route of a side: 0 is Flask, 1 Quart."""
        path, other = route.example, self.tables[1 - side]
        tried = self.found.tried.get((route.host, path))
        if (method, route.host, path) in self._known:  # two rules can have one path
            return
        if method == "GET" and _OPENAPI.fullmatch(path):
            self._known.add((method, route.host, path))
            if side == 0 and not self.found.baseline.problem and (tried is None or tried.is_openapi):
                self.openapi.append(path)
            else:
                self.documentation.append(path)
        elif _DOCUMENTATION.fullmatch(path):
            self.documentation += [path] if method == "GET" else []
        elif route.path is None:
            self._known.add((method, route.host, path))
            self._leave_out(NO_PATH, route, method, path, f"for {route.rule}")
        elif other.outcome(method, path, route.host) == "serves it":
            note = (
                f"invented for {route.rule}{'' if tried else ': does it exist?'}" if route.converters else ""
            )
            self.add(route, method, path, note=note)
        elif not other.has(route, method):
            note = "only the port has it" if side else "only the Flask app has it"
            self.add(route, method, path, note=note, is_one_sided=True)

    def add(
        self, route: Route, method: str, path: str, *, note: str = "", is_one_sided: bool = False
    ) -> None:
        """Add a request where its method, its name and the response of the Flask app want it."""
        self._known.add((method, route.host, path))
        tried = self.found.tried.get((route.host, path)) or Tried(status=None)
        status = tried.status or 0
        if method != "GET":
            self._leave_out(ONE_SIDED if is_one_sided else CHANGES, route, method, path, note)
        elif route.may_change_data:
            self._leave_out(CHANGES_BY_GET, route, method, path, note)
        elif is_one_sided:
            status = status or _STATUSES.get(self.tables[0].outcome(method, path, route.host), 0)
            expected = status if status >= HTTPStatus.BAD_REQUEST or tried.wants_login else None
            if status >= HTTPStatus.INTERNAL_SERVER_ERROR and path == route.example:
                note, expected = f"{note}; {_describe_failure(tried)}", None
            request = RouteRequest(route=route, method=method, path=path, note=note, expected_status=expected)
            self.compared.append(request)
        elif tried.wants_login:
            self._leave_out(WANTS_LOGIN, route, method, path, f"status {status}")
        elif HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
            self._leave_out(FAILS, route, method, path, f"status {status}" + (f", {note}" if note else ""))
        else:
            if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                note = _describe_failure(tried)
            self.load.append(RouteRequest(route=route, method=method, path=path, note=note))

    def _leave_out(self, reason: str, route: Route, method: str, path: str, note: str) -> None:
        request = RouteRequest(route=route, method=method, path=path, note=note)
        self.left_out.setdefault(reason, []).append(request)


def _describe_failure(tried: Tried) -> str:
    return f"status {tried.status} when `init` tried it" + (f": {tried.error}" if tried.error else "")


_STATUSES = {"has no route for it": 404, "refuses the method": 405}


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftDeployment:
    """A deployment of a first plan."""

    app: str
    server: str
    missing: tuple[str, ...]  # the distributions to install for the server

    @property
    def name(self) -> str:
        """Its name in the plan."""
        return f"{self.app}-{self.server}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftScenario:
    """A scenario of a first plan."""

    user: str  # the name of its user class
    requests: tuple[RouteRequest, ...]

    @property
    def name(self) -> str:
        """Its name in the plan."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", self.user).lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a first plan contains."""

    found: Found
    baseline: DraftDeployment
    candidate: DraftDeployment  # the port, or else the same app on another server
    scenarios: tuple[DraftScenario, ...]
    requests: SortedRequests

    @property
    def apps(self) -> dict[str, FoundApp]:
        """The apps by name."""
        found = self.found
        return {"flask": found.baseline} | ({"quart": found.candidate} if found.candidate else {})

    @property
    def databases(self) -> tuple[Path, ...]:
        """The SQLite files that all deployments would share."""
        seen = [path for app in self.apps.values() for path in app.databases]
        names = {path.name for path in seen}
        return tuple(
            dict.fromkeys([*seen, *(path for path in self.found.databases if path.name not in names)])
        )

    @property
    def to_install(self) -> tuple[str, ...]:
        """The commands that install what the servers lack; unknown for an app that was not imported."""
        missing: dict[str, list[str]] = {}
        for served in (self.baseline, self.candidate):
            app = self.apps[served.app]
            if not app.problem:
                missing.setdefault(str(app.python), []).extend(served.missing)
        return tuple(
            f"{python} -m pip install {' '.join(dict.fromkeys(names))}"
            for python, names in missing.items()
            if names
        )


def draft_plan(found: Found) -> Draft:
    """Decide what a first plan contains."""
    requests = sort_requests(found)
    candidate = _deployment("flask", (WITHOUT_PORTING,), found.baseline)
    if found.candidate is not None:
        candidate = _deployment("quart", PREFERRED["quart"], found.candidate)
    return Draft(
        found=found,
        baseline=_deployment("flask", PREFERRED["flask"], found.baseline),
        candidate=candidate,
        scenarios=tuple(_scenarios(requests)),
        requests=requests,
    )


def _deployment(name: str, servers: tuple[str, ...], app: FoundApp) -> DraftDeployment:
    """The app on the first server that is installed, or else on the most usual one."""
    choices = []
    for server in servers:
        has_uvloop = any(each.defaults.loop == "uvloop" for each in SERVERS[server].interfaces.values())
        needs = (*SERVERS[server].distributions, *(("uvloop",) if has_uvloop else ()))
        missing = tuple(need for need in needs if need not in app.installed)
        choices.append(DraftDeployment(app=name, server=server, missing=missing))
    return next((choice for choice in choices if not choice.missing), choices[0])


def _scenarios(requests: SortedRequests) -> list[DraftScenario]:
    if len(requests.load) > MOST_SINGLE:
        return [DraftScenario(user="AllRoutes", requests=requests.load)]
    path = requests.ready_path or "/"  # where nothing else is known
    front = Route(rule=path, endpoint="front", methods=("GET",), converters={}, path=path)
    scenarios: list[DraftScenario] = []
    for request in requests.load or (RouteRequest(route=front, method="GET", path=path),):
        user = class_name(request.route.endpoint, {scenario.user.lower() for scenario in scenarios})
        scenarios.append(DraftScenario(user=user, requests=(request,)))
    return scenarios


def class_name(endpoint: str, taken: set[str]) -> str:
    """A name for the user class of a route."""
    whole = _camel_case(endpoint)
    numbered = (f"{whole}{number}" for number in count(2))
    names = chain([_camel_case(endpoint.rpartition(".")[2]), whole], numbered)
    return next(name for name in names if name.lower() not in taken)


def _camel_case(text: str) -> str:
    name = "".join(word[0].upper() + word[1:] for word in re.findall(r"[A-Za-z0-9]+", text))
    is_usable = name.isidentifier() and not keyword.iskeyword(name) and name != "LeanUser"
    return name if is_usable else f"Route{name}"
