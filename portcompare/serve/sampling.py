"""CPU time and memory of a running server: of its whole process tree, without its keeper."""

from __future__ import annotations

import ctypes
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from portcompare.errors import WindowMissedError

if TYPE_CHECKING:
    from portcompare.serve.running import StartedServer

SAMPLE_INTERVAL_S = 0.2

_libc = ctypes.CDLL(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a process tree has used until now.

    Attributes:
        cpu_s: CPU seconds of the processes that are there, since each began.
        rss_bytes: Their resident memory; pages that they share are counted for each.
    """

    cpu_s: float
    rss_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowUsage:
    """What a process tree used in a window.

    Attributes:
        cpu_s: CPU seconds.
        rss_peak_bytes: The highest resident memory that was sampled.
    """

    cpu_s: float
    rss_peak_bytes: int


def read_usage(keeper: int) -> Usage:
    """Read what the processes below a keeper have used.

    Args:
        keeper: The keeper's process id.

    Returns:
        The usage; zeros if no process is left.
    """
    tree = list_tree(keeper)
    return Usage(cpu_s=sum(_read_cpu_s(tree).values()), rss_bytes=_read_rss_bytes(tree))


def measure_usage(server: StartedServer, start_s: float, end_s: float) -> WindowUsage:
    """Measure what a server uses in a window; blocks until the window has ended.

    CPU time is read once the clock has reached either end of the window. What was used between the two
    readings is scaled to the window's nominal length, as a reading cannot hit the very instant. A process
    that ends within the window counts up to the last sample it was seen in, one that begins within it from
    its beginning.

    Args:
        server: The server.
        start_s: The window's start, in seconds of `time.monotonic()`.
        end_s: Its end.

    Returns:
        The usage; zeros if no process was left.

    Raises:
        WindowMissedError: The window was over before it could be measured.
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
    return WindowUsage(
        cpu_s=(sum(latest.values()) - sum(before.values())) * scale, rss_peak_bytes=rss_peak_bytes
    )


def list_tree(keeper: int) -> list[psutil.Process]:
    """List the processes below a keeper.

    Args:
        keeper: The keeper's process id.

    Returns:
        Children, their children and so on; empty if the keeper has gone.
    """
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
