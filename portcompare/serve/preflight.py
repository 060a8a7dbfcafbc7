"""What can be wrong before anything is started, all of it at once."""

from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from portcompare.errors import Problem
from portcompare.serve.cpus import find_cpu_problems
from portcompare.serve.ports import why_unusable
from portcompare.serve.recipe import Recipe, resolve_deployment
from portcompare.serve.supervise import Supervised, start_supervised, stop_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portcompare.plan import Plan

IMPORT_LIMIT_S = 20.0
"""How long an app may take to be imported, in seconds."""

_IMPORT_CHECK = Path(__file__).with_name("import_check.py")


def preflight(plan: Plan) -> list[Problem]:
    """Find everything that would keep the plan's arms from being served.

    Args:
        plan: The plan; deployments that are no arms are not looked at.

    Returns:
        What is wrong; empty if nothing is.
    """
    names = dict.fromkeys(arm.deployment for arm in plan.arms)
    recipes = [resolve_deployment(plan, name) for name in names]
    return [
        *_missing_packages(plan, recipes),
        *_foreign_host(plan),
        *_unusable_ports(plan, recipes),
        *find_cpu_problems(plan),
        *_missing_directories(plan, recipes),
        *_broken_apps(plan, [recipe for recipe in recipes if recipe.directory.is_dir()]),
    ]


def _missing_packages(plan: Plan, recipes: list[Recipe]) -> Iterator[Problem]:
    for recipe in recipes:
        missing = [name for name in recipe.distributions if not _is_installed(name)]
        if missing:
            yield Problem(
                where=plan.where("deployments", recipe.name, "server"),
                found=f"{recipe.deployment.server} needs {' and '.join(missing)}, not installed here",
                remedy=f"pip install {' '.join(missing)}",
            )


def _is_installed(distribution: str) -> bool:
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True


def _foreign_host(plan: Plan) -> Iterator[Problem]:
    reason = why_unusable(str(plan.host), 0)
    if reason:
        yield Problem(
            where=plan.where("host"),
            found=f"{plan.host} cannot be listened on: {reason}",
            remedy="give an address of this machine, or leave the key out for 127.0.0.1",
        )


def _unusable_ports(plan: Plan, recipes: list[Recipe]) -> Iterator[Problem]:
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


def _missing_directories(plan: Plan, recipes: list[Recipe]) -> Iterator[Problem]:
    apps = {recipe.deployment.app: recipe for recipe in recipes}
    for name, recipe in apps.items():
        if not recipe.directory.is_dir():
            yield Problem(
                where=plan.where("apps", name, "directory"),
                found=f"there is no directory {recipe.directory}",
                remedy="name the directory that the app is imported from, relative to the plan file",
            )


def _broken_apps(plan: Plan, recipes: list[Recipe]) -> Iterator[Problem]:
    """Import each app in each environment that it is served in, all at the same time."""
    imports = {
        (recipe.deployment.app, *sorted(recipe.deployment.environment.items())): recipe for recipe in recipes
    }
    with TemporaryDirectory() as folder, ExitStack() as stack:
        checks: list[tuple[Recipe, Supervised]] = []
        stack.callback(lambda: stop_all(check for _, check in checks))
        for recipe in imports.values():
            checks.append((recipe, _start_import(recipe, Path(folder, str(len(checks))))))
        deadline_s = time.monotonic() + IMPORT_LIMIT_S
        for recipe, check in checks:
            status = check.wait(max(deadline_s - time.monotonic(), 0))
            if status != 0:
                yield _import_problem(plan, recipe, check, status)


def _start_import(recipe: Recipe, log_path: Path) -> Supervised:
    return start_supervised(
        [sys.executable, "-P", str(_IMPORT_CHECK), recipe.app.target],
        directory=recipe.directory,
        environment=recipe.environment(),
        cpus=os.sched_getaffinity(0),
        log_path=log_path,
    )


def _import_problem(plan: Plan, recipe: Recipe, check: Supervised, status: int | None) -> Problem:
    target = recipe.app.target
    reason = f"not done after {IMPORT_LIMIT_S:g} s" if status is None else check.log_tail(1)
    module = target.partition(":")[0]
    return Problem(
        where=plan.where("apps", recipe.deployment.app, "target"),
        found=f"{target!r} cannot be served: {reason or f'importing it ended with status {status}'}",
        remedy=f"correct the target, or the app until this works: "
        f"cd {recipe.directory} && {sys.executable} -c 'import {module}'",
    )
