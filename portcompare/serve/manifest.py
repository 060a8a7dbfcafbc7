"""The conditions of a run, and what differs between the arms besides app and server."""

import os
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import psutil

from portcompare.masking import MASK, is_secret, mask_command, mask_passwords, mask_secrets
from portcompare.plan import Plan, Scenario
from portcompare.records.manifest import WHY_NOT_KNOWN, Ceiling, Manifest, ServedDeployment, Steadiness
from portcompare.serve.app_python.portcompare_import_check import find_versions
from portcompare.serve.cpus import CpuAssignment
from portcompare.serve.interpreters import (
    Interpreter,
    check_interpreters,
    has_interpreter,
    wanted_distributions,
)
from portcompare.serve.recipe import Recipe, resolve_all
from portcompare.serve.servers import executor_threads
from portcompare.serve.watchdog import open_files_limit

# Those of the generator, those of the statistics, and those of the protocol between both.
_LIBRARIES = ("locust", "gevent", "greenlet", "httptools", "hdrhistogram", "numpy", "psutil", "pydantic")

_CPU_FOLDER = Path("/sys/devices/system/cpu")

# What a server has that leaves no choice, so that each deployment reports the same settings.
_WITHOUT_CHOICE = dict.fromkeys(("workers", "threads", "loop", "http_parser", "keep_alive_s"), "none")
_WITHOUT_CHOICE |= {"workers": "1", "http_parser": "the server's own"}

_MISSING = "(not installed)"

# Settings that mean the same for every server. Connection limits are set too high everywhere to matter.
_COMPARABLE = ("workers", "threads", "loop", "keep_alive_s", "backlog", "requests_per_connection", "gil")


def describe_manifest(plan: Plan, cpus: CpuAssignment, steadiness: Steadiness | None = None) -> Manifest:
    """Record the conditions of a run; secrets are masked."""
    recipes = resolve_all(plan)
    known = {arm: recipe for arm, recipe in recipes.items() if has_interpreter(recipe)}
    interpreters = {
        recipe.name: check.interpreter
        for check in check_interpreters(known, with_import=False)
        for recipe in check.recipes
    }
    beside = replace(cpus, server=cpus.generator)
    upstreams, arms = [], []
    for recipe in recipes.values():
        interpreter = interpreters.get(recipe.name)
        if recipe.name in plan.upstreams:
            upstreams.append(describe_deployment(recipe, beside, interpreter, {}))
        else:
            arms.append(describe_deployment(recipe, cpus, interpreter, plan.scenarios))
    baseline, *candidates = arms
    differences = (one for candidate in candidates for one in find_differences(baseline, candidate))
    build, built_at = platform.python_build()
    return Manifest(
        portcompare=version("portcompare"),
        python=f"{platform.python_implementation()} {platform.python_version()} "
        f"({platform.python_compiler()}, build {build}, {built_at})",
        kernel=f"{platform.system()} {platform.release()}",
        cpu_model=read_cpu_model(Path("/proc/cpuinfo")),
        cpu_count=os.cpu_count() or 1,
        cpu_governor=", ".join(read_governors(_CPU_FOLDER, cpus.all_cpus)),
        load_average=os.getloadavg()[0],
        memory_bytes=psutil.virtual_memory().total,
        generator_cpus=cpus.generator,
        libraries=find_versions(_LIBRARIES),
        deployments=tuple(map(_without_secrets, (baseline, *candidates))),
        upstreams=tuple(map(_without_secrets, upstreams)),
        differences=tuple(dict.fromkeys(differences)),
        steadiness=steadiness,
    )


def _without_secrets(served: ServedDeployment) -> ServedDeployment:
    return replace(
        served,
        environment=mask_secrets(served.environment),
        command=mask_command(served.command),
    )


