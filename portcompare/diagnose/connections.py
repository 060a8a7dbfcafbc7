"""Connections that a server closes, resets or refuses, and the limits that make it do so."""

import asyncio
import shlex
import subprocess
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from portcompare.errors import MeasurementError
from portcompare.http.requests import Address, http_request
from portcompare.http.sending import Sender
from portcompare.records.diagnosis import LostConnections
from portcompare.records.requests import RequestSpec
from portcompare.records.rounds import LoadReport
from portcompare.serve import RunningServer
from portcompare.serve.recipe import Recipe
from portcompare.units import count, size
from portcompare.wire.protocol import CLOSED, REFUSED, RESET, WRONG_STATUS, is_loopback

MOST_REQUESTS: Final = 1_050  # On one connection: hypercorn's default is 1,000
MOST_REQUESTS_S: Final = 10.0
IDLE_S: Final = 3.2  # gunicorn's default is 2 s, and it looks once a second

_TIMEOUT_S: Final = 10.0
_WORKER_TIMEOUT: Final = "WORKER TIMEOUT"  # In gunicorn's log

Kind = Literal["closed", "reset", "refused"]
Setting = Literal["requests", "idle", "backlog", "worker"]
# What sets a limit: by the name of the program in a deployment's command
_OPTIONS: Final[dict[str, dict[Setting, str]]] = {
    "gunicorn": {
        "requests": "--worker-class gthread",
        "idle": "--keep-alive",
        "backlog": "--backlog",
        "worker": "--timeout",
    },
    "hypercorn": {
        "requests": "keep_alive_max_requests in its configuration file",
        "idle": "--keep-alive",
        "backlog": "--backlog",
    },
    "uvicorn": {"requests": "--limit-max-requests", "idle": "--timeout-keep-alive", "backlog": "--backlog"},
    "waitress": {"idle": "--channel-timeout", "backlog": "--backlog"},
    "granian": {"idle": "--http1-header-read-timeout", "backlog": "--backlog"},
}
_KEYS: Final = {"idle": "keep_alive_s", "backlog": "backlog"}  # Of a deployment
_WORDS: Final[dict[Setting, str]] = {
    "requests": "requests that a connection may have",
    "idle": "seconds that an idle connection is kept",
    "backlog": "connections that may wait to be accepted",
    "worker": "seconds that a worker may give no sign of life",
}
# Quart's limits of a request's body, and their defaults
_BODY_LIMITS: Final = {408: ("BODY_TIMEOUT", "60 s"), 413: ("MAX_CONTENT_LENGTH", "16 MiB")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What a server does with connections on which one request after the other is sent, or none."""

    requests: int | None  # After so many it closes a connection; None if it did not
    requests_tried: int
    idle_s: float | None  # After so many seconds without a request it closes one; None if it did not
    backlog: int | None  # Connections that may wait to be accepted, as the kernel says; None if not known

    @property
    def note(self) -> str:
        """What was not tried."""
        tried = [f"more than {self.requests_tried:,} requests"] * (self.requests is None)
        tried += [f"more than {IDLE_S:g} s without one"] * (self.idle_s is None and self.requests != 1)
        return f"connections were not tried with: {', '.join(tried)}" if tried else ""


def probe_connections(server: RunningServer) -> Probe:
    """Find the limits of a server that nobody loads; it takes three seconds, and ten at most.

    Raises MeasurementError: it sends no response.
    """
    return asyncio.run(_probe(server))


async def _probe(server: RunningServer) -> Probe:
    request = http_request(server.ready_target)

    async def count_requests() -> tuple[int | None, int]:
        until_s = time.monotonic() + MOST_REQUESTS_S
        with closing(Sender(server.url, _TIMEOUT_S)) as sender:
            for number in range(MOST_REQUESTS):
                try:
                    await sender.send(request)
                except MeasurementError:
                    if number == 0:
                        raise
                    return number, number  # it was closed without a word
                if not sender.is_open:
                    return number + 1, number + 1
                if time.monotonic() > until_s:
                    break
        return None, number + 1

    async def idle() -> float | None:
        with closing(Sender(server.url, _TIMEOUT_S)) as sender:
            await sender.send(request)
            began_s = time.monotonic()
            await sender.wait_closed(IDLE_S)
            return None if sender.is_open else time.monotonic() - began_s

    (requests, tried), idle_s = await asyncio.gather(count_requests(), idle())
    backlog = _read_backlog(server)
    return Probe(
        requests=requests,
        requests_tried=tried,
        idle_s=None if requests == 1 else idle_s,
        backlog=backlog,
    )


def _read_backlog(server: RunningServer) -> int | None:
    """The length of the queue of a socket that listens on this machine."""
    if not is_loopback(Address.of(server.url).host):
        return None
    command = ["ss", "--no-header", "--listening", "--tcp", "--numeric", f"sport = :{server.port}"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return min((int(line.split()[2]) for line in found.splitlines()), default=None)


def read_overflows() -> int | None:
    """How many connections this machine's sockets refused, their queues full, so far; None if not known."""
    try:
        lines = Path("/proc/net/netstat").read_text("ascii").splitlines()
        names, values = (line.split() for line in lines if line.startswith("TcpExt:"))
        return int(values[names.index("ListenOverflows")])
    except (OSError, ValueError):
        return None


def find_lost_connections(
    scenario: str,
    load: LoadReport,
    server: RunningServer,
    recipe: Recipe,
    probe: Probe,
    *,
    overflows: int = 0,
    requests: Sequence[RequestSpec] = (),
) -> list[LostConnections]:
    """Name the limits behind connections that a server ended under a load, or while it was probed.

    `overflows`: by how much `read_overflows` rose during the load. `requests`: the scenario's.
    """
    errors, found = load.error_kinds, list[LostConnections]()

    def add(kind: Kind, number: int, limit: str = "", remedy: str = "", *, of: int = load.responses) -> None:
        """Add what was lost, if anything was."""
        if number > 0:
            lost = LostConnections(
                deployment=server.deployment,
                scenario=scenario,
                kind=kind,
                count=number,
                requests=of,
                limit=limit,
                remedy=remedy,
            )
            found.append(lost)

    broken = errors.get(RESET, 0) + errors.get(CLOSED, 0)
    if killed := _count_killed_workers(server):
        limit = f"the worker timeout: {count(killed, 'worker')} gave no sign of life within it"
        add("reset", max(broken, killed), limit, _remedy(recipe, "worker"))
        broken = 0
    announced = load.reconnects - load.closed_unannounced
    if probe.requests is not None:
        limit = f"a connection is closed after {count(probe.requests, 'request')}"
        # Where the load was too short for it, the connection of the probe was closed.
        of = load.responses if announced > 0 else probe.requests
        add("closed", max(announced, 1), limit, _remedy(recipe, "requests"), of=of)
    else:
        add("closed", announced)
    unannounced = load.closed_unannounced + broken
    if probe.idle_s is not None:
        limit = f"an idle connection is closed after {probe.idle_s:.1f} s"
        of = load.responses if unannounced else 1
        add("closed", max(unannounced, 1), limit, _remedy(recipe, "idle"), of=of)
    else:
        add("reset" if errors.get(RESET) else "closed", unannounced)
    length = "" if probe.backlog is None else f" of {count(probe.backlog, 'connection')}"
    add("refused", overflows, f"the backlog{length} was full", _remedy(recipe, "backlog"))
    add("refused", errors.get(REFUSED, 0))
    largest_bytes = max((len(request.body) for request in requests), default=0)
    for status, (name, default) in _BODY_LIMITS.items() if largest_bytes else ():
        limit = f"status {status} to bodies of {size(largest_bytes)}; Quart's {name} is {default} by default"
        add("refused", errors.get(f"{WRONG_STATUS}{status}", 0), limit, f'raise app.config["{name}"]')
    return found


def _count_killed_workers(server: RunningServer) -> int:
    """How many workers gunicorn's log says were killed."""
    if server.log is None or not server.log.exists():
        return 0
    return server.log.read_text(encoding="utf-8", errors="replace").count(_WORKER_TIMEOUT)


def _remedy(recipe: Recipe, setting: Setting) -> str:
    """What to set where: a key of the plan, an option of the command, or what it is called in general."""
    where = f"[deployments.{recipe.name}]"
    if recipe.config is not None and setting == "requests":
        return f"choose another `server` in {where}: this one keeps no connection"
    if recipe.config is not None and _KEYS.get(setting) in recipe.config.serving.knobs:
        return f"raise `{_KEYS[setting]}` in {where}"
    programs = [Path(word).name for word in shlex.split(recipe.deployment.command or "")]
    option = next((_OPTIONS[name].get(setting) for name in programs if name in _OPTIONS), None)
    if option is not None:
        return f"set {option} in the command of {where}"
    return f"raise the number of {_WORDS[setting]} where the server is started"
