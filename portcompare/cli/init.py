"""`portcompare init`: a first plan for a project."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from portcompare.cli.options import DEFAULT_PLAN, AsJson
from portcompare.discover import draft_plan, locustfile_text, look_at_project, plan_text
from portcompare.errors import InputError, Problem
from portcompare.records.results import SCHEMA_VERSION
from portcompare.run.progress import err, make_spinner, out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portcompare.discover import Ask, Draft, FoundApp, Served

_LOCUSTFILES = ("locustfile.py", "locustfile_portcompare.py")
"""The second stands beside one that is there already, and knows nothing of the plan's scenarios."""

_FEW = 5
"""So many requests are named; of more, the plan has the list."""


def init(
    project: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="the project's folder", show_default="this one")
    ] = Path(),
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """Find a Flask app, its Quart port and their routes, and write a first plan and locustfile for them."""
    folder = project.resolve()
    if not folder.is_dir():
        remedy = "name the folder that holds the Flask app"
        raise InputError([Problem(where=str(project), found="there is no such folder", remedy=remedy)])
    plan = folder / DEFAULT_PLAN
    locustfile, left = _find_place(plan)
    with make_spinner() as steps:
        steps.add_task("reading the project, and importing its apps", total=None)
        draft = draft_plan(look_at_project(folder))
    texts = {
        plan: plan_text(draft, plan.parent, locustfile.name),
        locustfile: locustfile_text(draft, locustfile.name),
    }
    written = [_write_new(path, text) for path, text in texts.items() if path not in left]
    if as_json:
        out.print(json.dumps(_describe(draft, written, left), indent=2), soft_wrap=True, markup=False)
    else:
        _show(draft, written, left)


def _find_place(plan: Path) -> tuple[Path, list[Path]]:
    """Where the locustfile goes, and which files are there already; with a plan there is no choice."""
    names = _LOCUSTFILES[:1] if plan.exists() else _LOCUSTFILES
    paths = [plan.with_name(name) for name in names]
    locustfile = next((path for path in paths if not path.exists()), paths[0])
    left = [path for path in (plan, paths[0]) if path.exists()]
    if locustfile.exists():
        raise InputError(
            Problem(where=str(path), found="is there already", remedy="move it away, or change it by hand")
            for path in left
        )
    return locustfile, left


def _write_new(path: Path, text: str) -> Path:
    try:
        path.parent.mkdir(exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        remedy = "make the folder writable, or copy the project to one that is"
        problem = Problem(where=str(path), found=f"cannot be written: {error.strerror}", remedy=remedy)
        raise InputError([problem]) from error
    return path


def _show(draft: Draft, written: list[Path], left: list[Path]) -> None:
    """Print what was found, what was written, and what comes next."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for label, text in _rows(draft):
        table.add_row(Text(label, style="bold"), Text(text))
    out.print(table)
    project = draft.found.project
    for verb, paths in (("written", written), ("left as it is", left)):
        for path in paths:
            out.print(f"{verb}: {path.relative_to(project)}", soft_wrap=True, markup=False)
    for note in _notes(draft):
        err.print(f"note: {note}", soft_wrap=True, markup=False)
    there = "" if project == Path.cwd() else f"cd {shlex.quote(str(project))} && "
    for step in draft.to_install:
        out.print(f"first: {step}", soft_wrap=True, markup=False)
    out.print(f"next: {there}portcompare run", soft_wrap=True, markup=False)


def _rows(draft: Draft) -> list[tuple[str, str]]:
    sides = [("baseline", draft.baseline), ("candidate", draft.candidate)]
    rows = [(label, _side(served, draft)) for label, served in sides]
    rows += [(f"scenario {scenario.name}", _few(scenario.asks)) for scenario in draft.scenarios]
    asks = [ask for group in draft.asks.left_out.values() for ask in group]
    rows += [("not asked for", _few(asks))] if asks else []
    documents = [str(path.relative_to(draft.found.project)) for path in draft.found.openapi[:1]]
    document = next(iter(documents), draft.asks.openapi)
    return rows + ([("OpenAPI", document)] if document else [])


def _side(served: Served, draft: Draft) -> str:
    app = draft.apps[served.app]
    where = f"{app.sighting.file.relative_to(draft.found.project)}:{app.sighting.line}"
    count = sum(not route.is_static for route in app.routes)
    routes = "routes unknown" if app.problem else f"{count} route{'s' * (count != 1)}"
    python = "" if app.runs_in_ours else f", {app.python}"
    return f"{app.target} ({where}, {routes}) on {served.choice.server}{python}"


def _few(asks: Sequence[Ask]) -> str:
    more = len(asks) - _FEW
    return ", ".join(map(str, asks[:_FEW])) + (f", and {more} more" if more > 0 else "")


def _notes(draft: Draft) -> list[str]:
    found, asks = draft.found, draft.asks
    notes = [
        f"{app.target} could not be imported: {app.problem}. Complete [apps.{name}] in the plan"
        for name, app in draft.apps.items()
        if app.problem
    ]
    one_sided = (("the port lacks", asks.only_flask), ("the Flask app lacks", asks.only_quart))
    notes += [
        f"{what} {_few(missing)}: not compared before you switch it on in the plan"
        for what, missing in one_sided
        if missing
    ]
    alone = "there is no Quart app: the Flask app is compared with itself, on gevent"
    return [*notes, *([] if found.candidate else [alone]), *found.notes]


def _describe(draft: Draft, written: list[Path], left: list[Path]) -> dict[str, Any]:
    """The versioned machine form."""
    found = draft.found
    return {
        "schema_version": SCHEMA_VERSION,
        "baseline": _describe_app(found.baseline),
        "candidate": _describe_app(found.candidate) if found.candidate else None,
        "others": [{"file": str(each.file), "line": each.line, "name": each.name} for each in found.others],
        "notes": _notes(draft),
        "to_install": list(draft.to_install),
        "written": [str(path) for path in written],
        "left": [str(path) for path in left],
    }


def _describe_app(app: FoundApp) -> dict[str, Any]:
    return {
        "target": app.target,
        "file": str(app.sighting.file),
        "line": app.sighting.line,
        "python": str(app.python),
        "problem": app.problem,
        "routes": [
            {"rule": route.rule, "methods": route.methods, "path": route.path} for route in app.routes
        ],
    }
