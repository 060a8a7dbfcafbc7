"""Under which conditions a run is made, and what differs between the arms besides app and server."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from portcompare.model import Manifest, ServedDeployment
from portcompare.serve.keeper import open_files_limit
from portcompare.serve.recipe import resolve_deployment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portcompare.plan import Plan
    from portcompare.serve.cpus import CpuAssignment

_FRAMEWORKS = {"wsgi": ("flask", "werkzeug"), "asgi": ("quart", "flask", "werkzeug")}

_LIBRARIES = ("locust", "gevent", "geventhttpclient", "httptools", "hdrhistogram", "numpy", "scipy")

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
    return Manifest(
        portcompare=version("portcompare"),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        kernel=f"{platform.system()} {platform.release()}",
        cpu_model=read_cpu_model(Path("/proc/cpuinfo")),
        cpu_count=os.cpu_count() or 1,
        memory_bytes=psutil.virtual_memory().total,
        generator_cpus=cpus.generator,
        libraries=find_versions(_LIBRARIES),
        deployments=(baseline, *candidates),
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
        The record.
    """
    recipe = resolve_deployment(plan, name)
    server, *libraries = recipe.distributions
    return ServedDeployment(
        name=name,
        server=f"{recipe.deployment.server} {find_versions([server]).get(server, '(not installed)')}",
        command=recipe.command("{port}"),
        environment=dict(recipe.deployment.environment),
        settings=recipe.serving.describe(recipe.knobs) | {"open_files": str(open_files_limit())},
        slots=recipe.serving.slots(recipe.knobs, len(cpus.server)),
        cpus=cpus.server,
        versions=find_versions([*_FRAMEWORKS[recipe.app.interface], *libraries, *recipe.accelerators]),
    )


def find_differences(baseline: ServedDeployment, candidate: ServedDeployment) -> Iterator[str]:
    """Find what differs between two deployments besides app and server.

    Args:
        baseline: The one compared against.
        candidate: The other.

    Yields:
        Each difference in words.
    """
    left, right = _comparable_facts(baseline), _comparable_facts(candidate)
    for fact in dict.fromkeys([*left, *right]):
        ours, theirs = left.get(fact, "none"), right.get(fact, "none")
        if ours != theirs:
            yield f"{fact}: {baseline.name} {ours}, {candidate.name} {theirs}"


def _comparable_facts(deployment: ServedDeployment) -> dict[str, str]:
    settings = {name: deployment.settings[name] for name in _COMPARABLE if name in deployment.settings}
    slots = "no limit" if deployment.slots is None else str(deployment.slots)
    environment = {f"environment {name}": value for name, value in deployment.environment.items()}
    return settings | {"slots": slots} | environment


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
