"""What can be wrong before anything is started, all of it at once."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from portcompare.errors import Problem
from portcompare.plan import find_upstreams, with_addresses
from portcompare.serve.cpus import find_cpu_problems
from portcompare.serve.interpreters import Asked, ask_interpreters, has_interpreter
from portcompare.serve.ports import why_unusable
from portcompare.serve.recipe import Recipe, resolve_deployment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from portcompare.plan import Plan

NOT_YET = "http://127.0.0.1:9"
"""Address of each upstream as long as none is started: apps are imported with it, and nobody is there."""

URL_LIMIT_S = 5.0
"""How long a server that runs already may take to answer, in seconds."""


def preflight(plan: Plan) -> list[Problem]:
    """Find everything that would keep the plan's arms, and their upstreams, from being served."""
    upstreams = find_upstreams(plan)
    plan = with_addresses(plan, dict.fromkeys(upstreams, NOT_YET))
    arms = {name: name for name in upstreams} | {arm.deployment: arm.name for arm in reversed(plan.arms)}
    names = dict.fromkeys((*(arm.deployment for arm in plan.arms), *upstreams))
    recipes = {arms[name]: resolve_deployment(plan, name) for name in names}
    at_hand = {
        arm: recipe
        for arm, recipe in recipes.items()
        if has_interpreter(recipe)
        and why_no_interpreter(recipe.surroundings.python) is None
        and recipe.surroundings.directory.is_dir()
    }
    asked = ask_interpreters(at_hand, with_import=True)
    return [
        *_missing_interpreters(plan, recipes.values()),
        *_missing_packages(plan, asked),
        *_foreign_host(plan, recipes.values()),
        *_unusable_ports(plan, recipes.values()),
        *find_cpu_problems(plan),
        *_missing_directories(plan, recipes.values()),
        *_missing_programs(plan, recipes),
        *_unreachable(plan, recipes.values()),
        *_broken_apps(plan, asked),
    ]


def why_no_interpreter(python: str) -> tuple[str, str] | None:
    """Find out whether a file could be an interpreter.

    Returns what was found, and what to do; None if it could.
    """
    path = Path(python)
    if path.is_dir():
        inside = next((one for one in (path / "bin" / "python", path / "python") if one.is_file()), None)
        remedy = f"name the interpreter in it, such as {inside}" if inside else "name an interpreter"
        return f"{path} is a directory", remedy
    if not path.is_file():
        remedy = "make the virtual environment, or name its interpreter relative to the plan file"
        return f"there is no {path}", remedy
    if not os.access(path, os.X_OK):
        return f"{path} cannot be executed", "name an interpreter"
    return None


def _missing_interpreters(plan: Plan, recipes: Iterable[Recipe]) -> Iterator[Problem]:
    for recipe in _once_an_app(recipes):
        reason = why_no_interpreter(recipe.surroundings.python) if recipe.app.python is not None else None
        if reason:
            found, remedy = reason
            yield Problem(where=_of_app(plan, recipe, "python"), found=found, remedy=remedy)


def _once_an_app(recipes: Iterable[Recipe]) -> list[Recipe]:
    return list({recipe.deployment.app: recipe for recipe in recipes}.values())


def _of_app(plan: Plan, recipe: Recipe, key: str) -> str:
    return plan.where("apps", str(recipe.deployment.app), key)


def _missing_packages(plan: Plan, asked: Iterable[Asked]) -> Iterator[Problem]:
    found = {recipe.name: (recipe, one.interpreter) for one in asked for recipe in one.recipes}
    for name, (recipe, interpreter) in found.items():
        if recipe.by_registry is None or interpreter is None:
            continue
        missing = [one for one in recipe.by_registry.distributions if one not in interpreter.versions]
        if missing:
            python = recipe.surroundings.python
            yield Problem(
                where=plan.where("deployments", name, "server"),
                found=f"{recipe.deployment.server} needs {' and '.join(missing)}, "
                f"not installed for {python} ({interpreter.name})",
                remedy=f"{python} -m pip install {' '.join(missing)}",
            )


