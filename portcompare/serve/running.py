"""Running servers: whether they are alive, what they use, and whether they have worked off their queue."""

import ctypes
import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import httpx
import psutil

from portcompare.errors import ServerError, WindowMissedError
from portcompare.records.rounds import Usage
from portcompare.serve.ports import is_listened_on_by
from portcompare.serve.processes import Supervised

PROBE_LIMIT_S = 5.0  # how long it may take to connect to a server that portcompare did not start
SETTLE_LIMIT_S = 30.0  # how long a server may take to work off its queue
SAMPLE_INTERVAL_S = 0.2

# A response is quick if it takes at most three times as long as on the idle server, and 10 ms more.
_SLOWER = 3.0
_JITTER_S = 0.01

_IN_A_ROW = 3  # each on a new connection, which goes to whichever worker is free

_libc = ctypes.CDLL(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningServer:
    """A server that serves one arm."""

    arm: str
    deployment: str
    url: str
    port: int
    ready_target: str  # what it responds to at any time without delay
    process: Supervised | None  # None if it was already running: nothing is known of its processes

    @property
    def log(self) -> Path | None:
        """The file of its log; None if it was already running."""
        return None if self.process is None else self.process.log_path

    @property
    def owns_port(self) -> bool:
        """Whether its own processes, and no others, listen on its port; not known of one already running."""
        host = urlsplit(self.url).hostname
        if self.process is None or host is None:
            return True
        own = (process.pid for process in list_tree(self.process.pid))
        return is_listened_on_by(own, host, self.port)

    def check_alive(self) -> None:
        """Make sure that it still runs.

        Of a server that was already running a connection is proof enough: a request would be work for it, and
        a line in its log. A connection that takes too long is no sign of death, but of a full queue.
        """
        if self.process is not None:
            status = self.process.poll()
            if status is not None:
                raise self.failure(f"ended with status {status}")
            return
        try:
            socket.create_connection((urlsplit(self.url).hostname, self.port), PROBE_LIMIT_S).close()
        except TimeoutError:
            return
        except OSError as error:
            raise self.failure(f"accepts no connection any more: {error.strerror or error}") from None

    def usage(self) -> Usage | None:
        """What its process tree has used until now; None if it was already running."""
        return None if self.process is None else read_usage(self.process.pid)

    def measure_usage(self, start_s: float, end_s: float) -> Usage | None:
        """Measure what its process tree uses in a window, and wait until the window has ended.

        CPU time is read once the clock has reached either end of the window. What was used between the two
        readings is scaled to the window's nominal length, as a reading is always a little late. A process
        that ends within the window counts up to the last sample it was seen in, one that starts within it
        from its start.

        `start_s`, `end_s`: instants of `time.monotonic()`.
        Returns None at once if it was already running.
        Raises WindowMissedError: the window was over before it could be measured.
        """
        if self.process is None:
            return None
        tree = list_tree(self.process.pid)
        _sleep_until(start_s)
        before = _read_cpu_s(one.pid for one in tree)
        read_start_s = read_end_s = time.monotonic()
        if read_start_s >= end_s:
            raise WindowMissedError(f"{self.arm}: the window was over before its CPU time could be read")
        latest = dict(before)
        rss_peak_bytes = 0
        while read_end_s < end_s:
            _sleep_until(min(read_end_s + SAMPLE_INTERVAL_S, end_s))
            latest |= _read_cpu_s(one.pid for one in tree)
            read_end_s = time.monotonic()
            tree = list_tree(self.process.pid)
            rss_peak_bytes = max(rss_peak_bytes, _read_rss_bytes(tree))
        used_s = sum(latest.values()) - sum(before.values())
        scale = (end_s - start_s) / (read_end_s - read_start_s)
        return Usage(cpu_s=used_s * scale, rss_bytes=rss_peak_bytes)

    def read_cpu_s(self) -> dict[int, float] | None:
        """CPU seconds of each of its processes until now; None if it was already running."""
        if self.process is None:
            return None
        # Not all kernels list children (CONFIG_PROC_CHILDREN).
        return _read_cpu_s(
            _list_children(self.process.pid) or (one.pid for one in list_tree(self.process.pid))
        )

    def failure(self, found: str) -> ServerError:
        """An error that says what is wrong with this server, with the end of its log."""
        name = self.arm if self.arm == self.deployment else f"{self.arm} ({self.deployment})"
        if self.process is None:
            more = f"    {self.url} was not started by portcompare: see that server's own log"
        else:
            more = f"    command: {' '.join(self.process.command)}\n{self.process.show_log()}"
        return ServerError(f"{name}: {found}\n{more}")


def read_usage(watchdog: int) -> Usage:
    """Read what the processes below a watchdog have used."""
    tree = list_tree(watchdog)
    return Usage(cpu_s=sum(_read_cpu_s(one.pid for one in tree).values()), rss_bytes=_read_rss_bytes(tree))


def list_tree(watchdog: int) -> list[psutil.Process]:
    """List the processes below a watchdog."""
    try:
        return psutil.Process(watchdog).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _list_children(pid: int) -> list[int]:
    """List the processes below one, in a hundredth of the time that looking through all processes takes."""
    found = []
    with suppress(OSError):  # it has ended
        for task in Path(f"/proc/{pid}/task").iterdir():
            children = [int(child) for child in (task / "children").read_text(encoding="ascii").split()]
            found += children + [below for child in children for below in _list_children(child)]
    return found


def _read_cpu_s(pids: Iterable[int]) -> dict[int, float]:
    """CPU seconds of each process, in nanoseconds' resolution, where /proc has ticks of 10 ms.

    The clock of a process counts all its threads, also those that have ended (clock_getcpuclockid(3)).
    """
    clock = ctypes.c_int()
    readings = {}
    for pid in pids:
        if _libc.clock_getcpuclockid(pid, ctypes.byref(clock)) == 0:
            with suppress(OSError):  # it has ended since it was listed
                readings[pid] = time.clock_gettime(clock.value)
    return readings


def _read_rss_bytes(tree: list[psutil.Process]) -> int:
    total = 0
    for process in tree:
        with suppress(psutil.NoSuchProcess):  # it has ended since it was listed
            total += process.memory_info().rss
    return total


def _sleep_until(instant_s: float) -> None:
    time.sleep(max(instant_s - time.monotonic(), 0))


def measure_idle(server: RunningServer, path: str) -> float:
    """Measure how long an idle server takes to respond: the median of three requests, in seconds.

    A request without a response counts as the limit of waiting.
    """
    limit_s = SETTLE_LIMIT_S
    with _client() as client:
        return median(_time_request(client, server, path, limit_s) or limit_s for _ in range(_IN_A_ROW))


def wait_until_settled(
    server: RunningServer, path: str, idle_s: float, limit_s: float = SETTLE_LIMIT_S
) -> bool:
    """Wait until a server responds quickly again; False if it does not within the limit.

    After an overload, requests of users that have left still wait in the server's queues. They would slow
    down the next round, and on a shared CPU the other arms too.
    """
    end_s = time.monotonic() + limit_s
    quick = 0
    with _client() as client:
        while (left_s := end_s - time.monotonic()) > 0:
            took_s = _time_request(client, server, path, left_s)
            quick = quick + 1 if took_s is not None and took_s <= _SLOWER * idle_s + _JITTER_S else 0
            if quick == _IN_A_ROW:
                return True
    return False


def _client() -> httpx.Client:
    return httpx.Client(trust_env=False, headers={"Connection": "close"})


def _time_request(client: httpx.Client, server: RunningServer, path: str, timeout_s: float) -> float | None:
    """How long a response takes, in seconds; None if there is none."""
    server.check_alive()
    began_s = time.monotonic()
    try:
        client.get(server.url + path, timeout=timeout_s)
    except httpx.TransportError:
        return None
    return time.monotonic() - began_s
