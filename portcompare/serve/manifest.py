"""Under which conditions a run is made, and what differs between the arms besides app and server."""

from __future__ import annotations

import os
import platform
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from portcompare.manifest import Manifest, ServedDeployment
from portcompare.serve.keeper import open_files_limit
from portcompare.serve.recipe import resolve_deployment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from portcompare.plan import Plan
    from portcompare.serve.cpus import CpuAssignment

_FRAMEWORKS = {"wsgi": ("flask", "werkzeug"), "asgi": ("quart", "flask", "werkzeug")}

# The generator's, then the statistics', then what both speak to each other with.
_LIBRARIES = (
    "locust",
    "gevent",
    "greenlet",
    "httptools",
    "hdrhistogram",
    "numpy",
    "scipy",
    "psutil",
    "pydantic",
)

_CPU_FOLDER = Path("/sys/devices/system/cpu")

# What is said of a server that leaves no choice, so that each deployment tells of the same settings.
_WITHOUT_CHOICE = {
    "workers": "1",
    "threads": "none",
    "loop": "none",
    "http_parser": "the server's own",
    "keep_alive_s": "none",
}

_SECRET_WORDS = ("KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL")
_MASK = "***"

# Settings that mean the same for every server. Connection limits are set too high everywhere to matter.
_COMPARABLE = ("workers", "threads", "loop", "keep_alive_s", "backlog", "requests_per_connection")


def describe_manifest(plan: Plan, cpus: CpuAssignment) -> Manifest:
    """Write down the conditions of a run.

    Args:
        plan: The plan.
        cpus: Who runs where.

    Returns:
        The manifest; it lists each arm's deployment once, the baseline first.
    """
    names = dict.fromkeys(arm.deployment for arm in plan.arms)
    baseline, *candidates = (describe_deployment(plan, name, cpus) for name in names)
    build, built_at = platform.python_build()
    return Manifest(
        portcompare=version("portcompare"),
        python=f"{platform.python_implementation()} {platform.python_version()} "
        f"({platform.python_compiler()}, build {build}, {built_at})",
        kernel=f"{platform.system()} {platform.release()}",
        cpu_model=read_cpu_model(Path("/proc/cpuinfo")),
        cpu_count=os.cpu_count() or 1,
        cpu_governor=", ".join(read_governors(_CPU_FOLDER, sorted({*cpus.server, *cpus.generator}))),
        load_average=os.getloadavg()[0],
        memory_bytes=psutil.virtual_memory().total,
        generator_cpus=cpus.generator,
        libraries=find_versions(_LIBRARIES),
        deployments=tuple(
            replace(one, environment=mask_secrets(one.environment)) for one in (baseline, *candidates)
        ),
        differences=tuple(
            difference for candidate in candidates for difference in find_differences(baseline, candidate)
        ),
    )


def describe_deployment(plan: Plan, name: str, cpus: CpuAssignment) -> ServedDeployment:
    """Write down how a deployment is started.

    Args:
        plan: The plan.
        name: The deployment's name.
        cpus: Who runs where.

    Returns:
        The record, secrets of the environment included.
    """
    recipe = resolve_deployment(plan, name)
    server, *libraries = recipe.distributions
    return ServedDeployment(
        name=name,
        server=f"{recipe.deployment.server} {find_versions([server]).get(server, '(not installed)')}",
        command=recipe.command("{port}"),
        environment=dict(recipe.deployment.environment),
        settings=_WITHOUT_CHOICE
        | recipe.serving.describe(recipe.knobs)
        | {"open_files": str(open_files_limit())},
        slots=recipe.serving.slots(recipe.knobs, len({*cpus.server, *cpus.generator})),
        cpus=cpus.server,
        versions=find_versions([*_FRAMEWORKS[recipe.app.interface], *libraries, *recipe.accelerators]),
    )


def find_differences(baseline: ServedDeployment, candidate: ServedDeployment) -> Iterator[str]:
    """Find what differs between two deployments besides app and server.

    Args:
        baseline: The one compared against.
        candidate: The other.

    Yields:
        Each difference in words; of secrets that they differ, and not what they are.
    """
    left, right = _comparable_facts(baseline), _comparable_facts(candidate)
    for fact in dict.fromkeys([*left, *right]):
        ours, theirs = left.get(fact, "none"), right.get(fact, "none")
        if ours != theirs:
            if _is_secret(fact):
                ours, theirs = (_MASK if fact in facts else "none" for facts in (left, right))
            yield f"{fact}: {baseline.name} {ours}, {candidate.name} {theirs}"


def _comparable_facts(deployment: ServedDeployment) -> dict[str, str]:
    settings = {name: deployment.settings[name] for name in _COMPARABLE if name in deployment.settings}
    slots = "no limit" if deployment.slots is None else str(deployment.slots)
    environment = {f"environment {name}": value for name, value in deployment.environment.items()}
    return settings | {"slots": slots} | environment


def mask_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """Hide the values of variables whose names look secret, as results are passed on to others.

    Args:
        environment: Values by name.

    Returns:
        The same, with `***` for each value whose name has KEY, TOKEN, SECRET, PASSWORD or CREDENTIAL in it,
        in whatever case.
    """
    return {name: _MASK if _is_secret(name) else value for name, value in environment.items()}


def _is_secret(name: str) -> bool:
    return any(word in name.upper() for word in _SECRET_WORDS)


def find_versions(distributions: Iterable[str]) -> dict[str, str]:
    """Look up the versions of distributions.

    Args:
        distributions: Their names.

    Returns:
        The versions of those that are installed.
    """
    versions = {}
    for name in distributions:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def read_cpu_model(cpuinfo: Path) -> str:
    """Read the processor's name.

    Args:
        cpuinfo: The kernel's list of processors.

    Returns:
        The name as x86 kernels tell it; empty where they do not.
    """
    for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return ""


def read_governors(folder: Path, cpus: Iterable[int]) -> tuple[str, ...]:
    """Read how the clocks of CPUs are chosen.

    Args:
        folder: The kernel's folder of CPUs.
        cpus: Which.

    Returns:
        The governors, each once; empty where the machine leaves no choice, as most virtual ones do.
    """
    governors = set()
    for cpu in cpus:
        try:
            governors.add((folder / f"cpu{cpu}/cpufreq/scaling_governor").read_text(encoding="utf-8").strip())
        except OSError:  # there is no such thing here, or it is not for us
            continue
    return tuple(sorted(governors))
