"""The port of a Flask project to Quart, made by rule: nothing of the project is run."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from portcompare.errors import refuse
from portcompare.port.colour import Colours
from portcompare.port.facts import Facts
from portcompare.port.helper import HELPER, NEEDED_PARTS
from portcompare.port.inference import Inference
from portcompare.port.plan import Planner, Todo
from portcompare.port.project import LIBRARY_NAMES, find_parts, read_modules
from portcompare.port.records import Left, Port, PortedRoute, Route
from portcompare.port.rewrite import rewrite
from portcompare.port.sources import Module
from portcompare.port.tables import BY_HAND


def port_project(project: Path) -> Port | None:
    """Port a project; nothing is written. None if it is Quart already.

    Raises InputError if there is no app.
    """
    modules, unread = read_modules(project)
    facts = _collect_facts(modules)
    home = next(
        (module for module in modules if not module.is_test and facts.inference.makes_app(module)), None
    )
    if home is None:
        if any(map(_is_quart, modules)):
            return None
        found = "; ".join(["there is no Flask app", *(f"{one.place} {one.why}" for one in unread)])
        imported = {name.partition(".")[0] for each in modules for name in each.scope.imports.values()}
        other = next((f"{name}: {BY_HAND[name][0]}" for name in sorted(imported & BY_HAND.keys())), "")
        raise refuse(str(project), found, other or "name the folder that contains it")
    colours = Colours(facts)
    colours.solve()
    package = home.name if home.is_package else home.name.rpartition(".")[0]
    planner = Planner(colours, f"{package}.{HELPER}" if package else HELPER)
    edits = {module: planner.plan(module) for module in modules if not _is_quart(module)}
    files = {
        module.path: rewrite(module.text.encode(module.encoding), edit)
        for module, edit in edits.items()
        if edit
    }
    lines = {
        module.path: _count_lines(module, files[module.path]) for module in modules if module.path in files
    }
    parts = planner.helpers | find_parts(project, modules)
    parts |= {"threads"} if any(scope in colours.in_thread for scope in facts.callbacks) else set()
    parts |= {each for part in parts for each in NEEDED_PARTS.get(part, ())}
    files[(Path(home.path).parent / f"{HELPER}.py").as_posix()] = _helper_text(parts).encode()
    uses_httpx = any(b"httpx" in text for text in files.values())
    return Port(
        files=files,
        app=f"{home.name}:{_name_app(facts, home)}",
        routes=tuple(_ported(route, colours, planner.todos) for route in facts.routes.found),
        left=(
            *unread,
            *(Left(why=todo.why, place=f"{todo.scope.module.path}:{todo.line}") for todo in planner.todos),
        ),
        lines=lines,
        requirements=("quart", "httpx") if uses_httpx else ("quart",),
    )


def _collect_facts(modules: Sequence[Module]) -> Facts:
    names = {module.name: module for module in reversed(modules)}
    for module in modules:  # also as they are called where folders without __init__.py are packages
        parts = module.path.removesuffix(".py").split("/")
        for name in (".".join(parts[start:]) for start in range(len(parts))):
            if name not in LIBRARY_NAMES:
                names.setdefault(name, module)
    inference = Inference(names)
    inference.solve()
    facts = Facts(inference)
    facts.collect(modules)
    return facts


def _name_app(facts: Facts, home: Module) -> str:
    """The name of an app in its module, or the call that makes one."""
    names = (name for name in sorted(home.scope.bound) if facts.inference.is_app(name, home.scope))
    made = (name for name, each in home.scope.inner.items() if "flask.Flask" in facts.returned_kinds(each))
    return next(names, "") or next((f"{name}()" for name in made), "app")


def _is_quart(module: Module) -> bool:
    return re.search(r"^\s*(from|import) quart\b", module.text, re.MULTILINE) is not None


def _count_lines(module: Module, new: bytes) -> tuple[int, int]:
    """How many lines of a module a port removes and adds."""
    old_lines, new_lines = (Counter(text.splitlines()) for text in (module.text, new.decode(module.encoding)))
    return (old_lines - new_lines).total(), (new_lines - old_lines).total()


def _ported(route: Route, colours: Colours, todos: Iterable[Todo]) -> PortedRoute:
    functions = [route.view, *colours.decorated(route.view)]
    kept = {each: why for each, why in colours.facts.synchronous.items() if each not in colours.is_async}
    reason = next(filter(None, map((kept | colours.in_thread).get, functions)), None)
    outcome, why = ("in a thread", str(reason)) if reason else ("async", "")
    run = colours.reached_from([*functions, *colours.facts.hooks])
    left = next((todo for todo in todos if todo.scope in run), None)
    package = next((colours.facts.left[each] for each in run if each in colours.facts.left), "")
    if package:
        outcome, why = "by hand", f"{package} is left by hand"
    if left is not None:
        outcome, why = "by hand", f"{left.why} ({left.scope.module.path}:{left.line})"
    view = route.view
    return PortedRoute(
        rule=route.rule, methods=route.methods, view=view.label, place=view.place, outcome=outcome, why=why
    )


def _helper_text(parts: set[str]) -> str:
    text = _TEMPLATES.get_template("as_flask.py.j2").render(parts=parts)
    lines = text.splitlines()
    needed = [line for line in lines if not _IMPORT.match(line) or _is_used(line, text)]
    return re.sub(r"\n{3,}(?=from |import )", "\n\n", "\n".join(needed)) + "\n"


def _is_used(line: str, text: str) -> bool:
    name = line.rsplit(maxsplit=1)[-1]
    return re.search(rf"(?<!import )(?<!as )\b{re.escape(name)}\b", text.replace(line, "")) is not None


_IMPORT = re.compile(r"(from|import) ")


_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=select_autoescape(),  # for none of them
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
