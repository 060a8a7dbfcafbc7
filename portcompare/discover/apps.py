"""The apps of a project: imported by their own interpreter, which reports what they are like."""

import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args
from urllib.parse import urlsplit

from portcompare.discover.definitions import MOST_FILES, Definition, Framework, find_definitions, list_files
from portcompare.discover.routes import Route, find_one_sided
from portcompare.errors import InputError, refuse
from portcompare.serve.processes import start_supervised
from portcompare.serve.recipe import FIRST_IMPORTS, FRAMEWORKS, RuntimeEnvironment
from portcompare.serve.servers import APP_PYTHON


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an app's file can be imported from."""

    directory: Path  # the working directory
    pythonpath: tuple[Path, ...] = ()  # further folders to import from
    module: str  # the file's name there


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundApp:
    """An app and, if it could be imported, its routes."""

    definition: Definition
    place: Place
    python: Path  # the interpreter
    routes: tuple[Route, ...] = ()
    installed: frozenset[str] = frozenset()  # the distributions that the interpreter has, in lower case
    problem: str = ""  # why it could not be imported; empty if it could
    place_of_problem: str = ""  # the project's line that failed without the variables below
    environment: Mapping[str, str] = field(default_factory=dict)  # placeholders of variables that it lacks
    variables: tuple[str, ...] = ()  # further variables that its sources look up and that are not set
    databases: tuple[Path, ...] = ()  # the SQLite files that it uses, as far as seen
    has_socketio: bool = False  # whether it serves Socket.IO, beside its routes

    @property
    def target(self) -> str:
        """Its name in a plan."""
        return self.definition.target(self.place.module)

    @property
    def runs_in_ours(self) -> bool:
        """Whether its interpreter is portcompare's own, which a plan need not name."""
        return str(self.python) == sys.executable


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """The response of the Flask app to a GET request, within its own process."""

    status: int | None  # None if there was none in time
    location: str = ""  # where it redirects to
    is_openapi: bool = False  # whether it is an OpenAPI document of version 3
    error: str = ""  # the exception that a view raised

    @property
    def wants_login(self) -> bool:
        """Whether it refuses a request that has no login."""
        path = urlsplit(self.location).path
        return self.status in (401, 403) or (bool(self.location) and _LOGIN.search(path) is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found in a project."""

    project: Path
    baseline: FoundApp  # the Flask app
    candidate: FoundApp | None  # the Quart app
    others: tuple[Definition, ...]  # apps that were not chosen, the likeliest first
    openapi: tuple[Path, ...]  # OpenAPI documents among its files, the nearest first
    databases: tuple[Path, ...] = ()  # SQLite files that the apps use, or that sources or variables name
    tried: Mapping[tuple[str, str], Tried] = field(default_factory=dict)  # by host and path
    notes: tuple[str, ...]

    def databases_of(self, app: FoundApp) -> list[Path]:
        """The SQLite files but those that only the other app was seen to use."""
        seen = {path for each in (self.baseline, self.candidate) if each for path in each.databases}
        return [path for path in self.databases if path in app.databases or path not in seen]


MOST_IMPORTED = 3  # of each framework, the likeliest first: an import takes about a second
IMPORT_LIMIT_S = 20.0
MOST_PLACEHOLDERS = 10  # so often an import is repeated with a variable more
_NOT_DONE = f"not done after {IMPORT_LIMIT_S:g} s"

_USUAL_FILES = ("wsgi", "asgi", "app", "main", "server", "application", "__init__")
_USUAL_NAMES = ("app", "application", "create_app", "make_app")
_ASIDE = frozenset({"benchmarks", "demo", "doc", "docs", "example", "examples", "sandbox", "scripts"})
_OPENAPI_3 = re.compile(r"""\bopenapi["']?\s*:\s*["']?3\.""")
_LOGIN = re.compile(r"(?i)(^|[/_-])(log-?in|sign-?in|auth|sso)([/_.-]|$)")
_SQLITE = re.compile(
    r"""(?:(?:sqlite3|aiosqlite)\.connect|SqliteDatabase)\(\s*["']([^"'{:]+)["']|\bsqlite(?:\+\w+)?:///([^"'{?\s:]+)"""
)
_PROBE = Path(__file__).with_name("probe.py")

_SQLITE_PLACEHOLDER = "portcompare-{arm}.db"
_PLACEHOLDERS = {
    r"REDIS|BROKER|CELERY": "redis://127.0.0.1:6379/0",
    r"MONGO": "mongodb://127.0.0.1:27017/portcompare",
    r"(DATABASE|DB|SQL)\w*_(URL|URI|DSN)": f"sqlite:///{_SQLITE_PLACEHOLDER}",
    r"URL|URI|DSN|ENDPOINT": "http://127.0.0.1:9",
    r"DEBUG|COUNT|LIMIT|MAX|MIN|PORT|SECONDS|SIZE|THREADS|TIMEOUT|TTL|WORKERS": "1",
    r"": "placeholder",
}
"""Values for variables without which an app cannot be imported, by the first pattern in their names."""


def look_at_project(project: Path, interpreter: Path | None = None) -> Found:
    """Look for a Flask app and its Quart port, and import both to know their routes.

    `interpreter`: of both; None to look for one.
    Raises InputError if there is no Flask app.
    """
    python, openapi = list_files(project)
    definitions, notes = find_definitions(python[:MOST_FILES])
    ranked = sorted(definitions, key=lambda each: _rank(each, project))
    apps = _import_likeliest(ranked, project, interpreter)
    flasks, quarts = (
        [app for app in apps if app.definition.framework == name] for name in ("flask", "quart")
    )
    if not flasks:
        raise _no_flask(project, quarts, len(python), notes)
    baseline, candidate = _choose(flasks, quarts)
    baseline, tried = _try_requests(baseline, candidate)
    chosen = {(app.definition.file, app.definition.name) for app in (baseline, candidate) if app}
    limit = f"only the first {MOST_FILES} Python files were read"
    files = [
        path for path in (*python[:MOST_FILES], project / ".env", project / ".flaskenv") if path.is_file()
    ]
    texts = [*os.environ.values(), *(path.read_text("utf-8", "replace") for path in files)]
    named = (project / (found[1] or found[2]) for text in texts for found in _SQLITE.finditer(text))
    seen = [path for app in (baseline, candidate) if app for path in app.databases]
    others = (path for path in named if path.name not in {each.name for each in seen})
    return Found(
        project=project,
        baseline=baseline,
        candidate=candidate,
        databases=tuple(dict.fromkeys([*seen, *others])),
        tried=tried,
        others=tuple(each for each in ranked if (each.file, each.name) not in chosen),
        openapi=tuple(path for path in openapi if _OPENAPI_3.search(path.read_text("utf-8", "replace"))),
        notes=(*notes, *((limit,) if len(python) > MOST_FILES else ())),
    )


def _rank(definition: Definition, project: Path) -> tuple[object, ...]:
    """The sort key that puts first what servers are usually pointed at."""
    inside = definition.file.relative_to(project)
    return (
        bool(definition.needs),
        not _ASIDE.isdisjoint(inside.parts[:-1]),
        inside.stem not in _USUAL_FILES,
        definition.name not in _USUAL_NAMES,
        definition.is_factory,
        len(inside.parts),
        str(inside),
        definition.line,
    )


def _import_likeliest(ranked: Iterable[Definition], project: Path, python: Path | None) -> list[FoundApp]:
    apps: list[FoundApp] = []
    for definition in ranked:
        imported = Counter(app.definition.framework for app in apps)
        wanted = [definition.framework] if definition.framework else get_args(Framework)
        if imported[None] < MOST_IMPORTED and any(imported[each] < MOST_IMPORTED for each in wanted):
            apps.append(import_app(definition, project, python))
    return apps


def _choose(flasks: Sequence[FoundApp], quarts: Sequence[FoundApp]) -> tuple[FoundApp, FoundApp | None]:
    """The two sides: the pair with most routes in common; both lists begin with the likeliest."""
    if not quarts:
        return min(flasks, key=lambda app: (bool(app.problem), not app.routes)), None

    def unlikeliness(pair: tuple[FoundApp, FoundApp]) -> tuple[int, int]:
        ours, theirs = (
            {(route.key, method) for route in app.routes for method in route.methods if not route.is_static}
            for app in pair
        )
        return sum(bool(app.problem) for app in pair), -len(ours & theirs)

    return min(product(flasks, quarts), key=unlikeliness)


def _no_flask(project: Path, quarts: Sequence[FoundApp], files: int, notes: Sequence[str]) -> InputError:
    found = f"no Flask app in {files} Python files (tests are not read)"
    if quarts:
        quart = quarts[0].definition
        place = f"{quart.name} in {quart.file.relative_to(project)}:{quart.line}"
        found = f"there is a Quart app ({place}), and no Flask app to compare it with"
    remedy = "name the folder that contains it, `portcompare init FOLDER`, or write the plan: docs/plan.md"
    return refuse(str(project), "; ".join([found, *notes]), remedy)


def import_places(file: Path, project: Path) -> tuple[Place, ...]:
    """The places that a file can be imported from, the likeliest first."""
    parts = [] if file.stem == "__init__" else [file.stem]
    folder = file.parent
    while (folder / "__init__.py").exists():
        parts.insert(0, folder.name)
        folder = folder.parent
    module = ".".join(parts)
    within = Place(directory=folder, module=module)
    if folder == project or project not in folder.parents:
        return (within,)
    if folder.name == "src":  # files that the app opens lie beside such a folder
        return Place(directory=folder.parent, pythonpath=(folder,), module=module), within
    aside = Place(directory=project, pythonpath=(folder,), module=module)
    inside = folder.relative_to(project).parts
    if not all(part.isidentifier() for part in inside):
        return within, aside
    return within, Place(directory=project, module=".".join([*inside, *parts])), aside


def find_python(folder: Path, project: Path, environment: Mapping[str, str] = os.environ) -> Path:
    """Find the interpreter of an app: of its side's virtual environment, the active one, or the project's."""
    own = Path(sys.prefix).resolve()
    active = environment.get("VIRTUAL_ENV", "")
    # That portcompare's own environment is active says nothing about the app.
    actives = [Path(active)] if active and Path(active).resolve() != own else []
    sides = [folder, *folder.parents]
    inner = sides[: sides.index(project)] if project in sides else []
    names = (".venv", "venv")
    inner_homes = [side / name for side in inner for name in names]
    for home in (*inner_homes, *actives, *(project / name for name in names)):
        python = home / "bin" / "python"
        if python.exists():
            return Path(sys.executable) if home.resolve() == own else python
    return Path(sys.executable)


def import_app(definition: Definition, project: Path, python: Path | None = None) -> FoundApp:
    """Import an app by its interpreter, or the one that is found, from each place until it works."""
    python = python or find_python(definition.file.parent, project)
    places = import_places(definition.file, project)
    if definition.needs:
        problem = f"{definition.name} cannot be called without {', '.join(definition.needs)}"
        return FoundApp(definition=definition, place=places[0], python=python, problem=problem)
    tried: list[FoundApp] = []
    for place in places:
        app = _import_with_placeholders(FoundApp(definition=definition, place=place, python=python))
        if not app.problem:
            return app
        tried.append(app)
        if app.problem == _NOT_DONE:
            break  # an import that hangs here hangs elsewhere
    return max(tried, key=lambda app: len(app.environment))  # of the first place, if all lack the same


def _import_with_placeholders(app: FoundApp) -> FoundApp:
    """Import an app; where it fails because variables are not set, once more with placeholders for them."""
    for _ in range(MOST_PLACEHOLDERS):
        found, lacking = _probe(app)
        values = {
            name: next(value for pattern, value in _PLACEHOLDERS.items() if re.search(pattern, name))
            for name in lacking
            if name not in app.environment
        }
        if not values and "placeholder" in found.problem:  # such as "invalid literal for int()"
            values = {name: "1" for name, value in app.environment.items() if value == "placeholder"}
        if not found.problem or not values:
            break
        environment = {**app.environment, **values}
        app = replace(app, environment=environment, place_of_problem=found.place_of_problem)
    return found


def _probe(app: FoundApp) -> tuple[FoundApp, list[str]]:
    """The app as its interpreter reports it, and the variables that it lacks."""
    reply = _run_probe(app)
    if "error" in reply:
        place = app.place_of_problem or reply["place"]
        return replace(app, problem=reply["error"], place_of_problem=place), reply["lacking"]
    return replace(
        app,
        definition=replace(app.definition, framework=reply["framework"]),
        routes=tuple(Route(**route | {"methods": tuple(route["methods"])}) for route in reply["routes"]),
        installed=frozenset(reply["installed"]),
        variables=tuple(reply["variables"]),
        databases=tuple(map(Path, reply["databases"])),
        has_socketio=reply["has_socketio"],
    ), []


def _run_probe(app: FoundApp, requests: Sequence[Mapping[str, str]] = ()) -> dict[str, Any]:
    """What the app's interpreter reports, or the error because of which it does not."""
    folders = tuple(map(str, app.place.pythonpath))
    with TemporaryDirectory(prefix="portcompare-") as folder:
        # What the app would write to a database that we have invented goes into our folder.
        added = {n: v.replace(_SQLITE_PLACEHOLDER, f"{folder}/app.db") for n, v in app.environment.items()}
        runtime = RuntimeEnvironment(
            directory=app.place.directory, python=str(app.python), import_folders=folders, added=added
        )
        first = {FIRST_IMPORTS: ",".join(FRAMEWORKS["asgi"])} if runtime.hidden_libraries else {}
        reply = Path(folder, "reply.json")
        process = start_supervised(
            [str(app.python), str(_PROBE), str(APP_PYTHON), str(reply), app.target, json.dumps(requests)],
            directory=app.place.directory,
            environment=runtime.variables("init") | first,
            cpus=os.sched_getaffinity(0),
            log_path=Path(folder, "log"),
        )
        try:
            status = process.wait(IMPORT_LIMIT_S)
            last_line = process.log_tail(1)
        finally:
            process.stop()
        found: dict[str, Any] = {"databases": (), "place": "", "lacking": []}
        found |= json.loads(reply.read_text("utf-8")) if reply.exists() else {}
        found["databases"] = [each for each in found["databases"] if not each.startswith(folder)]
        if status != 0 or "routes" not in found:
            ended = last_line or f"importing it ended with status {status}"
            found.setdefault("error", _NOT_DONE if status is None else ended)
        return found


def _try_requests(
    baseline: FoundApp, candidate: FoundApp | None
) -> tuple[FoundApp, dict[tuple[str, str], Tried]]:
    """Send the GET requests that a plan may contain to the Flask app, unless their names speak of a change.

    Returns what they show: the SQLite files that the app opens, and the responses.
    """
    if baseline.problem:
        return baseline, {}
    others = candidate.routes if candidate else ()
    wanted = [((each.host, each.example), each) for each in (*baseline.routes, *others) if each.path]
    wanted += [((each.route.host, each.path), each.route) for each in find_one_sided(baseline.routes, others)]
    sent = list(dict.fromkeys(key for key, route in wanted if route.is_readable))
    reply = _run_probe(baseline, [{"host": host, "path": path} for host, path in sent])
    responses = [Tried(**each) for each in reply.get("responses", ())]
    databases = dict.fromkeys([*baseline.databases, *map(Path, reply["databases"])])
    return replace(baseline, databases=tuple(databases)), dict(zip(sent, responses, strict=False))
