"""Looking at a project: its apps, which of them are the two sides, and what else a plan needs."""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING

from portcompare.discover.asking import ask_app
from portcompare.discover.files import MOST_FILES, list_files
from portcompare.discover.reading import find_apps
from portcompare.discover.records import Found
from portcompare.errors import InputError, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from portcompare.discover.records import FoundApp, Sighting

MOST_ASKED = 3
"""So many apps of each framework are imported, the likeliest: each takes about a second."""

_USUAL_FILES = ("wsgi", "asgi", "app", "main", "server", "application", "__init__")
_USUAL_NAMES = ("app", "application", "create_app", "make_app")
_ASIDE = frozenset({"benchmarks", "demo", "doc", "docs", "example", "examples", "sandbox", "scripts"})

_OPENAPI_3 = re.compile(r"""\bopenapi["']?\s*:\s*["']?3\.""")


def look_at_project(project: Path) -> Found:
    """Look for a Flask app and its Quart port, and ask both for their routes.

    Args:
        project: The project's folder, absolute.

    Returns:
        What was found.

    Raises:
        InputError: There is no Flask app.
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
