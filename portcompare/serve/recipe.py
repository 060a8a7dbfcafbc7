"""All that it takes to start a deployment: what the plan says of it, resolved against the registry."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from portcompare.plan import App, Deployment
from portcompare.serve.servers import SERVERS, Knobs, Serving

if TYPE_CHECKING:
    from portcompare.plan import Plan

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
        "WEB_CONCURRENCY",
    }
)
_DISTURBING_PREFIXES = ("GRANIAN_", "GUNICORN_", "UVICORN_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A deployment, ready to be started.

    Attributes:
        name: Its name in the plan.
        app: The app that it serves.
        deployment: As the plan has it.
        serving: How its server serves the app's interface.
        distributions: What must be installed; the first is the server itself.
        accelerators: What makes the server faster where it is installed.
        knobs: Every knob's value.
        directory: The working directory.
        host: The address to listen on.
    """

    name: str
    app: App
    deployment: Deployment
    serving: Serving
    distributions: tuple[str, ...]
    accelerators: tuple[str, ...]
    knobs: Knobs
    directory: Path
    host: str

    def command(self, port: int | str) -> tuple[str, ...]:
        """The command line that serves it.

        Args:
            port: The port to listen on, or what shall stand in its place.

        Returns:
            Program and arguments.
        """
        return self.serving.command(self.knobs, target=self.app.target, host=self.host, port=port)

    def environment(self) -> dict[str, str]:
        """The environment it is started in.

        Returns:
            This process's own, less what would turn a server's knobs unseen, and what the plan adds.
        """
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in _DISTURBING and not name.startswith(_DISTURBING_PREFIXES)
        }
        return inherited | {"PYTHONUNBUFFERED": "1"} | self.deployment.environment


def resolve_deployment(plan: Plan, name: str) -> Recipe:
    """Find all that it takes to start a deployment.

    Args:
        plan: A plan that was read with the registry's vocabulary.
        name: The deployment's name.

    Returns:
        The recipe.
    """
    deployment = plan.deployments[name]
    app = plan.apps[deployment.app]
    server = SERVERS[deployment.server]
    serving = server.interfaces[app.interface]
    knobs = serving.turn(deployment)
    has_uvloop = "loop" in serving.knobs and knobs.loop == "uvloop"
    return Recipe(
        name=name,
        app=app,
        deployment=deployment,
        serving=serving,
        distributions=(*server.distributions, *(("uvloop",) if has_uvloop else ())),
        accelerators=server.accelerators,
        knobs=knobs,
        directory=plan.resolve(app.directory),
        host=str(plan.host),
    )
