"""The apps of a project: imported by their own interpreter, which reports their routes; and the two sides."""

import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

from portcompare.discover.definitions import MOST_FILES, Definition, Framework, find_definitions, list_files
from portcompare.errors import InputError, refuse
from portcompare.serve.processes import start_supervised
from portcompare.serve.recipe import RuntimeEnvironment


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an app's file can be imported from."""

    directory: Path  # the working directory
    pythonpath: tuple[Path, ...] = ()  # further folders to import from
    module: str  # the file's name there


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A line of an app's route table."""

    rule: str  # such as `/items/<int:item_id>`
    endpoint: str
    methods: tuple[str, ...]
    converters: dict[str, str]  # the kind of each parameter of the path, such as "int"
    path: str | None  # a path that leads to it, with invented parameters; None if none could be invented

    @property
    def is_static(self) -> bool:
        """Whether it serves the files of a static folder, the app's or a blueprint's."""
        return self.endpoint.rpartition(".")[2] == "static"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundApp:
    """An app and, if it could be imported, its routes."""

    definition: Definition
    place: Place
    python: Path  # the interpreter
    routes: tuple[Route, ...] = ()
    installed: frozenset[str] = frozenset()  # the distributions that the interpreter has, in lower case
    problem: str = ""  # why it could not be imported; empty if it could

    @property
    def target(self) -> str:
        """Its name in a plan."""
        return self.definition.target(self.place.module)

    @property
    def runs_in_ours(self) -> bool:
        """Whether its interpreter is portcompare's own, which a plan need not name."""
        return str(self.python) == sys.executable


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found in a project."""

    project: Path
    baseline: FoundApp  # the Flask app
    candidate: FoundApp | None  # the Quart app
    others: tuple[Definition, ...]  # apps that were not chosen, the likeliest first
    openapi: tuple[Path, ...]  # OpenAPI documents among its files, the nearest first
    notes: tuple[str, ...]


MOST_IMPORTED = 3  # of each framework, the likeliest first: an import takes about a second
IMPORT_LIMIT_S = 20.0
_NOT_DONE = f"not done after {IMPORT_LIMIT_S:g} s"

_USUAL_FILES = ("wsgi", "asgi", "app", "main", "server", "application", "__init__")
_USUAL_NAMES = ("app", "application", "create_app", "make_app")
_ASIDE = frozenset({"benchmarks", "demo", "doc", "docs", "example", "examples", "sandbox", "scripts"})
_OPENAPI_3 = re.compile(r"""\bopenapi["']?\s*:\s*["']?3\.""")
_PROBE = Path(__file__).with_name("probe.py")


def look_at_project(project: Path) -> Found:
    """Look for a Flask app and its Quart port, and import both to know their routes.

    Raises InputError if there is no Flask app.
    """
    python, openapi = list_files(project)
    definitions, notes = find_definitions(python[:MOST_FILES])
    ranked = sorted(definitions, key=lambda each: _rank(each, project))
    apps = _import_likeliest(ranked, project)
    flasks, quarts = (
        [app for app in apps if app.definition.framework == name] for name in ("flask", "quart")
    )
    if not flasks:
        raise _no_flask(project, quarts, len(python), notes)
    baseline, candidate = _choose(flasks, quarts)
    chosen = {(app.definition.file, app.definition.name) for app in (baseline, candidate) if app}
    limit = f"only the first {MOST_FILES} Python files were read"
    return Found(
        project=project,
        baseline=baseline,
        candidate=candidate,
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


def _import_likeliest(ranked: Iterable[Definition], project: Path) -> list[FoundApp]:
    apps: list[FoundApp] = []
    for definition in ranked:
        imported = Counter(app.definition.framework for app in apps)
        wanted = [definition.framework] if definition.framework else get_args(Framework)
        if imported[None] < MOST_IMPORTED and any(imported[each] < MOST_IMPORTED for each in wanted):
            apps.append(import_app(definition, project))
    return apps


def _choose(flasks: Sequence[FoundApp], quarts: Sequence[FoundApp]) -> tuple[FoundApp, FoundApp | None]:
    """The two sides: the pair with most routes in common; both lists begin with the likeliest."""
    if not quarts:
        return min(flasks, key=lambda app: (bool(app.problem), not app.routes)), None

    def unlikeliness(pair: tuple[FoundApp, FoundApp]) -> tuple[int, int]:
        return sum(bool(app.problem) for app in pair), -len(_rules(pair[0]) & _rules(pair[1]))

    return min(product(flasks, quarts), key=unlikeliness)


def _rules(app: FoundApp) -> set[tuple[str, str]]:
    return {(route.rule, method) for route in app.routes for method in route.methods if not route.is_static}


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


def import_app(definition: Definition, project: Path) -> FoundApp:
    """Import an app by its interpreter, from each place until it works."""
    python = find_python(definition.file.parent, project)
    places = import_places(definition.file, project)
    if definition.needs:
        problem = f"{definition.name} cannot be called without {', '.join(definition.needs)}"
        return FoundApp(definition=definition, place=places[0], python=python, problem=problem)
    tried: list[FoundApp] = []
    for place in places:
        app = _probe(FoundApp(definition=definition, place=place, python=python))
        if not app.problem:
            return app
        tried.append(app)
        if app.problem == _NOT_DONE:
            break  # an import that hangs here hangs elsewhere
    return tried[0]


def _probe(app: FoundApp) -> FoundApp:
    folders = tuple(map(str, app.place.pythonpath))
    runtime = RuntimeEnvironment(
        directory=app.place.directory, python=str(app.python), import_folders=folders, added={}
    )
    with TemporaryDirectory(prefix="portcompare-") as folder:
        reply = Path(folder, "reply.json")
        process = start_supervised(
            [str(app.python), str(_PROBE), str(reply), app.target],
            directory=app.place.directory,
            environment=runtime.variables("init"),
            cpus=os.sched_getaffinity(0),
            log_path=Path(folder, "log"),
        )
        try:
            status = process.wait(IMPORT_LIMIT_S)
            last_line = process.log_tail(1)
        finally:
            process.stop()
        if status != 0 or not reply.exists():
            ended = last_line or f"importing it ended with status {status}"
            return replace(app, problem=_NOT_DONE if status is None else ended)
        found = json.loads(reply.read_text(encoding="utf-8"))
    return replace(
        app,
        definition=replace(app.definition, framework=found["framework"]),
        routes=tuple(Route(**route | {"methods": tuple(route["methods"])}) for route in found["routes"]),
        installed=frozenset(found["installed"]),
    )
