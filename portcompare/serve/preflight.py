"""Everything that can be wrong before a server is started, all of it at once."""

import os
import shlex
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from portcompare.errors import MeasurementError, Problem
from portcompare.http.requests import http_request
from portcompare.http.sending import send_alone
from portcompare.plan import Plan
from portcompare.plan.apps import ARM
from portcompare.records.requests import Route
from portcompare.serve.extras import command_for_packages
from portcompare.serve.interpreters import InterpreterCheck, check_interpreters, has_interpreter
from portcompare.serve.ports import why_unusable
from portcompare.serve.recipe import Recipe, resolve_all

NO_UPSTREAM = "http://127.0.0.1:9"  # stands for each upstream while apps are imported: nothing listens there

URL_LIMIT_S = 5.0  # how long a server that already runs may take to respond


@dataclass(frozen=True, slots=True, kw_only=True)
class Preflight:
    """What is known before a server is started."""

    problems: tuple[Problem, ...]  # all that would keep arms and upstreams from being served
    routes: Mapping[str, tuple[Route, ...]]  # by app, of those that were imported and have a table of routes


def preflight(plan: Plan) -> Preflight:
    """Check the plan's arms and upstreams, and read the routes of the apps."""
    recipes = resolve_all(plan, NO_UPSTREAM)
    usable = {
        arm: recipe
        for arm, recipe in recipes.items()
        if has_interpreter(recipe)
        and why_no_interpreter(recipe.runtime.python) is None
        and recipe.runtime.directory.is_dir()
    }
    checks = check_interpreters(usable, with_import=True)
    problems = (
        *_app_problems(plan, recipes.values()),
        *_command_problems(plan, recipes),
        *_url_problems(plan, recipes.values()),
        *(problem for check in checks for problem in _interpreter_problems(plan, check)),
        *find_cpu_problems(plan),
        *_address_problems(plan, recipes.values()),
    )
    routes = {
        str(check.recipes[0].deployment.app): check.interpreter.routes
        for check in checks
        if check.interpreter is not None and check.interpreter.routes is not None
    }
    return Preflight(problems=problems, routes=routes)


def why_no_interpreter(python: str) -> tuple[str, str] | None:
    """Why a file cannot be an interpreter, and what to do; None if it can."""
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


def _app_problems(plan: Plan, recipes: Iterable[Recipe]) -> Iterator[Problem]:
    for name, recipe in {recipe.deployment.app: recipe for recipe in recipes}.items():
        key, runtime = ("apps", str(name)), recipe.runtime
        if recipe.app.python is not None and (reason := why_no_interpreter(runtime.python)):
            yield plan.problem((*key, "python"), *reason)
        if name is not None and not runtime.directory.is_dir():
            remedy = "name the directory that the app is imported from, relative to the plan file"
            yield plan.problem((*key, "directory"), f"there is no directory {runtime.directory}", remedy)
        for place, folder in enumerate(map(plan.resolve, recipe.app.pythonpath)):
            if not folder.exists():
                remedy = "name a folder to import from, relative to the plan file"
                yield plan.problem((*key, "pythonpath", place), f"there is no {folder}", remedy)


def _address_problems(plan: Plan, recipes: Collection[Recipe]) -> Iterator[Problem]:
    reason = why_unusable(str(plan.host), 0)
    if reason and any(recipe.url is None for recipe in recipes):
        remedy = "give an address of this machine, or leave the key out for 127.0.0.1"
        yield plan.problem(("host",), f"no server can listen on {plan.host}: {reason}", remedy)
    users: dict[int, str] = {}
    for recipe in recipes:
        port = recipe.deployment.port
        if port is None:
            continue
        first = users.setdefault(port, recipe.name)
        taken = f"deployments.{first} has it too"
        reason = why_unusable(recipe.host, port) if first == recipe.name else taken
        if reason:
            found = f"port {port} cannot be used: {reason}"
            remedy = "choose another port, or leave the key out for a free one"
            yield plan.problem(("deployments", recipe.name, "port"), found, remedy)


def _command_problems(plan: Plan, recipes: Mapping[str, Recipe]) -> Iterator[Problem]:
    for arm, recipe in recipes.items():
        directory = recipe.runtime.directory
        if recipe.deployment.command is None or not directory.is_dir():
            continue
        program = shlex.split(recipe.deployment.command)[0].replace(ARM, arm)
        # A path with a slash in it is relative to the working directory, as for the system.
        name = str(directory / program) if "/" in program else program
        if shutil.which(name, path=recipe.variables(arm).get("PATH")) is None:
            remedy = f"name one in PATH, or its path, absolute or from {directory}"
            found = f"there is no program {program!r}"
            yield plan.problem(("deployments", recipe.name, "command"), found, remedy)


def _url_problems(plan: Plan, recipes: Iterable[Recipe]) -> Iterator[Problem]:
    remedy = "start that server first, or correct its address; portcompare only measures what runs there"
    for recipe in recipes:
        if recipe.url is None:
            continue
        url = f"{recipe.url}{recipe.app.ready_target}"
        try:
            status = send_alone(recipe.url, http_request(recipe.app.ready_target), URL_LIMIT_S).status
        except MeasurementError as error:
            found = f"no response: {error.__cause__ or error}"
        else:
            if recipe.app.is_ready(status or 0):
                continue
            found = f"status {status}: it is not ready"
        yield plan.problem(("deployments", recipe.name, "url"), f"GET {url} received {found}", remedy)


def _interpreter_problems(plan: Plan, check: InterpreterCheck) -> Iterator[Problem]:
    first, interpreter = check.recipes[0], check.interpreter
    app, python = ("apps", str(first.deployment.app)), first.runtime.python
    if interpreter is None:
        found = f"{python} cannot be used: {check.problem}"
        yield plan.problem((*app, "python"), found, "name an interpreter of Python 3.8 or later")
        return
    for recipe in check.recipes:
        wanted = recipe.config.distributions if recipe.config is not None else ()
        missing = [name for name in wanted if name not in interpreter.versions]
        if missing:
            needs = f"{recipe.deployment.server} needs {' and '.join(missing)}"
            found = f"{needs}, not installed for {python} ({interpreter.name})"
            remedy = command_for_packages(python, missing)
            yield plan.problem(("deployments", recipe.name, "server"), found, remedy)
    if check.problem is not None:
        target = first.app.target or ""
        directory = shlex.quote(str(first.runtime.directory))
        tried = f"cd {directory} && {python} -c 'import {target.partition(':')[0]}'"
        remedy = f"correct the target, or the app until this works: {tried}"
        yield plan.problem((*app, "target"), f"{target!r} cannot be served: {check.problem}", remedy)


def find_cpu_problems(plan: Plan) -> Iterator[Problem]:
    """Check the CPUs that a plan names."""
    allowed = os.sched_getaffinity(0)
    for key, cpus in {"server": plan.cpus.server, "generator": plan.cpus.generator}.items():
        missing = set(cpus or ()) - allowed
        if missing or cpus == []:
            found = f"this process may not use CPU {_listed(missing)}" if missing else "names no CPU"
            yield plan.problem(("cpus", key), found, f"choose from {_listed(allowed)}, or leave the key out")
    shared = set(plan.cpus.server or ()) & set(plan.cpus.generator or ())
    if shared:
        found = f"CPU {_listed(shared)} is named for servers and generator, which would disturb each other"
        yield plan.problem(("cpus",), found, "name each CPU once, or leave both keys out")


def _listed(cpus: Iterable[int]) -> str:
    return ", ".join(str(cpu) for cpu in sorted(cpus))
