"""All that it takes to start a deployment: what the plan says of it, resolved against the registry."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from portcompare.plan import App, Deployment
from portcompare.plan.apps import ARM
from portcompare.serve.servers import SERVERS, Knobs, Serving
from portcompare.serve.surroundings import FACTORY, FACTORY_TARGET, Surroundings, describe_surroundings

if TYPE_CHECKING:
    from portcompare.plan import Plan

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class ByRegistry:
    """How a server of the registry serves a deployment's app.

    Attributes:
        target: The app as the server is told it.
        interface: "wsgi" or "asgi".
        serving: How the server serves that interface.
        distributions: What must be installed; the first is the server itself.
        accelerators: What makes the server faster where it is installed.
        knobs: Every knob's value.
    """

    target: str
    interface: str
    serving: Serving
    distributions: tuple[str, ...]
    accelerators: tuple[str, ...]
    knobs: Knobs


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A deployment, ready to be started, or the address of one that runs already.

    Attributes:
        name: Its name in the plan.
        app: The app that it serves; one that has every default where the plan names none.
        deployment: As the plan has it.
        by_registry: How a server of the registry serves it; None where a command does, or somebody else.
        surroundings: In what it, and what is done for it, runs.
        host: The address to listen on.
    """

    name: str
    app: App
    deployment: Deployment
    by_registry: ByRegistry | None
    surroundings: Surroundings
    host: str

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
        """The command line that serves it.

        Args:
            port: The port to listen on, or what shall stand in its place.
            arm: Name of the arm, or what shall stand in its place.

        Returns:
            Program and arguments; empty for one that runs already.
        """
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
        """The environment it is started in.

        Args:
            arm: Name of the arm.

        Returns:
            As `Surroundings.environment`; where a server of the registry calls a factory, with that too.
        """
        environment = self.surroundings.environment(arm)
        if self.by_registry is not None and self.app.has_factory:
            environment[FACTORY] = cast("str", self.app.target)
        return environment


def resolve_deployment(plan: Plan, name: str) -> Recipe:
    """Find all that it takes to start a deployment.

    Args:
        plan: A plan that was read with the registry's vocabulary.
        name: The deployment's name.

    Returns:
        The recipe.
    """
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
