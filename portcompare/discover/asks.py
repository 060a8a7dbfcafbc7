"""What a first load test asks for, and what it leaves to the user, from the routes of both sides."""

from __future__ import annotations

from dataclasses import dataclass

from portcompare.discover.records import CHANGING_METHODS, FoundApp, Route

_READY_PATHS = ("/healthz", "/health", "/readyz", "/ready", "/livez", "/ping")
_OPENAPI_PATHS = ("/openapi.json", "/openapi.yaml", "/openapi/openapi.json", "/api/openapi.json")
_PAGES = frozenset({"/docs", "/redoc", "/redocs", "/scalar", "/swagger", "/swagger-ui", *_OPENAPI_PATHS})
"""Where libraries serve the documentation that they make."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request to a route.

    Attributes:
        route: The route.
        method: The method.
    """

    route: Route
    method: str

    @property
    def path(self) -> str:
        """The path; the route's rule where no path was found for it."""
        return self.route.path or self.route.rule

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def doubt(self) -> str:
        """What a user should look at; empty if nothing."""
        return f"made up for {self.route.rule}: is there one?" if self.route.converters else ""

    @property
    def has_body(self) -> bool:
        """Whether requests of its method usually have a body."""
        return self.method in CHANGING_METHODS - {"DELETE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asks:
    """All that the routes of both sides come to, without static files and pages of documentation.

    Attributes:
        load: What the load is made of: both sides have it, and it is not known to change data.
        changing: What may change data.
        unknown: What no path was found for.
        only_flask: What the port lacks.
        only_quart: What the port has and the Flask app has not.
        ready_path: Where the apps say that they are ready; None if nowhere.
        openapi: Where the baseline serves its OpenAPI document; None if nowhere.
    """

    load: tuple[Ask, ...]
    changing: tuple[Ask, ...]
    unknown: tuple[Ask, ...]
    only_flask: tuple[Ask, ...]
    only_quart: tuple[Ask, ...]
    ready_path: str | None
    openapi: str | None

    @property
    def left_out(self) -> dict[str, tuple[Ask, ...]]:
        """What nothing is to ask for before somebody has looked at it, by the reason."""
        reasons = {
            "They change data: give them a body that fits, and a database to lose.": self.changing,
            "No path could be made up for their parameters.": self.unknown,
            "The port lacks them.": self.only_flask,
            "Only the port has them.": self.only_quart,
        }
        return {reason: asks for reason, asks in reasons.items() if asks}

    @property
    def may_change_data(self) -> bool:
        """Whether any route of either side may change data."""
        return any(ask.method in CHANGING_METHODS for asks in self.left_out.values() for ask in asks)


def sort_routes(baseline: FoundApp, candidate: FoundApp | None) -> Asks:
    """Sort the routes by what a load test may do with them.

    Args:
        baseline: The Flask app.
        candidate: The Quart app; None if there is none.

    Returns:
        What is asked, and what is not. A side that could not be imported is taken to have what the other has.
    """
    flask, quart = _table(baseline), _table(candidate)
    flask, quart = flask if flask is not None else quart or {}, quart if quart is not None else flask or {}
    shared = [ask for key, ask in flask.items() if key in quart]
    gets = [ask for ask in shared if ask.method == "GET"]
    sent = [ask for ask in gets if ask.route.path is not None]
    ready_path = next((path for path in _READY_PATHS if any(path == ask.path for ask in sent)), None)
    served = {ask.path for ask in flask.values()} if not baseline.problem else set()
    return Asks(
        load=tuple(ask for ask in sent if ask.path not in {*_PAGES, ready_path}),
        changing=tuple(ask for ask in shared if ask.method in CHANGING_METHODS),
        unknown=tuple(ask for ask in gets if ask.route.path is None),
        only_flask=tuple(ask for key, ask in flask.items() if key not in quart),
        only_quart=tuple(ask for key, ask in quart.items() if key not in flask),
        ready_path=ready_path,
        openapi=next((path for path in _OPENAPI_PATHS if path in served), None),
    )


def _table(app: FoundApp | None) -> dict[tuple[str, str], Ask] | None:
    """What an app can be asked, by method and path (a parameter's name does not matter); None if unknown."""
    if app is None or app.problem:
        return None
    asks = (
        Ask(route=route, method=method)
        for route in app.routes
        for method in route.methods
        if method in {"GET", *CHANGING_METHODS} and not route.is_static
    )
    table: dict[tuple[str, str], Ask] = {}
    for ask in asks:
        table.setdefault((ask.method, ask.path), ask)  # two rules can come to one path
    return table
