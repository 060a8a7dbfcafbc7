"""What a first plan contains: names, servers, scenarios, and the requests that it leaves out."""

import json
import keyword
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import chain, count

from portcompare.discover.apps import Found, FoundApp, Tried
from portcompare.discover.definitions import Framework
from portcompare.discover.routes import Route, RouteTable, find_one_sided
from portcompare.serve.extras import command_for_packages
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


CHANGES = "They change data: add a body that fits, and use a database that you can lose."
CHANGES_BY_GET = "Their names say that they change something, though by GET: enable those that do not."
NO_PATH = "No path could be invented for their parameters: correct it."
WANTS_LOGIN = "The Flask app wants a login for them: give a scenario a `login`."
FAILS = "The Flask app responds with an error: write values that exist, or add what they need."
ONE_SIDED = "Only one side accepts them, and they change data."


def sort_requests(found: Found) -> "SortedRequests":
    """Sort the requests by what a load test may do with them; a side without known routes counts as equal."""
    apps = [app for app in (found.baseline, found.candidate) if app]
    sides = [app.routes for app in apps if not app.problem] or [()]
    flask, quart = sides[0], sides[-1]
    requests = SortedRequests(found=found, tables=(RouteTable(flask), RouteTable(quart)))
    for one in find_one_sided(flask, quart):
        requests.add(one.route, one.method, one.path, note=one.why, is_one_sided=True)
    for side, routes in enumerate((flask, quart)):
        for route in routes:
            if route.is_websocket:
                requests.websockets.setdefault(route.rule)
            for method in () if route.is_static or route.is_websocket else route.methods:
                if method in {"GET", *_CHANGING_METHODS}:
                    requests.add_route(route, method, side)
    if any(app.has_socketio for app in apps):
        requests.websockets.setdefault("/socket.io")
    requests.compared += [each for each in requests.load if each.route.host]
    load = [each for each in requests.load if not each.route.host]
    requests.ready_path = next((path for path in _READY_PATHS if any(path == each.path for each in load)), "")
    requests.load = [each for each in load if each.path != requests.ready_path]
    return requests


