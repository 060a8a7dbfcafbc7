"""Frozen records of the conditions of a run.

They are part of `results.json`, as those of `model.py` are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["server", "command", "url"]

WHY_NOT_KNOWN: dict[Kind, str] = {
    "command": "its own command serves it",
    "url": "it was already running",
}
"""Why settings and slots of a deployment are not known; of one that was running, CPU and memory neither."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """How many requests a deployment can have in its handlers at once.

    Attributes:
        slots: Of all its workers together; None for no limit.
        noun: What each of them is, in the singular.
    """

    slots: int | None
    noun: str = "slot"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedDeployment:
    """How a deployment was really started: what the manifest records of it.

    Attributes:
        name: Its name in the plan.
        kind: Whether a server of the registry serves it, a command of the plan, or somebody else at a URL.
        server: Name and version of the server program; for the other kinds, what serves.
        python: Name and version of the interpreter; empty if it is not known.
        command: The command line, with `{port}` for the port; empty if it was already running.
        environment: What the plan adds to the environment.
        settings: Every knob and its value, also those left at the harness's default.
        slots: How many requests it can hold in handlers at once; None for no limit, or
            where `kind` is not "server" and it is not known.
        cpus: The CPUs it was pinned to; empty for one that was already running.
        versions: Name and version of the framework and libraries that matter.
        ceilings: By scenario, where the plan says that the app has fewer slots than the server.
    """

    name: str
    server: str
    command: tuple[str, ...]
    environment: dict[str, str]
    settings: dict[str, str]
    slots: int | None
    cpus: tuple[int, ...]
    versions: dict[str, str]
    kind: Kind = "server"
    python: str = ""
    ceilings: dict[str, Ceiling] = field(default_factory=dict)

    def ceiling_of(self, scenario: str | None) -> Ceiling:
        """How many requests of a scenario its handlers hold at once.

        Args:
            scenario: The scenario's name; None for no scenario of the plan.

        Returns:
            The scenario's own ceiling, or else the server's.
        """
        return self.ceilings.get(scenario or "", Ceiling(slots=self.slots))


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Under which conditions a run was made.

    Attributes:
        portcompare: Version of this tool.
        python: Version of the interpreter.
        kernel: Name and release of the operating system.
        cpu_model: As the system tells it; empty if it does not.
        cpu_count: CPUs of the machine.
        load_average: Of the last minute, at the start of the run: how many processes wanted a CPU.
        cpu_governor: How the clocks of the CPUs used are chosen; empty if the system does not tell.
        memory_bytes: Memory of the machine.
        generator_cpus: The CPUs of the load generator.
        libraries: Versions of what the load generator and the statistics rest on.
        deployments: Each deployment as it was started.
        upstreams: What the environments of these name, as it was started beside them.
        differences: What differs between baseline and candidates besides app and server, in words.
    """

    portcompare: str
    python: str
    kernel: str
    cpu_model: str
    cpu_count: int
    cpu_governor: str
    load_average: float
    memory_bytes: int
    generator_cpus: tuple[int, ...]
    libraries: dict[str, str]
    deployments: tuple[ServedDeployment, ...]
    differences: tuple[str, ...]
    upstreams: tuple[ServedDeployment, ...] = ()
