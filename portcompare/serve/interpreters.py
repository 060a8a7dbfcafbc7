"""Asking the interpreters that serve: what they are, what is installed, whether apps can be imported."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from portcompare.serve.processes import start_supervised, stop_all
from portcompare.serve.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portcompare.serve.processes import Supervised

ANSWER_LIMIT_S = 20.0
"""How long an interpreter may take to answer, the import of an app included, in seconds."""

_SCRIPT = Path(__file__).with_name("import_check.py")

_FRAMEWORKS = {"wsgi": ("flask", "werkzeug"), "asgi": ("quart", "flask", "werkzeug")}
_ALL_FRAMEWORKS = tuple(dict.fromkeys(name for names in _FRAMEWORKS.values() for name in names))


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """An interpreter that serves."""

    name: str  # Its name and version, such as "CPython 3.11.7"
    version: tuple[int, int]  # The version's first two numbers
    versions: Mapping[str, str]  # Of the distributions that matter, as far as they are installed there


_INTERPRETER = TypeAdapter(Interpreter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What came of asking an interpreter."""

    recipes: tuple[Recipe, ...]  # The deployments that it serves in the same surroundings
    interpreter: Interpreter | None  # What it is; None if it did not tell
    problem: str | None  # Why it did not tell, or the app cannot be imported; None if all is well


def has_interpreter(recipe: Recipe) -> bool:
    """Whether it is known which interpreter serves a deployment, or is at hand for its commands."""
    return recipe.by_registry is not None or recipe.app.python is not None


def wanted_distributions(recipe: Recipe) -> tuple[str, ...]:
    """The distributions whose versions matter for a deployment."""
    if recipe.by_registry is None:
        return _ALL_FRAMEWORKS
    served = recipe.by_registry
    return (*_FRAMEWORKS[served.interface], *served.distributions, *served.accelerators)


def ask_interpreters(recipes: Mapping[str, Recipe], *, with_import: bool) -> list[Asked]:
    """Ask the interpreter of each deployment, once for all that are served alike, all at the same time."""
    distributions = ",".join(
        dict.fromkeys(name for recipe in recipes.values() for name in wanted_distributions(recipe))
    )
    groups: dict[tuple[object, ...], dict[str, Recipe]] = {}
    for arm, recipe in recipes.items():
        imported = _imported(recipe) if with_import else ""
        factory = recipe.app.target if imported else None
        groups.setdefault((imported, factory, *_surroundings(recipe)), {})[arm] = recipe
    with TemporaryDirectory() as folder, ExitStack() as stack:
        checks: list[tuple[Path, Supervised]] = []
        stack.callback(lambda: stop_all(check for _, check in checks))
        for (target, *_), group in groups.items():
            arm, recipe = next(iter(group.items()))
            facts_path = Path(folder, str(len(checks)))
            arguments = [str(facts_path), str(target), distributions]
            checks.append((facts_path, _start(recipe, arm, arguments, facts_path.with_suffix(".log"))))
        deadline_s = time.monotonic() + ANSWER_LIMIT_S
        return [
            _read(tuple(group.values()), facts_path, check, deadline_s)
            for group, (facts_path, check) in zip(groups.values(), checks, strict=True)
        ]


def _imported(recipe: Recipe) -> str:
    has_setup = recipe.app.setup or recipe.app.block_setup
    return "" if recipe.by_registry is None or has_setup else recipe.by_registry.target


def _surroundings(recipe: Recipe) -> Iterable[object]:
    """What makes an interpreter answer otherwise, so that it must be asked again."""
    surroundings = recipe.surroundings
    yield from (surroundings.python, surroundings.directory, surroundings.import_folders)
    yield from sorted(surroundings.added.items())


def _start(recipe: Recipe, arm: str, arguments: list[str], log_path: Path) -> Supervised:
    return start_supervised(
        [recipe.surroundings.python, str(_SCRIPT), *arguments],
        directory=recipe.surroundings.directory,
        environment=recipe.environment(arm),
        cpus=os.sched_getaffinity(0),
        log_path=log_path,
    )


def _read(recipes: tuple[Recipe, ...], facts_path: Path, check: Supervised, deadline_s: float) -> Asked:
    status = check.wait(max(deadline_s - time.monotonic(), 0))
    facts = facts_path.read_bytes() if facts_path.exists() else b""
    return Asked(
        recipes=recipes,
        interpreter=_INTERPRETER.validate_json(facts) if facts else None,
        problem=None if facts and status == 0 else _why_not(check, status),
    )


def _why_not(check: Supervised, status: int | None) -> str:
    if status is None:
        return f"not done after {ANSWER_LIMIT_S:g} s"
    return check.log_tail(1) or f"it ended with status {status}"