@dataclass(slots=True, kw_only=True)
class SortedRequests:
    """The requests to the routes of both sides, without static files and pages of documentation."""

    found: Found
    tables: tuple[RouteTable, RouteTable]  # of Flask and Quart
    load: list[RouteRequest] = field(default_factory=list)  # those of both sides that change no data
    # Those that only one side accepts, and others that are only compared
    compared: list[RouteRequest] = field(default_factory=list)
    # Those that need a decision of the user, by the reason
    left_out: dict[str, list[RouteRequest]] = field(default_factory=dict)
    ready_path: str = ""  # where both apps report that they are ready; empty if nowhere
    openapi: str = ""  # where the baseline serves its OpenAPI document; empty if nowhere
    documentation: dict[str, None] = field(default_factory=dict)  # pages of it, which are not compared
    websockets: dict[str, None] = field(default_factory=dict)  # routes that are not compared
    _known: set[tuple[str, str, str]] = field(default_factory=set)

    @property
    def may_change_data(self) -> bool:
        """Whether any request that is left out may change data."""
        return any(each.method in _CHANGING_METHODS for group in self.left_out.values() for each in group)

    def add_route(self, route: Route, method: str, side: int) -> None:
        """Add a request to a route of a side: 0 is Flask, 1 Quart."""
        path, other = route.example, self.tables[1 - side]
        tried = self.found.tried.get((route.host, path))
        if (method, route.host, path) in self._known:  # two rules can have one path
            return
        if method == "GET" and _OPENAPI.fullmatch(path):
            self._known.add((method, route.host, path))
            is_served = side == 0 and not self.found.baseline.problem and (tried is None or tried.is_openapi)
            if is_served and not self.openapi:
                self.openapi = path
            else:
                self.documentation.setdefault(path)
        elif _DOCUMENTATION.fullmatch(path):
            if method == "GET":
                self.documentation.setdefault(path)
        elif route.path is None:
            self._known.add((method, route.host, path))
            request = RouteRequest(route=route, method=method, path=path, note=f"for {route.rule}")
            self.left_out.setdefault(NO_PATH, []).append(request)
        elif other.outcome(method, path, route.host) == "serves it":
            note = f"invented for {route.rule}{'' if tried else ': does it exist?'}"
            self.add(route, method, path, note=note if route.converters else "")
        elif not other.has(route, method):
            note = "only the port has it" if side else "only the Flask app has it"
            self.add(route, method, path, note=note, is_one_sided=True)

    def add(
        self, route: Route, method: str, path: str, *, note: str = "", is_one_sided: bool = False
    ) -> None:
        """Add a request where its method, its name and the response of the Flask app want it."""
        self._known.add((method, route.host, path))
        tried = self.found.tried.get((route.host, path)) or Tried(status=None)
        status, reason, expected = tried.status or 0, "", None
        failure = f"status {status} when `init` tried it" + (f": {tried.error}" if tried.error else "")
        if method != "GET":
            reason = ONE_SIDED if is_one_sided else CHANGES
        elif route.may_change_data:
            reason = CHANGES_BY_GET
        elif is_one_sided:
            status = status or _STATUSES.get(self.tables[0].outcome(method, path, route.host), 0)
            if status >= HTTPStatus.INTERNAL_SERVER_ERROR and path == route.example:
                note = f"{note}; {failure}"
            elif status >= HTTPStatus.BAD_REQUEST or tried.wants_login:
                expected = status
        elif tried.wants_login:
            reason, note = WANTS_LOGIN, f"status {status}"
        elif HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
            reason, note = FAILS, f"status {status}" + (f", {note}" if note else "")
        elif status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            note = failure
        group = self.compared if is_one_sided else self.load
        if reason:
            group = self.left_out.setdefault(reason, [])
        group.append(RouteRequest(route=route, method=method, path=path, note=note, expected_status=expected))


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
    alternative: DraftDeployment | None = None  # the same app on another server, where there is a port
    scenarios: tuple[DraftScenario, ...]
    requests: SortedRequests
    in_copies: bool = False  # each arm is served from a copy of its app's directory

    @property
    def apps(self) -> dict[str, FoundApp]:
        """The apps by name."""
        found = self.found
        return {"flask": found.baseline} | ({"quart": found.candidate} if found.candidate else {})

    @property
    def candidates(self) -> tuple[DraftDeployment, ...]:
        """All that is compared with the baseline."""
        return (self.candidate, *([self.alternative] if self.alternative else []))

    @property
    def to_install(self) -> tuple[str, ...]:
        """The commands that install what the servers lack; unknown for an app that was not imported."""
        missing: dict[str, list[str]] = {}
        for served in (self.baseline, *self.candidates):
            app = self.apps[served.app]
            if not app.problem:
                missing.setdefault(str(app.python), []).extend(served.missing)
        return tuple(
            command_for_packages(python, dict.fromkeys(names)) for python, names in missing.items() if names
        )


def draft_plan(
    found: Found, *, with_alternative: bool = False, writes: bool = False, in_copies: bool = False
) -> Draft:
    """Decide what a first plan contains.

    `with_alternative`: also the Flask app on a server that handles many requests at once, beside its port.
    `writes`: also requests that change data; they are compared only.
    """
    requests = sort_requests(found)
    for reason in (CHANGES, CHANGES_BY_GET, ONE_SIDED) if writes else ():
        requests.compared += requests.left_out.pop(reason, ())
    alternative = _deployment("flask", (WITHOUT_PORTING,), found.baseline)
    candidate = alternative
    if found.candidate is not None:
        candidate = _deployment("quart", PREFERRED["quart"], found.candidate)
    return Draft(
        found=found,
        baseline=_deployment("flask", PREFERRED["flask"], found.baseline),
        candidate=candidate,
        alternative=alternative if with_alternative and candidate is not alternative else None,
        scenarios=tuple(choose_scenarios(requests)),
        requests=requests,
        in_copies=in_copies,
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


def choose_scenarios(requests: SortedRequests) -> list[DraftScenario]:
    """A scenario of each request that is loaded, or one of all if they are many."""
    if len(requests.load) > MOST_SINGLE:
        return [DraftScenario(user="AllRoutes", requests=tuple(requests.load))]
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
