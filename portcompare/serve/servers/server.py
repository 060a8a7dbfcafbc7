"""What the registry knows of a server: knobs, command line, settings and slots for each interface."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from portcompare.plan import Deployment

CONNECTION_LIMIT = 10_000
"""Open connections a worker accepts, wherever a server has such a limit: more than any level will open."""

STOP_S = 1
"""Seconds that a server told to stop gives to running requests; its keeper may end it before."""


def executor_threads(cpu_count: int, version: tuple[int, int]) -> int:
    """How many threads the default executor of an event loop has: those of a ThreadPoolExecutor.

    Args:
        cpu_count: CPUs that the process may use when it starts.
        version: Of the Python that it runs on.

    Returns:
        Threads of each process.

    References:
        https://docs.python.org/3/library/concurrent.futures.html#threadpoolexecutor: min(32, CPUs + 4);
        since Python 3.13 of the CPUs that the process may use, before of the machine's.
    """
    counted = cpu_count if version >= (3, 13) else os.cpu_count() or 1
    return min(32, counted + 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    """What a plan may turn, complete; the values here are the harness's defaults.

    Attributes:
        workers: Worker processes.
        threads: Threads that run handlers, each worker.
        loop: Event loop.
        keep_alive_s: How long an idle connection is kept, in seconds.
        backlog: Connections waiting to be accepted.
    """

    workers: int = 1
    threads: int = 8
    loop: str = "asyncio"
    keep_alive_s: int = 75
    backlog: int = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """How a server serves one interface.

    Attributes:
        knobs: The knobs it has; those of `Knobs` that are not named here mean nothing to it.
        arguments: What follows `python -m`; in braces the knobs, `target`, its `module` and `object`,
            `port`, `config`, `connection_limit` and `stop_s`.
        settings: What is set beside the knobs, for the manifest.
        slots: From knobs, number of CPUs and version of Python to the requests it can hold in handlers at
            once; None for no limit.
        defaults: The values of knobs that the plan does not turn.
        config: A configuration file, for settings that have no flag.
    """

    knobs: frozenset[str]
    arguments: str
    settings: dict[str, str]
    slots: Callable[[Knobs, int, tuple[int, int]], int | None]
    defaults: Knobs = Knobs()
    config: Path | None = None

    def turn(self, deployment: Deployment) -> Knobs:
        """The knobs as a deployment turns them.

        Args:
            deployment: The deployment; what it leaves out has its default.

        Returns:
            Every knob's value.
        """
        turned = {knob: getattr(deployment, knob) for knob in self.knobs}
        return replace(self.defaults, **{knob: value for knob, value in turned.items() if value is not None})

    def command(
        self, knobs: Knobs, *, python: str, target: str, host: str, port: int | str
    ) -> tuple[str, ...]:
        """The command line that serves an app.

        Args:
            knobs: Every knob's value.
            python: The interpreter.
            target: The app, `module:object`.
            host: The address to listen on.
            port: The port there, or what shall stand in its place.

        Returns:
            Program and arguments.
        """
        values = asdict(knobs) | {
            "target": target,
            "module": target.partition(":")[0],
            "object": target.partition(":")[2],
            "host": host,
            "port": port,
            "config": self.config,
            "connection_limit": CONNECTION_LIMIT,
            "stop_s": STOP_S,
        }
        return (python, "-m", *(word.format(**values) for word in self.arguments.split()))

    def describe(self, knobs: Knobs) -> dict[str, str]:
        """Every setting in force, those of the plan and those of the harness.

        Args:
            knobs: Every knob's value.

        Returns:
            Values by name.
        """
        turned = {knob: str(value) for knob, value in asdict(knobs).items() if knob in self.knobs}
        return turned | self.settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server program.

    Attributes:
        distributions: What must be installed to run it; the first is the server itself.
        interfaces: How it serves "wsgi" and "asgi", as far as it does.
        accelerators: What makes it faster where it is installed, so that the manifest must tell.
    """

    distributions: tuple[str, ...]
    interfaces: dict[str, Serving]
    accelerators: tuple[str, ...] = ()
