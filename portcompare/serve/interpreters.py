"""The interpreters that serve: what they are, what is installed there, whether apps can be imported."""

import os
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import TypeAdapter

from portcompare.records.requests import Route
from portcompare.serve.processes import Supervised, start_supervised, stop_all
from portcompare.serve.recipe import FRAMEWORKS, Recipe
from portcompare.serve.servers import APP_PYTHON

_SCRIPT = APP_PYTHON / "portcompare_import_check.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """An interpreter that serves."""

    name: str  # name and version, such as "CPython 3.11.7"
    version: tuple[int, int]
    versions: Mapping[str, str]  # of the distributions that matter, where installed
    gil: str = "on"  # as it starts: "on", "off", or "on (free-threaded build)"
    interface: str | None = None  # of the app, "wsgi" or "asgi"; None if it was not imported
    routes: tuple[Route, ...] | None = None  # of the app; None if it has no table of them


@dataclass(frozen=True, slots=True, kw_only=True)
class InterpreterCheck:
    """The result of checking an interpreter."""

    recipes: tuple[Recipe, ...]  # the deployments that it serves in the same runtime environment
    interpreter: Interpreter | None  # None if it could not be run
    problem: str | None  # why it could not be run, or the app not be imported


def has_interpreter(recipe: Recipe) -> bool:
    """Whether it is known which interpreter serves a deployment, or runs its commands."""
    return recipe.config is not None or recipe.app.python is not None


def wanted_distributions(recipe: Recipe) -> tuple[str, ...]:
    """The distributions whose versions matter for a deployment."""
    config = recipe.config
    if config is None:
        return FRAMEWORKS["asgi"]  # all of them
    return (*FRAMEWORKS[config.interface], *config.distributions, *config.server.accelerators)


def check_interpreters(recipes: Mapping[str, Recipe], *, with_import: bool) -> list[InterpreterCheck]:
    """Check the interpreter of each arm's deployment, once for those that run alike, all at the same time.

    `with_import`: import the apps, too, but for those whose setup may have to run first.
    """
    distributions = {name for recipe in recipes.values() for name in wanted_distributions(recipe)}
    groups: dict[object, dict[str, Recipe]] = {}
    for arm, recipe in recipes.items():
        # What distinguishes deployments whose checks may end differently.
        runtime, imported = recipe.runtime, (_imported(recipe), recipe.app.target) if with_import else None
        added = tuple(sorted(runtime.added.items()))
        key = imported, runtime.python, runtime.directory, runtime.import_folders, added
        groups.setdefault(key, {})[arm] = recipe
    with TemporaryDirectory() as folder, ExitStack() as stack:
        checks: list[tuple[Path, Supervised]] = []
        stack.callback(lambda: stop_all(check for _, check in checks))
        for group in groups.values():
            arm, recipe = next(iter(group.items()))
            facts_path = Path(folder, str(len(checks)))
            target = _imported(recipe) if with_import else ""
            check = start_supervised(
                [recipe.runtime.python, str(_SCRIPT), str(facts_path), target, ",".join(distributions)],
                directory=recipe.runtime.directory,
                environment=recipe.variables(arm),
                cpus=os.sched_getaffinity(0),
                log_path=facts_path.with_suffix(".log"),
            )
            checks.append((facts_path, check))
        began_s = time.monotonic()
        return [
            _read(tuple(group.values()), facts_path, check, began_s)
            for group, (facts_path, check) in zip(groups.values(), checks, strict=True)
        ]


def _imported(recipe: Recipe) -> str:
    """The target to import; empty for none."""
    has_setup = recipe.app.setup or recipe.app.block_setup
    return "" if recipe.config is None or has_setup else recipe.config.target


def _read(
    recipes: tuple[Recipe, ...], facts_path: Path, check: Supervised, began_s: float
) -> InterpreterCheck:
    limit_s = max(recipe.app.ready_timeout_s for recipe in recipes)
    status = check.wait(max(began_s + limit_s - time.monotonic(), 0))
    facts = facts_path.read_bytes() if facts_path.exists() else b""
    problem = None
    if status is None:
        problem = f"it did not end within {limit_s:g} s"
    elif status != 0 or not facts:
        problem = check.log_tail(1) or f"it ended with status {status}"
    interpreter = TypeAdapter(Interpreter).validate_json(facts) if facts else None
    return InterpreterCheck(recipes=recipes, interpreter=interpreter, problem=problem)
