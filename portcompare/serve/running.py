"""Servers that run, as the stages that use them see them."""

from __future__ import annotations

import ctypes
import socket
import time
from dataclasses import dataclass
from statistics import median
from typing import Protocol
from urllib.parse import urlsplit

import httpx
import psutil

from portcompare.errors import ServerError, WindowMissedError
from portcompare.records.rounds import Usage
from portcompare.serve.ports import is_listened_on_by
from portcompare.serve.processes import Supervised

SAMPLE_INTERVAL_S = 0.2

_libc = ctypes.CDLL(None)


def read_usage(keeper: int) -> Usage:
    """Read what the processes below a keeper have used."""
    tree = list_tree(keeper)
    return Usage(cpu_s=sum(_read_cpu_s(tree).values()), rss_bytes=_read_rss_bytes(tree))


def measure_usage(server: StartedServer, start_s: float, end_s: float) -> Usage:
    """Measure what a server uses in a window; blocks until the window has ended.

    CPU time is read once the clock has reached either end of the window. What was used between the two
    readings is scaled to the window's nominal length, as a reading cannot hit the very instant. A process
    that ends within the window counts up to the last sample it was seen in, one that begins within it from
    its beginning.

    `start_s`: the window's start, in seconds of `time.monotonic()`.
    Raises WindowMissedError: the window was over before it could be measured.
    """
    tree = list_tree(server.process.pid)
    _sleep_until(start_s)
    before = _read_cpu_s(tree)
    read_start_s = read_end_s = time.monotonic()
    if read_start_s >= end_s:
        raise WindowMissedError(f"{server.arm}: the window was over before its CPU time could be read")
    latest = dict(before)
    rss_peak_bytes = 0
    while read_end_s < end_s:
        _sleep_until(min(read_end_s + SAMPLE_INTERVAL_S, end_s))
        latest |= _read_cpu_s(tree)
        read_end_s = time.monotonic()
        tree = list_tree(server.process.pid)
        rss_peak_bytes = max(rss_peak_bytes, _read_rss_bytes(tree))
    scale = (end_s - start_s) / (read_end_s - read_start_s)
    return Usage(cpu_s=(sum(latest.values()) - sum(before.values())) * scale, rss_bytes=rss_peak_bytes)


def list_tree(keeper: int) -> list[psutil.Process]:
    """List the processes below a keeper."""
    try:
        return psutil.Process(keeper).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _read_cpu_s(tree: list[psutil.Process]) -> dict[int, float]:
    """CPU seconds of each process, in nanoseconds' resolution, where /proc has ticks of 10 ms.

    References:
        clock_getcpuclockid(3): the clock of a process counts all its threads, also those that have ended.
    """
    clock = ctypes.c_int()
    readings = {}
    for process in tree:
        if _libc.clock_getcpuclockid(process.pid, ctypes.byref(clock)) == 0:
            try:
                readings[process.pid] = time.clock_gettime(clock.value)
            except OSError:  # it has gone since it was listed
                continue
    return readings


def _read_rss_bytes(tree: list[psutil.Process]) -> int:
    total = 0
    for process in tree:
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:  # it has gone since it was listed
            continue
    return total


def _sleep_until(instant_s: float) -> None:
    time.sleep(max(instant_s - time.monotonic(), 0))


PROBE_LIMIT_S = 5.0
"""How long a connection to a server elsewhere may take to be made."""


