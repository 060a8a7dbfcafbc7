"""All that it takes to start a deployment: what the plan says of it, resolved against the registry."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from portcompare.plan import App, Deployment
from portcompare.plan.apps import ARM
from portcompare.records.manifest import Ceiling
from portcompare.serve.servers import SERVERS, Knobs, Serving, executor_threads

if TYPE_CHECKING:
    from portcompare.plan import Plan, Scenario


def find_ceilings(
    scenarios: Mapping[str, Scenario],
    app: str,
    served_by: ByRegistry,
    cpu_count: int,
    version: tuple[int, int],
) -> dict[str, Ceiling]:
    """Find the ceilings of a deployment."""
    of_a_worker = {
        "event-loop": (1, "blocked event loop"),
        "executor": (executor_threads(cpu_count, version), "executor thread"),
    }
    server_slots = served_by.serving.slots(served_by.knobs, cpu_count, version)
    ceilings = {}
    for name, scenario in scenarios.items():
        said = scenario.slots.get(app)
        if said is None:
            continue
        slots, noun = (said, "slot") if isinstance(said, int) else of_a_worker[said]
        slots *= served_by.knobs.workers
        if server_slots is None or slots < server_slots:
            ceilings[name] = Ceiling(slots=slots, noun=noun)
    return ceilings


FACTORY = "PORTCOMPARE_FACTORY"
"""The variable that tells which factory makes the application."""

FACTORY_TARGET = "portcompare_factory:app"
"""What servers are told to serve where a factory makes the application."""

_FACTORY_FOLDER = Path(__file__).parent / "servers" / "app_factory"

_DISTURBING = frozenset(
    {
        "FLASK_DEBUG",
        "FORWARDED_ALLOW_IPS",
        "LISTEN_FDS",
        "LISTEN_PID",
        "NOTIFY_SOCKET",
        "PYTHONASYNCIODEBUG",
        "PYTHONDEVMODE",
        "PYTHONSAFEPATH",
        "QUART_DEBUG",
        "SENDFILE",
        "VIRTUAL_ENV",
        "WEB_CONCURRENCY",
    }
)
# With COVERAGE_ a server would be traced, line by line, if portcompare is.
_DISTURBING_PREFIXES = ("COVERAGE_", "GRANIAN_", "GUNICORN_", "UVICORN_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """In what the programs of a deployment run."""

    directory: Path  # The working directory
    python: str  # The interpreter
    import_folders: tuple[str, ...]  # Folders to import from, besides the working directory
    added: Mapping[str, str]  # What the plan adds to the environment, the arm's name not yet filled in

    def environment(self, arm: str) -> dict[str, str]:
        """The whole environment."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in _DISTURBING and not name.startswith(_DISTURBING_PREFIXES)
        }
        added = {name: value.replace(ARM, arm) for name, value in self.added.items()}
        environment = inherited | {"PYTHONUNBUFFERED": "1"} | added
        _put_before(environment, "PYTHONPATH", self.import_folders)
        _put_before(environment, "PATH", (str(Path(self.python).parent),))
        return environment


def describe_surroundings(plan: Plan, app: App, deployment: Deployment) -> Surroundings:
    """Find out in what a deployment runs."""
    folders = (str(plan.resolve(path)) for path in app.pythonpath)
    return Surroundings(
        directory=plan.resolve(app.directory),
        python=sys.executable if app.python is None else find_interpreter(plan, app.python),
        import_folders=(*folders, *((str(_FACTORY_FOLDER),) if app.has_factory else ())),
        added=app.environment | deployment.environment,
    )


def find_interpreter(plan: Plan, python: Path) -> str:
    """The path of an interpreter."""
    return str(plan.resolve(python.parent) / python.name)


def _put_before(environment: dict[str, str], name: str, folders: tuple[str, ...]) -> None:
    if folders:
        environment[name] = os.pathsep.join([*folders, *filter(None, [environment.get(name)])])


_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class ByRegistry:
    """How a server of the registry serves a deployment's app."""

    target: str  # The app as the server is told it
    interface: str  # "wsgi" or "asgi"
    serving: Serving  # How the server serves that interface
    distributions: tuple[str, ...]  # What must be installed; the first is the server itself
    accelerators: tuple[str, ...]  # What makes the server faster where it is installed
    knobs: Knobs  # Every knob's value


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A deployment, ready to be started, or the address of one that runs already."""

    name: str  # Its name in the plan
    app: App  # The app that it serves; one that has every default where the plan names none
    deployment: Deployment  # As the plan has it
    # How a server of the registry serves it; None where a command does, or somebody else
    by_registry: ByRegistry | None
    surroundings: Surroundings  # In what it, and what is done for it, runs
    host: str  # The address to listen on

    @property
    def url(self) -> str | None:
        """Where it runs already; None if it is to be started."""
        return None if self.deployment.url is None else self.deployment.url.rstrip("/")

    @property
    def port(self) -> int | None:
        """The port that it has in any case; None for a free one."""
        if self.url is None:
            return self.deployment.port
        parts = urlsplit(self.url)
        return parts.port or _DEFAULT_PORTS[parts.scheme]

    def command(self, port: int | str, arm: str = ARM) -> tuple[str, ...]:
        """The command line that serves it."""
        if self.by_registry is not None:
            return self.by_registry.serving.command(
                self.by_registry.knobs,
                python=self.surroundings.python,
                target=self.by_registry.target,
                host=self.host,
                port=port,
            )
        values = {"{port}": str(port), "{host}": self.host, ARM: arm}
        return tuple(_replace_all(word, values) for word in shlex.split(self.deployment.command or ""))

    def environment(self, arm: str) -> dict[str, str]:
        """The environment it is started in."""
        environment = self.surroundings.environment(arm)
        if self.by_registry is not None and self.app.has_factory:
            environment[FACTORY] = cast("str", self.app.target)
        return environment


def resolve_deployment(plan: Plan, name: str) -> Recipe:
    """Find all that it takes to start a deployment."""
    deployment, app = plan.deployments[name], plan.app_of(name)
    return Recipe(
        name=name,
        app=app,
        deployment=deployment,
        by_registry=_look_up(deployment, app),
        surroundings=describe_surroundings(plan, app, deployment),
        host=str(plan.host),
    )


def _look_up(deployment: Deployment, app: App) -> ByRegistry | None:
    if deployment.server is None or app.target is None or app.interface is None:
        return None
    server = SERVERS[deployment.server]
    serving = server.interfaces[app.interface]
    knobs = serving.turn(deployment)
    has_uvloop = "loop" in serving.knobs and knobs.loop == "uvloop"
    return ByRegistry(
        target=FACTORY_TARGET if app.has_factory else app.target,
        interface=app.interface,
        serving=serving,
        distributions=(*server.distributions, *(("uvloop",) if has_uvloop else ())),
        accelerators=server.accelerators,
        knobs=knobs,
    )


def _replace_all(word: str, values: dict[str, str]) -> str:
    for mark, value in values.items():
        word = word.replace(mark, value)
    return word
