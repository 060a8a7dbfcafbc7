"""`portcompare init`: a first plan for a project."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from rich.table import Table
from rich.text import Text
from typer import Option

from portcompare.cli.options import (
    DEFAULT_PLAN,
    SCHEMA_VERSION,
    AsJson,
    ProjectPath,
    find_project,
    print_json,
    print_line,
    print_next,
    print_note,
    writing,
)
from portcompare.discover.apps import FoundApp, look_at_project
from portcompare.discover.draft import CHANGES, Draft, DraftDeployment, RouteRequest, draft_plan
from portcompare.discover.texts import locustfile_text, plan_text, update_plan
from portcompare.errors import InputError, Problem, refuse
from portcompare.plan import load_plan
from portcompare.run.progress import make_spinner, out
from portcompare.serve.servers import vocabulary
from portcompare.units import count

_LOCUSTFILES = ("locustfile.py", "locustfile_portcompare.py")  # the second if the first exists without a plan
_MOST_NOTES = 10  # on what only one side accepts
_FEW = 5  # requests that are named; the plan lists them all


def init(
    project: ProjectPath = Path(),
    *,
    update: Annotated[
        bool, Option("--update", help="add a new port and new routes to the plan, and change nothing else")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Find a Flask app, its Quart port and their routes, and write a first plan and locustfile for them."""
    folder = find_project(project)
    plan = folder / DEFAULT_PLAN
    if update:
        _update(folder, plan, as_json=as_json)
        return
    locustfile, kept = _choose_locustfile(plan)
    draft = _look(folder)
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


def _look(folder: Path) -> Draft:
    with make_spinner() as steps:
        steps.add_task("reading the project, importing its apps, and trying their routes", total=None)
        return draft_plan(look_at_project(folder))


def _update(folder: Path, plan: Path, *, as_json: bool) -> None:
    """Add to a plan what is new; it is replaced only by a plan that can be read."""
    if not plan.exists():
        raise refuse(str(plan), "there is no plan to update", "write a first one: `portcompare init`")
    loaded = load_plan(plan, vocabulary())
    locustfile = loaded.resolve(loaded.locustfile)
    draft = _look(folder)
    text = plan.read_bytes().decode()
    known = locustfile.read_text(encoding="utf-8") if locustfile.exists() else ""
    changed, added = update_plan(text, plan_text(draft, plan.parent, locustfile.name), draft, known)
    if added:
        new = plan.with_name(f".{plan.name}.new")
        with writing(str(plan)):
            new.write_bytes(changed.encode())
            try:
                load_plan(new, vocabulary())
                new.replace(plan)
            finally:
                new.unlink(missing_ok=True)
    if as_json:
        print_json(_describe(draft, [plan] if added else [], [] if added else [plan]) | {"added": added})
        return
    for line in added:
        print_line(f"added: {line}")
    print_line(f"{'changed' if added else 'nothing to add'}: {plan.relative_to(folder)}")
    for note in _notes(draft):
        print_note(f"note: {note}")


def _choose_locustfile(plan: Path) -> tuple[Path, list[Path]]:
    """The locustfile to write, and the files that exist and are kept; a plan names the first locustfile."""
    paths = [plan.with_name(name) for name in (_LOCUSTFILES[:1] if plan.exists() else _LOCUSTFILES)]
    locustfile = next((path for path in paths if not path.exists()), paths[0])
    kept = [path for path in (plan, paths[0]) if path.exists()]
    if locustfile.exists():
        remedy = "`portcompare init --update` adds what is new to the plan; or move it away"
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
    print_next(project, "portcompare run")


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
    requests = draft.requests
    notes = [note for name, app in draft.apps.items() if (note := _import_note(name, app))]
    notes += [f"{each}: {each.note}" for each in requests.load if each.note.startswith("status ")]
    by_note: dict[str, list[RouteRequest]] = {}
    for request in requests.compared:
        by_note.setdefault(request.note, []).append(request)
    notes += [f"{note}: {_few(group)}" for note, group in list(by_note.items())[:_MOST_NOTES] if note]
    if len(by_note) > _MOST_NOTES:
        notes.append(f"{len(by_note) - _MOST_NOTES} more differences of routes are in [parity] of the plan")
    notes += [
        f"not compared until you enable it in the plan: {_few(group)}. {reason}"
        for reason, group in requests.left_out.items()
        if reason != CHANGES
    ]
    for found, routes in (
        ("WebSocket routes are not compared", requests.websockets),
        ("pages of documentation are left out", requests.documentation),
        (
            "all deployments may write to one SQLite file, the plan shows how each gets its own",
            draft.found.databases,
        ),
    ):
        notes += [f"{found}: {', '.join(map(str, routes))}"] if routes else []
    if draft.found.candidate is None:
        notes.append("there is no Quart app: the Flask app is compared with itself, on gevent")
    return [*notes, *draft.found.notes]


def _import_note(name: str, app: FoundApp) -> str:
    """What keeps an app from being imported, or would without placeholders; empty if nothing."""
    lacking = ", ".join(app.environment)
    if app.problem:
        remedy = f"Set {lacking}, and complete" if lacking else "Complete"
        return f"{app.target} could not be imported: {app.problem}. {remedy} [apps.{name}] in the plan"
    if not lacking:
        return ""
    line = f" ({app.place_of_problem})" if app.place_of_problem else ""
    return f"{app.target} needs {lacking}{line}: the plan has placeholders, set them in [apps.{name}]"


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
