"""In what an app's server, and what is done for it, runs: folder, interpreter, environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from portcompare.plan.apps import ARM

if TYPE_CHECKING:
    from portcompare.plan import App, Deployment, Plan

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
    """In what the programs of a deployment run.

    Attributes:
        directory: The working directory.
        python: The interpreter.
        import_folders: Folders to import from, besides the working directory.
        added: What the plan adds to the environment, the arm's name not yet filled in.
    """

    directory: Path
    python: str
    import_folders: tuple[str, ...]
    added: Mapping[str, str]

    def environment(self, arm: str) -> dict[str, str]:
        """The whole environment.

        Args:
            arm: Name of the arm.

        Returns:
            This process's own, less what would turn a server's knobs unseen, and what the plan adds. The
            interpreter's folder comes first in PATH, as if its virtual environment was activated.
        """
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
    """Find out in what a deployment runs.

    Args:
        plan: The plan.
        app: The deployment's app.
        deployment: The deployment.

    Returns:
        The surroundings.
    """
    folders = (str(plan.resolve(path)) for path in app.pythonpath)
    return Surroundings(
        directory=plan.resolve(app.directory),
        python=sys.executable if app.python is None else find_interpreter(plan, app.python),
        import_folders=(*folders, *((str(_FACTORY_FOLDER),) if app.has_factory else ())),
        added=app.environment | deployment.environment,
    )


def find_interpreter(plan: Plan, python: Path) -> str:
    """The path of an interpreter.

    Args:
        plan: The plan.
        python: As written there.

    Returns:
        The absolute path. The file's own link is not followed: an interpreter knows by the path that it is
        called by to which virtual environment it belongs.
    """
    return str(plan.resolve(python.parent) / python.name)


def _put_before(environment: dict[str, str], name: str, folders: tuple[str, ...]) -> None:
    if folders:
        environment[name] = os.pathsep.join([*folders, *filter(None, [environment.get(name)])])
