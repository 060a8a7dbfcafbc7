"""What a first plan contains: names, servers, scenarios, and the requests that it leaves out."""

import json
import keyword
import re
from dataclasses import dataclass
from itertools import chain, count

from portcompare.discover.apps import Found, FoundApp, Route
from portcompare.discover.definitions import Framework
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
_OPENAPI_PATHS = ("/openapi.json", "/openapi.yaml", "/openapi/openapi.json", "/api/openapi.json")
_DOCUMENTATION = {"/docs", "/redoc", "/redocs", "/scalar", "/swagger", "/swagger-ui", *_OPENAPI_PATHS}


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteRequest:
    """A request to a route."""

    route: Route
    method: str

    @property
    def path(self) -> str:
        """The path; the route's rule if no path could be invented."""
        return self.route.path or self.route.rule

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def doubt(self) -> str:
        """What a user should check; empty if nothing."""
        return f"invented for {self.route.rule}: does it exist?" if self.route.converters else ""

    @property
    def has_body(self) -> bool:
        """Whether requests of its method usually have a body."""
        return self.method in _CHANGING_METHODS - {"DELETE"}

    @property
    def call(self) -> str:
        """The request in a locustfile."""
        if self.method == "GET":
            return f"http_request({json.dumps(self.path)})"
        body = ", json={}" if self.has_body else ""
        return f"http_request({json.dumps(self.path)}, method={json.dumps(self.method)}{body})"


@dataclass(frozen=True, slots=True, kw_only=True)
class SortedRequests:
    """The requests to the routes of both sides, without static files and pages of documentation."""

    load: tuple[RouteRequest, ...]  # those of both sides that change no data, by their method
    left_out: dict[str, tuple[RouteRequest, ...]]  # those that need a decision of the user, by the reason
    ready_path: str | None  # where both apps report that they are ready
    openapi: str | None  # where the baseline serves its OpenAPI document

    @property
    def may_change_data(self) -> bool:
        """Whether any request that is left out may change data."""
        return any(each.method in _CHANGING_METHODS for group in self.left_out.values() for each in group)


PORT_LACKS, FLASK_LACKS = "The port lacks them.", "Only the port has them."


def sort_requests(baseline: FoundApp, candidate: FoundApp | None) -> SortedRequests:
    """Sort the requests by what a load test may do with them; a side without known routes counts as equal."""
    flask, quart = _requests(baseline), _requests(candidate)
    flask, quart = flask if flask is not None else quart or {}, quart if quart is not None else flask or {}
    shared = [request for key, request in flask.items() if key in quart]
    gets = [request for request in shared if request.method == "GET"]
    sent = [request for request in gets if request.route.path is not None]
    ready_path = next((path for path in _READY_PATHS if any(path == each.path for each in sent)), None)
    left_out = {
        "They change data: add a body that fits, and use a database that you can lose.": [
            request for request in shared if request.method in _CHANGING_METHODS
        ],
        "No path could be invented for their parameters.": [
            request for request in gets if request.route.path is None
        ],
        PORT_LACKS: [request for key, request in flask.items() if key not in quart],
        FLASK_LACKS: [request for key, request in quart.items() if key not in flask],
    }
    served = set() if baseline.problem else {request.path for request in flask.values()}
    return SortedRequests(
        load=tuple(request for request in sent if request.path not in {*_DOCUMENTATION, ready_path}),
        left_out={reason: tuple(requests) for reason, requests in left_out.items() if requests},
        ready_path=ready_path,
        openapi=next((path for path in _OPENAPI_PATHS if path in served), None),
    )


def _requests(app: FoundApp | None) -> dict[tuple[str, str], RouteRequest] | None:
    """An app's requests by method and path, without the names of parameters; None if it was not imported."""
    if app is None or app.problem:
        return None
    requests: dict[tuple[str, str], RouteRequest] = {}
    for route in app.routes:
        for method in () if route.is_static else route.methods:
            if method in {"GET", *_CHANGING_METHODS}:
                request = RouteRequest(route=route, method=method)
                requests.setdefault((method, request.path), request)  # two rules can have one path
    return requests


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
    requests = sort_requests(found.baseline, found.candidate)
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
    for request in requests.load or (RouteRequest(route=front, method="GET"),):
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
