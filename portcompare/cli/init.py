"""`portcompare init`: a first plan for a project."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from rich.table import Table
from rich.text import Text
from typer import Argument

from portcompare.cli.options import (
    DEFAULT_PLAN,
    SCHEMA_VERSION,
    AsJson,
    print_json,
    print_line,
    print_note,
    writing,
)
from portcompare.discover.apps import FoundApp, look_at_project
from portcompare.discover.draft import (
    FLASK_LACKS,
    PORT_LACKS,
    Draft,
    DraftDeployment,
    RouteRequest,
    draft_plan,
)
from portcompare.discover.texts import locustfile_text, plan_text
from portcompare.errors import InputError, Problem, refuse
from portcompare.run.progress import make_spinner, out
from portcompare.units import count

_LOCUSTFILES = ("locustfile.py", "locustfile_portcompare.py")  # the second if the first exists without a plan
_FEW = 5  # requests that are named; the plan lists them all


def init(
    project: Annotated[
        Path, Argument(metavar="[FOLDER]", help="the project's folder", show_default="this one")
    ] = Path(),
    *,
    as_json: AsJson = False,
) -> None:
    """Find a Flask app, its Quart port and their routes, and write a first plan and locustfile for them."""
    folder = project.resolve()
    if not folder.is_dir():
        raise refuse(str(project), "there is no such folder", "name the folder that contains the Flask app")
    plan = folder / DEFAULT_PLAN
    locustfile, kept = _choose_locustfile(plan)
    with make_spinner() as steps:
        steps.add_task("reading the project, and importing its apps", total=None)
        draft = draft_plan(look_at_project(folder))
    texts = {
        plan: plan_text(draft, plan.parent, locustfile.name),
        locustfile: locustfile_text(draft, locustfile.name),
    }
    written = [path for path in texts if path not in kept]
    for path in written:
        with writing(str(path)):
            path.parent.mkdir(exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(texts[path])
    if as_json:
        print_json(_describe(draft, written, kept))
    else:
        _print(draft, written, kept)


def _choose_locustfile(plan: Path) -> tuple[Path, list[Path]]:
    """The locustfile to write, and the files that exist and are kept; a plan names the first locustfile."""
    paths = [plan.with_name(name) for name in (_LOCUSTFILES[:1] if plan.exists() else _LOCUSTFILES)]
    locustfile = next((path for path in paths if not path.exists()), paths[0])
    kept = [path for path in (plan, paths[0]) if path.exists()]
    if locustfile.exists():
        remedy = "move it away, or change it by hand"
        raise InputError(Problem(where=str(path), found="exists already", remedy=remedy) for path in kept)
    return locustfile, kept


def _print(draft: Draft, written: list[Path], kept: list[Path]) -> None:
    project, left_out = draft.found.project, draft.requests.left_out
    documents = [path.relative_to(project) for path in draft.found.openapi]
    document = documents[0] if documents else draft.requests.openapi
    rows = [
        ("baseline", _deployment_text(draft.baseline, draft)),
        ("candidate", _deployment_text(draft.candidate, draft)),
        *((f"scenario {scenario.name}", _few(scenario.requests)) for scenario in draft.scenarios),
        ("left out", _few([request for group in left_out.values() for request in group])),
        ("OpenAPI", str(document or "")),
    ]
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for label, text in rows:
        if text:
            table.add_row(Text(label, style="bold"), Text(text))
    out.print(table)
    for verb, path in [("written", path) for path in written] + [("kept as it is", path) for path in kept]:
        print_line(f"{verb}: {path.relative_to(project)}")
    for note in _notes(draft):
        print_note(f"note: {note}")
    for step in draft.to_install:
        print_line(f"first: {step}")
    change_folder = "" if project == Path.cwd() else f"cd {shlex.quote(str(project))} && "
    print_line(f"next: {change_folder}portcompare run")


def _deployment_text(deployment: DraftDeployment, draft: Draft) -> str:
    app = draft.apps[deployment.app]
    where = f"{app.definition.file.relative_to(draft.found.project)}:{app.definition.line}"
    known = count(sum(not route.is_static for route in app.routes), "route")
    routes = "routes unknown" if app.problem else known
    python = "" if app.runs_in_ours else f", {app.python}"
    return f"{app.target} ({where}, {routes}) on {deployment.server}{python}"


def _few(requests: Sequence[RouteRequest]) -> str:
    more = len(requests) - _FEW
    return ", ".join(map(str, requests[:_FEW])) + (f", and {more} more" if more > 0 else "")


def _notes(draft: Draft) -> list[str]:
    notes = [
        f"{app.target} could not be imported: {app.problem}. Complete [apps.{name}] in the plan"
        for name, app in draft.apps.items()
        if app.problem
    ]
    for reason, side in ((PORT_LACKS, "the port lacks"), (FLASK_LACKS, "the Flask app lacks")):
        if reason in draft.requests.left_out:
            missing = _few(draft.requests.left_out[reason])
            notes.append(f"{side} {missing}: not compared until you enable it in the plan")
    if draft.found.candidate is None:
        notes.append("there is no Quart app: the Flask app is compared with itself, on gevent")
    return [*notes, *draft.found.notes]


def _describe(draft: Draft, written: list[Path], kept: list[Path]) -> dict[str, Any]:
    found = draft.found
    return {
        "schema_version": SCHEMA_VERSION,
        "baseline": _describe_app(found.baseline),
        "candidate": _describe_app(found.candidate) if found.candidate else None,
        "others": [{"file": str(each.file), "line": each.line, "name": each.name} for each in found.others],
        "notes": _notes(draft),
        "to_install": list(draft.to_install),
        "written": [str(path) for path in written],
        "left": [str(path) for path in kept],
    }


def _describe_app(app: FoundApp) -> dict[str, Any]:
    routes = [{"rule": route.rule, "methods": route.methods, "path": route.path} for route in app.routes]
    described = {"target": app.target, "python": str(app.python), "problem": app.problem, "routes": routes}
    return described | {"file": str(app.definition.file), "line": app.definition.line}