def describe_deployment(
    recipe: Recipe, cpus: CpuAssignment, interpreter: Interpreter | None, scenarios: Mapping[str, Scenario]
) -> ServedDeployment:
    """Record how a deployment is started; `interpreter` is None if it is not known what serves it."""
    kind, config = recipe.deployment.kind, recipe.config
    installed = interpreter.versions if interpreter is not None else {}
    versions = {name: installed[name] for name in wanted_distributions(recipe) if name in installed}
    settings = {} if kind == "url" else {"open_files": str(open_files_limit())}
    server, slots, ceilings = "by its own command", None, {}
    if kind == "url":
        server = f"at {recipe.url}, already running"
    if config is not None:
        server = f"{recipe.deployment.server} {versions.pop(config.distributions[0], _MISSING)}"
        server += (
            f" through {config.adapter} {versions.pop(config.adapter, _MISSING)}" if config.adapter else ""
        )
        settings |= _WITHOUT_CHOICE | config.serving.describe(config.knobs)
        cpu_count = len(cpus.all_cpus)
        if interpreter is not None:
            settings["gil"] = interpreter.gil
        python = interpreter.version if interpreter is not None else sys.version_info[:2]
        slots = config.serving.slots(config.knobs, cpu_count, python)
        of_a_worker = {
            "event-loop": (1, "blocked event loop"),
            "executor": (executor_threads(cpu_count, python), "executor thread"),
        }
        for name, scenario in scenarios.items():
            given = scenario.slots.get(recipe.deployment.app or "")
            if given is not None:
                each, noun = (given, "slot") if isinstance(given, int) else of_a_worker[given]
                app_slots = each * config.knobs.workers
                if slots is None or app_slots < slots:
                    ceilings[name] = Ceiling(slots=app_slots, noun=noun)
    return ServedDeployment(
        name=recipe.name,
        kind=kind,
        server=server,
        python=interpreter.name if interpreter is not None else "",
        command=recipe.command("{port}"),
        environment={} if kind == "url" else dict(recipe.runtime.added),
        settings=settings,
        slots=slots,
        cpus=() if kind == "url" else cpus.server,
        versions=versions,
        ceilings=ceilings,
    )


def find_differences(baseline: ServedDeployment, candidate: ServedDeployment) -> Iterator[str]:
    """Find what differs between two deployments besides app and server."""
    for one in (baseline, candidate):
        if one.kind != "server":
            yield f"the settings of {one.name} are not known: {WHY_NOT_KNOWN[one.kind]}"
    left, right = _comparable_facts(baseline, candidate), _comparable_facts(candidate, baseline)
    for fact in dict.fromkeys([*left, *right]):
        ours, theirs = left.get(fact, "none"), right.get(fact, "none")
        if ours != theirs:
            if is_secret(fact):
                ours, theirs = (MASK if fact in facts else "none" for facts in (left, right))
            yield mask_passwords(f"{fact}: {baseline.name} {ours}, {candidate.name} {theirs}")


def _comparable_facts(deployment: ServedDeployment, other: ServedDeployment) -> dict[str, str]:
    """What could differ from another deployment, of what is known of both."""
    facts = {}
    if deployment.kind == other.kind == "server":
        facts = {name: deployment.settings[name] for name in _COMPARABLE if name in deployment.settings}
        facts["requests in handlers at once"] = (
            "no limit" if deployment.slots is None else str(deployment.slots)
        )
    if deployment.python and other.python:
        facts["python"] = deployment.python
    common = deployment.versions.keys() & other.versions.keys()
    facts |= {f"{name} version": deployment.versions[name] for name in deployment.versions if name in common}
    if "url" not in (deployment.kind, other.kind):
        facts |= {f"environment {name}": value for name, value in deployment.environment.items()}
    return facts


def read_cpu_model(cpuinfo: Path) -> str:
    """Read the processor's name; empty where the system does not state it."""
    lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    pairs = (line.partition(":")[::2] for line in lines)
    return next((value.strip() for key, value in pairs if key.strip() == "model name"), "")


def read_governors(folder: Path, cpus: Iterable[int]) -> tuple[str, ...]:
    """Read how the clock rates of CPUs are chosen; empty where the system does not state it."""
    governors = set()
    for cpu in cpus:
        with suppress(OSError):
            governors.add((folder / f"cpu{cpu}/cpufreq/scaling_governor").read_text(encoding="utf-8").strip())
    return tuple(sorted(governors))
