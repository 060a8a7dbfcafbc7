"""The conditions of a run."""

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["server", "command", "url"]

WHY_NOT_KNOWN: dict[Kind, str] = {"command": "its own command serves it", "url": "it was already running"}
"""Why settings and slots of a deployment are not known; of one that was running, CPU and memory neither."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """How many requests a deployment can have in its handlers at once."""

    slots: int | None  # Of all its workers together; None for no limit
    noun: str = "slot"  # What each of them is, in the singular


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedDeployment:
    """How a deployment was really started: what the manifest records of it."""

    name: str  # Its name in the plan
    server: str  # Name and version of the server program; for the other kinds, what serves
    command: tuple[str, ...]  # The command line, with `{port}` for the port; empty if it was already running
    environment: dict[str, str]  # What the plan adds to the environment
    settings: dict[str, str]  # Every knob and its value, also those left at the harness's default
    slots: int | None  # Requests it can hold in handlers at once; None for no limit, or if not known
    cpus: tuple[int, ...]  # The CPUs it was pinned to; empty for one that was already running
    versions: dict[str, str]  # Name and version of the framework and libraries that matter
    kind: Kind = "server"  # A server of the registry serves it, a command of the plan, or it runs at a URL
    python: str = ""  # Name and version of the interpreter; empty if it is not known
    # By scenario, where the app has fewer slots than the server: as the plan says, or else as measured
    ceilings: dict[str, Ceiling] = field(default_factory=dict)

    def ceiling_of(self, scenario: str | None) -> Ceiling:
        """How many requests of a scenario its handlers hold at once; None for no scenario of the plan."""
        return self.ceilings.get(scenario or "", Ceiling(slots=self.slots))


@dataclass(frozen=True, slots=True, kw_only=True)
class Steadiness:
    """What a quick look at the machine has shown before anything was measured."""

    # By how much the speed of a CPU differs from one tenth of a second to the next: the root mean square of
    # the logarithm of the ratio, on the least steady of the CPUs used
    deviation: float
    detectable_ratio: float  # The least difference in throughput that the plan can be expected to show


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Under which conditions a run was made."""

    portcompare: str  # Version of this tool
    python: str  # Version of the interpreter
    kernel: str  # Name and release of the operating system
    cpu_model: str  # As the system reports it; empty if it does not
    cpu_count: int  # CPUs of the machine
    cpu_governor: str  # How the clocks of the CPUs used are chosen; empty if the system does not report it
    load_average: float  # Of the last minute, at the start of the run: how many processes wanted a CPU
    memory_bytes: int  # Memory of the machine
    generator_cpus: tuple[int, ...]  # The CPUs of the load generator
    libraries: dict[str, str]  # Versions of what the load generator and the statistics rest on
    deployments: tuple[ServedDeployment, ...]  # Each deployment as it was started
    differences: tuple[str, ...]  # Between baseline and candidates besides app and server, in words
    upstreams: tuple[ServedDeployment, ...] = ()  # What these depend on, as it was started beside them
    steadiness: Steadiness | None = None  # Of the machine at the start; None if nobody looked
