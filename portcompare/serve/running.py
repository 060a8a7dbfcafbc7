"""Running servers: whether they are alive, what they use, and whether they have worked off their queue."""

import ctypes
import resource
import socket
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import psutil

from portcompare.errors import MeasurementError, ServerError, WindowMissedError
from portcompare.http.requests import http_request
from portcompare.http.sending import send_alone
from portcompare.masking import mask_command
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

MOST_READINGS = 20  # Of the memory in a round

_libc = ctypes.CDLL(None)


@dataclass(slots=True)
class Watch:
    """What becomes of a server's processes in a round.

    One that comes and goes, as a program that a request runs, takes nobody's place.
    """

    restarts: int = 0  # How many ended while others took their place
    rss_bytes: list[int] = field(default_factory=list)  # What all of them held, at each look
    _known: dict[int, int] = field(default_factory=dict)  # The parent of each process
    _missing: Counter[int] = field(default_factory=Counter)  # How many have ended, by their parent

    def begin(self, tree: Mapping[int, int]) -> None:
        """Begin with the processes that there are, each with its parent."""
        self.restarts, self.rss_bytes, self._known, self._missing = 0, [], dict(tree), Counter()

    def look(self, tree: Mapping[int, int]) -> None:
        """Look at the processes again."""
        for pid in self._known.keys() - tree.keys():
            self._missing[self._known.pop(pid)] += 1
        for pid, parent in tree.items():
            if self._missing[parent] and pid not in self._known:
                self._missing[parent] -= 1
                self._known[pid] = parent
                self.restarts += 1
        self.rss_bytes.append(_read_rss_bytes(tree))


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningServer:
    """A server that serves one arm."""

    arm: str
    deployment: str
    url: str
    port: int
    ready_target: str  # what it responds to at any time without delay
    process: Supervised | None  # None if it was already running: nothing is known of its processes
    watch: Watch = field(default_factory=Watch)

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
        return is_listened_on_by(self.list_processes(), host, self.port)

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
        """What its process tree has used until now, and what was watched; None if it was already running."""
        if self.process is None:
            return None
        return self._with_watched(read_usage(self.process.pid))

    def begin_watch(self) -> None:
        """Watch its processes from now on: each `look`, until the next beginning."""
        self.watch.begin(self.list_processes())

    def look(self) -> None:
        """Look at its processes."""
        if self.process is not None:
            self.watch.look(self.list_processes())

    def _with_watched(self, usage: Usage) -> Usage:
        course = self.watch.rss_bytes
        readings = tuple(course[:: -(-len(course) // MOST_READINGS) or 1])
        peak_bytes = max([usage.rss_bytes, *course])
        return replace(usage, rss_bytes=peak_bytes, restarts=self.watch.restarts, rss_course_bytes=readings)

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
        tree = self.list_processes()
        _sleep_until(start_s)
        before = _read_cpu_s(tree)
        self.watch.begin(tree)
        read_start_s = read_end_s = time.monotonic()
        if read_start_s >= end_s:
            raise WindowMissedError(f"{self.arm}: the window was over before its CPU time could be read")
        latest = dict(before)
        while read_end_s < end_s:
            _sleep_until(min(read_end_s + SAMPLE_INTERVAL_S, end_s))
            latest |= _read_cpu_s(tree)
            read_end_s = time.monotonic()
            tree = self.list_processes()
            self.watch.look(tree)
        used_s = sum(latest.values()) - sum(before.values())
        scale = (end_s - start_s) / (read_end_s - read_start_s)
        return self._with_watched(Usage(cpu_s=used_s * scale, rss_bytes=0))

    def read_cpu_s(self) -> dict[int, float] | None:
        """CPU seconds of each of its processes until now; None if it was already running."""
        if self.process is None:
            return None
        return _read_cpu_s(self.list_processes())

    def list_processes(self) -> dict[int, int]:
        """Its processes, each with its parent; none if it was already running."""
        return {} if self.process is None else list_tree(self.process.pid)

    def failure(self, found: str) -> ServerError:
        """An error that says what is wrong with this server, with the end of its log."""
        name = self.arm if self.arm == self.deployment else f"{self.arm} ({self.deployment})"
        if self.process is None:
            more = f"    {self.url} was not started by portcompare: see that server's own log"
        else:
            more = f"    command: {' '.join(mask_command(self.process.command))}\n{self.process.show_log()}"
        return ServerError(f"{name}: {found}\n{more}")


def read_usage(watchdog: int) -> Usage:
    """Read what the processes below a watchdog have used."""
    tree = list_tree(watchdog)
    return Usage(cpu_s=sum(_read_cpu_s(tree).values()), rss_bytes=_read_rss_bytes(tree))


def list_tree(watchdog: int) -> dict[int, int]:
    """List the processes below a watchdog by their ids, each with its parent."""
    if found := _list_children(watchdog):
        return found
    with suppress(psutil.NoSuchProcess):  # not all kernels list children (CONFIG_PROC_CHILDREN)
        for process in psutil.Process(watchdog).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                found[process.pid] = process.ppid()
    return found


def _list_children(pid: int) -> dict[int, int]:
    """List the processes below one, in a hundredth of the time that looking through all processes takes."""
    found: dict[int, int] = {}
    with suppress(OSError):  # it has ended
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text(encoding="ascii").split()):
                found |= {child: pid} | _list_children(child)
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


def _read_rss_bytes(pids: Iterable[int]) -> int:
    pages = 0
    for pid in pids:
        with suppress(OSError):  # it has ended since it was listed
            pages += int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def _sleep_until(instant_s: float) -> None:
    time.sleep(max(instant_s - time.monotonic(), 0))


def measure_idle(server: RunningServer, path: str) -> float:
    """Measure how long an idle server takes to respond: the median of three requests, in seconds.

    A request without a response counts as the limit of waiting.
    """
    limit_s = SETTLE_LIMIT_S
    return median(_time_request(server, path, limit_s) or limit_s for _ in range(_IN_A_ROW))


def wait_until_settled(
    server: RunningServer, path: str, idle_s: float, limit_s: float = SETTLE_LIMIT_S
) -> bool:
    """Wait until a server responds quickly again; False if it does not within the limit.

    After an overload, requests of users that have left still wait in the server's queues. They would slow
    down the next round, and on a shared CPU the other arms too.
    """
    end_s = time.monotonic() + limit_s
    quick = 0
    while (left_s := end_s - time.monotonic()) > 0:
        took_s = _time_request(server, path, left_s)
        quick = quick + 1 if took_s is not None and took_s <= _SLOWER * idle_s + _JITTER_S else 0
        if quick == _IN_A_ROW:
            return True
    return False


def _time_request(server: RunningServer, path: str, timeout_s: float) -> float | None:
    """How long a response takes, in seconds; None if there is none."""
    server.check_alive()
    began_s = time.monotonic()
    try:
        send_alone(server.url, http_request(path), timeout_s)
    except MeasurementError:
        return None
    return time.monotonic() - began_s