class RunningServer(Protocol):
    """A server that answers for one arm, whoever started it."""

    @property
    def arm(self) -> str:
        """Name of the arm."""
        ...

    @property
    def deployment(self) -> str:
        """Name of the deployment."""
        ...

    @property
    def url(self) -> str:
        """Where it answers."""
        ...

    @property
    def port(self) -> int:
        """The port there."""
        ...

    @property
    def ready_target(self) -> str:
        """What it can be asked at any time, and answers at once."""
        ...

    def check_alive(self) -> None:
        """Make sure that it still runs.

        Raises ServerError: it does not.
        """
        ...

    def measure_usage(self, start_s: float, end_s: float) -> Usage | None:
        """Measure what it uses in a window, and wait until the window has ended where it is measured.

        `start_s`: the window's start, in seconds of `time.monotonic()`.
        Returns the usage; None where it cannot be known.
        """
        ...

    def failure(self, found: str) -> ServerError:
        """An error that says what is wrong with this server."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedServer:
    """A server that was started for one arm."""

    arm: str  # Name of the arm
    deployment: str  # Name of the deployment
    host: str  # The address it listens on
    port: int  # The port there
    ready_target: str  # What it can be asked at any time, and answers at once
    process: Supervised  # The server and its keeper

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{self.host}:{self.port}"

    @property
    def owns_port(self) -> bool:
        """Whether it, and nobody else, listens on its port."""
        own = (process.pid for process in list_tree(self.process.pid))
        return is_listened_on_by(own, self.host, self.port)

    def check_alive(self) -> None:
        """Make sure that it still runs.

        Raises ServerError: it has ended; its last log lines are in the text.
        """
        status = self.process.poll()
        if status is not None:
            raise self.failure(f"ended with status {status}")

    def usage(self) -> Usage:
        """What its whole process tree has used until now."""
        return read_usage(self.process.pid)

    def measure_usage(self, start_s: float, end_s: float) -> Usage:
        """Measure what its whole process tree uses in a window; blocks until the window has ended.

        `start_s`: the window's start, in seconds of `time.monotonic()`.
        Raises WindowMissedError: the window was over before it could be measured.
        """
        return measure_usage(self, start_s, end_s)

    def failure(self, found: str) -> ServerError:
        """An error that says what is wrong with this server."""
        return ServerError(
            f"{_called(self)}: {found}\n"
            f"    command: {' '.join(self.process.command)}\n"
            f"{self.process.show_log()}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignServer:
    """A server that somebody else has started and will end: nothing is known of it but its answers."""

    arm: str  # Name of the arm
    deployment: str  # Name of the deployment
    url: str  # Where it answers
    port: int  # The port there
    ready_target: str  # What it can be asked at any time, and answers at once

    def check_alive(self) -> None:
        """Make sure that somebody still listens there.

        A connection shows that, without a request that the server would have to work on and log. One that is
        not made in time is no sign of death: so it is with a server whose queue is full.

        Raises ServerError: nobody listens there, or the way there is closed.
        """
        try:
            socket.create_connection((urlsplit(self.url).hostname, self.port), PROBE_LIMIT_S).close()
        except TimeoutError:
            return
        except OSError as error:
            raise self.failure(f"does not answer any more: {error.strerror or error}") from None

    def measure_usage(self, start_s: float, end_s: float) -> None:
        """Say that what it uses is not known.

        Returns none, always and at once: the processes are somebody else's, and maybe on another machine.
        """
        del start_s, end_s

    def failure(self, found: str) -> ServerError:
        """An error that says what is wrong with this server."""
        return ServerError(
            f"{_called(self)}: {found}\n    {self.url} is not started by portcompare: look into its own log"
        )


def _called(server: RunningServer) -> str:
    return server.arm if server.arm == server.deployment else f"{server.arm} ({server.deployment})"


SETTLE_LIMIT_S = 30.0
"""How long a server may take to work off its queue."""

_SLOWER = 3.0
_JITTER_S = 0.01
"""An answer is quick if it takes at most three times as long as on the idle server, and so much more."""

_IN_A_ROW = 3  # on connections of their own, which go to whichever worker is free


def measure_idle(server: RunningServer, path: str) -> float:
    """Measure how long a server takes to answer that has nothing else to do.

    Returns the median of three answers, in seconds; the limit of waiting where there was none.
    Raises ServerError: it has ended.
    """
    with _client() as client:
        return median(_ask(client, server, path, SETTLE_LIMIT_S) or SETTLE_LIMIT_S for _ in range(_IN_A_ROW))


def wait_until_settled(
    server: RunningServer, path: str, idle_s: float, limit_s: float = SETTLE_LIMIT_S
) -> bool:
    """Wait until a server answers quickly again.

    After a load that was too much, requests of users long gone still wait in the server's queues. They would
    slow down the next round, and on a shared CPU the other arms too.

    Raises ServerError: it has ended.
    """
    end_s = time.monotonic() + limit_s
    quick = 0
    with _client() as client:
        while (left_s := end_s - time.monotonic()) > 0:
            took_s = _ask(client, server, path, left_s)
            quick = quick + 1 if took_s is not None and took_s <= _SLOWER * idle_s + _JITTER_S else 0
            if quick == _IN_A_ROW:
                return True
    return False


def _client() -> httpx.Client:
    return httpx.Client(trust_env=False, headers={"Connection": "close"})


def _ask(client: httpx.Client, server: RunningServer, path: str, timeout_s: float) -> float | None:
    """How long an answer takes, in seconds; None if there is none."""
    server.check_alive()
    began_s = time.monotonic()
    try:
        client.get(server.url + path, timeout=timeout_s)
    except httpx.TransportError:
        return None
    return time.monotonic() - began_s
