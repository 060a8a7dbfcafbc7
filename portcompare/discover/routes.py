"""What a first load test asks for, and what it leaves to the user, from the routes of both sides."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from portcompare.discover.records import CHANGING_METHODS, FoundApp, Place, Route
from portcompare.serve import start_supervised
from portcompare.serve.interpreters import ANSWER_LIMIT_S
from portcompare.serve.recipe import Surroundings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from portcompare.discover.records import Sighting


_READY_PATHS = ("/healthz", "/health", "/readyz", "/ready", "/livez", "/ping")
_OPENAPI_PATHS = ("/openapi.json", "/openapi.yaml", "/openapi/openapi.json", "/api/openapi.json")
_PAGES = frozenset({"/docs", "/redoc", "/redocs", "/scalar", "/swagger", "/swagger-ui", *_OPENAPI_PATHS})
"""Where libraries serve the documentation that they make."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request to a route."""

    route: Route  # The route
    method: str  # The method

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
    """All that the routes of both sides come to, without static files and pages of documentation."""

    load: tuple[Ask, ...]  # What the load is made of: both sides have it, and it is not known to change data
    changing: tuple[Ask, ...]  # What may change data
    unknown: tuple[Ask, ...]  # What no path was found for
    only_flask: tuple[Ask, ...]  # What the port lacks
    only_quart: tuple[Ask, ...]  # What the port has and the Flask app has not
    ready_path: str | None  # Where the apps say that they are ready; None if nowhere
    openapi: str | None  # Where the baseline serves its OpenAPI document; None if nowhere

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

    `candidate`: the Quart app; None if there is none.
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


def import_places(file: Path, project: Path) -> tuple[Place, ...]:
    """Where a file can be imported from."""
    parts = [] if file.stem == "__init__" else [file.stem]
    folder = file.parent
    while (folder / "__init__.py").exists():
        parts.insert(0, folder.name)
        folder = folder.parent
    module = ".".join(parts)
    if folder == project or project not in folder.parents:
        return (Place(directory=folder, module=module),)
    inside = folder.relative_to(project).parts
    # Where the folder holds sources and nothing else, what the app opens lies beside that folder.
    beside = folder.parent if folder.name == "src" else project
    aside = Place(directory=beside, pythonpath=(folder,), module=module)
    within = Place(directory=folder, module=module)
    if folder.name == "src":
        return aside, within
    is_importable = all(part.isidentifier() for part in inside)
    whole = Place(directory=project, module=".".join([*inside, *parts]))
    return (within, *([whole] if is_importable else []), aside)


def find_python(folder: Path, project: Path, environment: Mapping[str, str] = os.environ) -> Path:
    """Find the interpreter that an app is meant to run in.

    A virtual environment of the app's own side comes before the active one, and that before the project's.
    """
    own = Path(sys.prefix).resolve()
    active = environment.get("VIRTUAL_ENV", "")
    # portcompare's own being active says nothing about the app.
    actives = [Path(active)] if active and Path(active).resolve() != own else []
    sides = [] if folder == project else [folder, *folder.parents]
    inner = sides[: sides.index(project)] if project in sides else []
    for home in (*_homes(inner), *actives, *_homes([project])):
        python = home / "bin" / "python"
        if python.exists():
            return Path(sys.executable) if home.resolve() == own else python
    return Path(sys.executable)


def _homes(folders: list[Path]) -> list[Path]:
    return [folder / name for folder in folders for name in (".venv", "venv")]


_NOT_DONE = f"not done after {ANSWER_LIMIT_S:g} s"

_PROBE = Path(__file__).with_name("probe.py")


def ask_app(sighting: Sighting, project: Path) -> FoundApp:
    """Import an app and have it tell its routes."""
    python = find_python(sighting.file.parent, project)
    places = import_places(sighting.file, project)
    if sighting.needs:
        problem = f"{sighting.name} cannot be called without {', '.join(sighting.needs)}"
        return FoundApp(sighting=sighting, place=places[0], python=python, problem=problem)
    asked = []
    for place in places:
        app = _ask(sighting, place, python)
        if not app.problem:
            return app
        asked.append(app)
        if app.problem == _NOT_DONE:
            break  # what hangs here hangs elsewhere
    return asked[0]


def _ask(sighting: Sighting, place: Place, python: Path) -> FoundApp:
    asked = FoundApp(sighting=sighting, place=place, python=python)
    # In what its server will run.
    surroundings = Surroundings(
        directory=place.directory,
        python=str(python),
        import_folders=tuple(map(str, place.pythonpath)),
        added={},
    )
    with TemporaryDirectory(prefix="portcompare-") as folder:
        reply = Path(folder, "reply.json")
        probe = start_supervised(
            [str(python), str(_PROBE), str(reply), asked.target],
            directory=place.directory,
            environment=surroundings.environment("init"),
            cpus=os.sched_getaffinity(0),
            log_path=Path(folder, "log"),
        )
        try:
            status = probe.wait(ANSWER_LIMIT_S)
            said = probe.log_tail(1)
        finally:
            probe.stop()
        if status == 0 and reply.exists():
            return _read_reply(asked, json.loads(reply.read_text(encoding="utf-8")))
    ended = said or f"importing it ended with status {status}"
    return replace(asked, problem=_NOT_DONE if status is None else ended)


def _read_reply(asked: FoundApp, told: dict[str, Any]) -> FoundApp:
    routes = (Route(**route | {"methods": tuple(route["methods"])}) for route in told["routes"])
    return replace(asked, routes=tuple(routes), installed=frozenset(told["installed"]))
