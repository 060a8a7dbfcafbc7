"""Looking at a project: its apps, which of them are the two sides, and what else a plan needs."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from portcompare.discover.reading import find_apps
from portcompare.discover.records import Found
from portcompare.discover.routes import ask_app
from portcompare.errors import InputError, Problem
from portcompare.serve import SERVERS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from portcompare.discover.records import FoundApp, Framework, Sighting


MOST_FILES = 2000
"""Files that are looked at, the nearest to the project's folder first: parsing takes about 3 ms each."""

MOST_BYTES = 1_000_000
"""What is larger was not written by hand."""

_SKIPPED = frozenset(
    {"build", "dist", "loadtests", "migrations", "node_modules", "runs", "site-packages", "test", "tests"}
)

_OPENAPI = frozenset({"openapi.json", "openapi.yaml", "openapi.yml"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFiles:
    """The files of a project that are worth reading, the nearest first."""

    python: tuple[Path, ...]  # Python modules that are no tests
    openapi: tuple[Path, ...]  # Files that are named as OpenAPI documents are
    complete: bool  # Whether these are all there are, and not only the first


def list_files(project: Path) -> ProjectFiles:
    """List the files of a project, without tests, virtual environments and what others have written."""
    python: list[Path] = []
    openapi: list[Path] = []
    folders = [project]
    complete = True
    for folder in folders:  # grows as it goes: level by level
        for entry in _entries(folder):
            path = folder / entry.name
            if entry.is_dir(follow_symlinks=False):
                if not _is_skipped(path):
                    folders.append(path)
            elif entry.name in _OPENAPI:
                openapi.append(path)
            elif _is_module(entry):
                python.append(path)
        if len(python) > MOST_FILES:
            complete = False
            break
    return ProjectFiles(python=tuple(python[:MOST_FILES]), openapi=tuple(openapi), complete=complete)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except PermissionError:
        return []  # as below


def _is_skipped(folder: Path) -> bool:
    return (
        folder.name.startswith((".", "__"))
        or folder.name in _SKIPPED
        or (folder / "pyvenv.cfg").exists()  # a virtual environment, whatever it is called
    )


def _is_module(entry: os.DirEntry[str]) -> bool:
    name = entry.name
    return (
        name.endswith(".py")
        and not name.startswith("test_")
        and not name.endswith("_test.py")
        and name != "conftest.py"
        and entry.is_file()
        and os.access(entry.path, os.R_OK)  # what this user cannot read cannot be served by this user either
        and entry.stat().st_size <= MOST_BYTES
    )


MOST_ASKED = 3
"""So many apps of each framework are imported, the likeliest: each takes about a second."""

_USUAL_FILES = ("wsgi", "asgi", "app", "main", "server", "application", "__init__")
_USUAL_NAMES = ("app", "application", "create_app", "make_app")
_ASIDE = frozenset({"benchmarks", "demo", "doc", "docs", "example", "examples", "sandbox", "scripts"})

_OPENAPI_3 = re.compile(r"""\bopenapi["']?\s*:\s*["']?3\.""")


def look_at_project(project: Path) -> Found:
    """Look for a Flask app and its Quart port, and ask both for their routes.

    Raises InputError: there is no Flask app.
    """
    files = list_files(project)
    sightings, unreadable = find_apps(files.python)
    ranked = sorted(sightings, key=lambda sighting: _rank(sighting, project))
    of = {name: [each for each in ranked if each.framework == name] for name in ("flask", "quart")}
    if not of["flask"]:
        raise InputError([_no_flask(project, of["quart"], len(files.python), unreadable)])
    flasks = [ask_app(each, project) for each in of["flask"][:MOST_ASKED]]
    quarts = [ask_app(each, project) for each in of["quart"][:MOST_ASKED]]
    baseline, candidate = _choose(flasks, quarts)
    chosen = [baseline.sighting, *([candidate.sighting] if candidate else [])]
    limit = f"only the first {MOST_FILES} Python files were looked at"
    return Found(
        project=project,
        baseline=baseline,
        candidate=candidate,
        others=tuple(sighting for sighting in ranked if sighting not in chosen),
        openapi=tuple(path for path in files.openapi if _is_openapi(path)),
        notes=(*unreadable, *(() if files.complete else (limit,))),
    )


def _rank(sighting: Sighting, project: Path) -> tuple[object, ...]:
    """What sorts the likelier app first: one like those that servers are usually pointed at."""
    inside = sighting.file.relative_to(project)
    return (
        bool(sighting.needs),
        not _ASIDE.isdisjoint(inside.parts[:-1]),
        inside.stem not in _USUAL_FILES,
        sighting.name not in _USUAL_NAMES,
        sighting.is_factory,
        len(inside.parts),
        str(inside),
        sighting.line,
    )


def _choose(flasks: Sequence[FoundApp], quarts: Sequence[FoundApp]) -> tuple[FoundApp, FoundApp | None]:
    """The two sides: of all pairs the one with most routes in common; both lists begin with the likeliest."""
    if not quarts:
        return min(flasks, key=lambda app: (bool(app.problem), not app.routes)), None

    def unlikeliness(pair: tuple[FoundApp, FoundApp]) -> tuple[int, int]:
        return sum(bool(app.problem) for app in pair), -len(_rules(pair[0]) & _rules(pair[1]))

    return min(product(flasks, quarts), key=unlikeliness)


def _rules(app: FoundApp) -> set[tuple[str, str]]:
    return {(route.rule, method) for route in app.routes for method in route.methods if not route.is_static}


def _is_openapi(path: Path) -> bool:
    """Whether a document is OpenAPI 3: what came before it is another format."""
    return _OPENAPI_3.search(path.read_text(encoding="utf-8", errors="replace")) is not None


def _no_flask(project: Path, quarts: Sequence[Sighting], files: int, notes: Sequence[str]) -> Problem:
    where = (
        "name the folder that holds it, `portcompare init FOLDER`, or write the plan by hand: docs/plan.md"
    )
    if quarts:
        seen = ", ".join(f"{each.name} in {each.file.relative_to(project)}:{each.line}" for each in quarts)
        found = f"there is a Quart app ({seen}), and no Flask app to compare it with"
    else:
        found = f"no Flask app in {files} Python files (tests are not looked at)"
    return Problem(where=str(project), found="; ".join([found, *notes]), remedy=where)


PREFERRED: dict[Framework, tuple[str, ...]] = {
    "flask": ("gunicorn", "waitress"),
    "quart": ("uvicorn", "hypercorn"),
}
"""The servers that are looked for, the most usual first; hypercorn comes with Quart."""

WITHOUT_PORTING = "gunicorn-gevent"
"""What serves many Flask requests at once without a port."""

INTERFACES = {"flask": "wsgi", "quart": "asgi"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A server for an app."""

    server: str  # Its name
    missing: tuple[str, ...]  # The distributions that are still to be installed for it


def choose_server(framework: Framework, installed: AbstractSet[str]) -> Choice:
    """Choose a server for an app."""
    choices = [look_at_server(name, installed) for name in PREFERRED[framework]]
    return next((choice for choice in choices if not choice.missing), choices[0])


def look_at_server(name: str, installed: AbstractSet[str]) -> Choice:
    """See what a server lacks to be run."""
    return Choice(server=name, missing=tuple(need for need in _needs(name) if need not in installed))


def _needs(name: str) -> tuple[str, ...]:
    server = SERVERS[name]
    has_uvloop = any(serving.defaults.loop == "uvloop" for serving in server.interfaces.values())
    return (*server.distributions, *(("uvloop",) if has_uvloop else ()))