def _foreign_host(plan: Plan, recipes: Iterable[Recipe]) -> Iterator[Problem]:
    reason = why_unusable(str(plan.host), 0)
    if reason and any(recipe.url is None for recipe in recipes):
        yield Problem(
            where=plan.where("host"),
            found=f"{plan.host} cannot be listened on: {reason}",
            remedy="give an address of this machine, or leave the key out for 127.0.0.1",
        )


def _unusable_ports(plan: Plan, recipes: Iterable[Recipe]) -> Iterator[Problem]:
    users: dict[int, str] = {}
    for recipe in recipes:
        port = recipe.deployment.port
        if port is None:
            continue
        first = users.setdefault(port, recipe.name)
        reason = (
            f"deployments.{first} has it too" if first != recipe.name else why_unusable(recipe.host, port)
        )
        if reason:
            yield Problem(
                where=plan.where("deployments", recipe.name, "port"),
                found=f"port {port} cannot be used: {reason}",
                remedy="choose another port, or leave the key out for a free one",
            )


def _missing_directories(plan: Plan, recipes: Iterable[Recipe]) -> Iterator[Problem]:
    for recipe in _once_an_app(recipes):
        directory = recipe.surroundings.directory
        if recipe.deployment.app is not None and not directory.is_dir():
            yield Problem(
                where=_of_app(plan, recipe, "directory"),
                found=f"there is no directory {directory}",
                remedy="name the directory that the app is imported from, relative to the plan file",
            )
        for place, folder in enumerate(recipe.app.pythonpath):
            if not plan.resolve(folder).exists():
                yield Problem(
                    where=_of_app(plan, recipe, f"pythonpath.{place}"),
                    found=f"there is no {plan.resolve(folder)}",
                    remedy="name a folder to import from, relative to the plan file",
                )


def _missing_programs(plan: Plan, recipes: Mapping[str, Recipe]) -> Iterator[Problem]:
    for arm, recipe in recipes.items():
        if recipe.deployment.command is None or not recipe.surroundings.directory.is_dir():
            continue
        program = recipe.command("0", arm)[0]
        path = recipe.environment(arm).get("PATH")
        # A path with a slash in it is looked for from the working directory, as the system does.
        name = str(recipe.surroundings.directory / program) if "/" in program else program
        if shutil.which(name, path=path) is None:
            yield Problem(
                where=plan.where("deployments", recipe.name, "command"),
                found=f"there is no program {program!r}",
                remedy=f"name one in PATH, or its path, absolute or from {recipe.surroundings.directory}",
            )


def _unreachable(plan: Plan, recipes: Iterable[Recipe]) -> Iterator[Problem]:
    with httpx.Client(trust_env=False, timeout=URL_LIMIT_S) as client:
        for recipe in recipes:
            reason = _why_unreachable(client, recipe) if recipe.url is not None else None
            if reason:
                yield Problem(
                    where=plan.where("deployments", recipe.name, "url"),
                    found=f"GET {recipe.url}{recipe.app.ready_target} {reason}",
                    remedy="start that server first, or correct its address; "
                    "portcompare only measures what runs there",
                )


def _why_unreachable(client: httpx.Client, recipe: Recipe) -> str | None:
    try:
        with client.stream("GET", f"{recipe.url}{recipe.app.ready_target}") as answer:
            status = answer.status_code
    except (httpx.TransportError, httpx.InvalidURL) as error:
        return f"had no answer: {str(error) or type(error).__name__}"
    return None if recipe.app.is_ready(status) else f"was answered {status}: it is not ready"


def _broken_apps(plan: Plan, asked: Iterable[Asked]) -> Iterator[Problem]:
    for one in asked:
        recipe = one.recipes[0]
        python, directory = recipe.surroundings.python, recipe.surroundings.directory
        if one.interpreter is None:
            yield Problem(
                where=_of_app(plan, recipe, "python"),
                found=f"{python} cannot be used: {one.problem}",
                remedy="name an interpreter of Python 3.8 or later",
            )
        elif one.problem is not None:
            target = recipe.app.target or ""
            module = target.partition(":")[0]
            yield Problem(
                where=_of_app(plan, recipe, "target"),
                found=f"{target!r} cannot be served: {one.problem}",
                remedy=f"correct the target, or the app until this works: "
                f"cd {directory} && {python} -c 'import {module}'",
            )
