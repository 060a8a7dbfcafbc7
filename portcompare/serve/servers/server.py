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
    """How many threads the default executor of an event loop has: those of a ThreadPoolExecutor."""
    counted = cpu_count if version >= (3, 13) else os.cpu_count() or 1
    return min(32, counted + 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    """What a plan may turn, complete; the values here are the harness's defaults."""

    workers: int = 1  # Worker processes
    threads: int = 8  # Threads that run handlers, each worker
    loop: str = "asyncio"  # Event loop
    keep_alive_s: int = 75  # How long an idle connection is kept, in seconds
    backlog: int = 2048  # Connections waiting to be accepted


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """How a server serves one interface."""

    knobs: frozenset[str]  # The knobs it has; those of `Knobs` that are not named here mean nothing to it
    # What follows `python -m`; in braces the knobs, `target`, its `module` and `object`, `port`, `config`,
    # `connection_limit` and `stop_s`
    arguments: str
    settings: dict[str, str]  # What is set beside the knobs, for the manifest
    # From knobs, number of CPUs and version of Python to the requests it can hold in handlers at once; None
    # for no limit
    slots: Callable[[Knobs, int, tuple[int, int]], int | None]
    defaults: Knobs = Knobs()  # The values of knobs that the plan does not turn
    config: Path | None = None  # A configuration file, for settings that have no flag

    def turn(self, deployment: Deployment) -> Knobs:
        """The knobs as a deployment turns them."""
        turned = {knob: getattr(deployment, knob) for knob in self.knobs}
        return replace(self.defaults, **{knob: value for knob, value in turned.items() if value is not None})

    def command(
        self, knobs: Knobs, *, python: str, target: str, host: str, port: int | str
    ) -> tuple[str, ...]:
        """The command line that serves an app."""
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
        """Every setting in force, those of the plan and those of the harness."""
        turned = {knob: str(value) for knob, value in asdict(knobs).items() if knob in self.knobs}
        return turned | self.settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server program."""

    distributions: tuple[str, ...]  # What must be installed to run it; the first is the server itself
    interfaces: dict[str, Serving]  # How it serves "wsgi" and "asgi", as far as it does
    # What makes it faster where it is installed, so that the manifest must tell
    accelerators: tuple[str, ...] = ()
