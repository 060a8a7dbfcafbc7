"""What is found in made-up projects, without any project."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from portcompare.discover.apps import Found, FoundApp, Place
from portcompare.discover.definitions import Definition, Framework
from portcompare.discover.routes import Route
from portcompare.plan import Plan, load_plan
from portcompare.serve.servers import vocabulary


def make_app(framework: Framework, *routes: Route, problem: str = "") -> FoundApp:
    definition = Definition(framework=framework, file=Path("/project/app.py"), line=1, name="app")
    place = Place(directory=Path("/project"), module="app")
    return FoundApp(definition=definition, place=place, python=Path("python"), routes=routes, problem=problem)


def make_route(
    rule: str,
    *methods: str,
    path: str | None = "",
    parameter: str = "",
    kind: str = "int",
    **options: Any,  # noqa: ANN401 - further fields of a route
) -> Route:
    return Route(
        rule=rule,
        endpoint=rule.strip("/").replace("/", "_") or "index",
        methods=tuple(sorted({*(methods or ("GET",)), "HEAD", "OPTIONS"})),
        converters={parameter: kind} if parameter else {},
        path=rule if path == "" else path,
        **options,
    )


INDEX = make_route("/")
ITEM = make_route("/items/<int:n>", "GET", "PUT", path="/items/1", parameter="n")
ITEMS = make_route("/items", "GET", "POST")
HEALTH = make_route("/healthz")


def read_plan(text: str, folder: Path) -> Plan:
    path = folder / "plan.toml"
    path.write_text(text, encoding="utf-8", newline="")
    return load_plan(path, vocabulary())


EVERYTHING = frozenset(
    {"gunicorn", "gevent", "waitress", "uvicorn", "httptools", "uvloop", "hypercorn", "h11"}
)


def make_found(
    baseline: FoundApp, candidate: FoundApp | None = None, installed: frozenset[str] = EVERYTHING
) -> Found:
    return Found(
        project=Path("/project"),
        baseline=replace(baseline, installed=installed),
        candidate=candidate and replace(candidate, installed=installed),
        others=(),
        openapi=(),
        notes=(),
    )


PAIR = make_found(make_app("flask", INDEX), make_app("quart", INDEX))

FULL = make_found(
    make_app(
        "flask",
        HEALTH,
        INDEX,
        ITEM,
        ITEMS,
        make_route("/<even:n>", path=None, parameter="n", kind="even", regexes={"n": "[02468]+"}),
    ),
    make_app("quart", HEALTH, INDEX, ITEM, make_route("/new")),
)
ALONE = make_found(make_app("flask", INDEX))
