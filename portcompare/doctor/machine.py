"""What this machine is, as far as it bears on a measurement."""

from __future__ import annotations

import os
import platform
import resource
import shutil
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

import psutil

from portcompare.browser.chromium import BROWSERS
from portcompare.serve.app_python.portcompare_import_check import find_versions
from portcompare.serve.cpus import share_cpus
from portcompare.serve.manifest import read_cpu_model, read_governors
from portcompare.serve.servers import SERVERS
from portcompare.serve.watchdog import open_files_limit

_READINGS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What was found; None stands for what this machine does not tell."""

    cpu_model: str  # The processor's name; empty where the kernel does not tell it
    cpu_count: int  # The machine's CPUs
    usable_cpus: tuple[int, ...]  # Those that this process may use
    server_cpus: tuple[int, ...]  # Of them, those that a server with one worker would have
    generator_cpus: tuple[int, ...]  # Of them, those of the load generator
    # How many CPUs' time this process and those beside it may use; None without such a limit
    cpu_quota: float | None
    # The part of their time that the busiest of the servers' and the generator's CPUs spent on others' work
    busy_ratio: float
    load_average: float  # Processes that ran or wanted to, on average over the last minute
    # How the clocks of the servers' and the generator's CPUs are chosen; empty if not told
    governors: tuple[str, ...]
    open_files_soft: int  # Files that this process may have open
    open_files_hard: int | None  # How far it may raise that; None for no limit
    open_files_given: int  # Files that servers and load generator may have open when portcompare starts them
    backlog_limit: int | None  # The longest queue of connections that wait to be accepted
    kernel: str  # Name and release
    memory_bytes: int  # The machine's memory
    available_bytes: int  # How much of it can be used without swapping
    clock_source: str | None  # What the kernel reads the time from
    clock_step_s: float  # The median step between two readings of the clock, one right after the other
    browser: str | None  # Path of Chromium; None if it was not found
    playwright: str | None  # The version of what drives it; None if it is not installed
    # The versions of the server programs that are installed, and of what makes them faster
    servers: dict[str, str]
    missing: dict[str, tuple[str, ...]]  # What the other server programs lack, by the server's name in plans


def examine_machine(watch_s: float = 1.0) -> Machine:
    """Find out what this machine is; best while nothing is being measured.

    `watch_s`: for how long it is watched what others use of the CPUs, in seconds.
    """
    usable = sorted(os.sched_getaffinity(0))
    cpus = share_cpus(usable)
    measured_on = sorted({*cpus.server, *cpus.generator})
    before = read_cpu_times(Path("/proc/stat"))
    time.sleep(watch_s)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    memory = psutil.virtual_memory()
    sys, proc = Path("/sys"), Path("/proc")
    return Machine(
        cpu_model=read_cpu_model(proc / "cpuinfo"),
        cpu_count=os.cpu_count() or 1,
        usable_cpus=tuple(usable),
        server_cpus=cpus.server,
        generator_cpus=cpus.generator,
        cpu_quota=read_cpu_quota(proc / "self/cgroup", sys / "fs/cgroup"),
        busy_ratio=find_busiest(before, read_cpu_times(proc / "stat"), measured_on),
        load_average=os.getloadavg()[0],
        governors=read_governors(sys / "devices/system/cpu", measured_on),
        open_files_soft=soft,
        open_files_hard=None if hard == resource.RLIM_INFINITY else hard,
        open_files_given=open_files_limit(),
        backlog_limit=_read_number(proc / "sys/net/core/somaxconn"),
        kernel=f"{platform.system()} {platform.release()}",
        memory_bytes=memory.total,
        available_bytes=memory.available,
        clock_source=_read(sys / "devices/system/clocksource/clocksource0/current_clocksource"),
        clock_step_s=_measure_clock_step(),
        browser=next((path for path in map(shutil.which, BROWSERS) if path), None),
        playwright=find_versions(["playwright"]).get("playwright"),
        servers=find_versions(
            [
                *(name for server in SERVERS.values() for name in server.distributions),
                *(name for server in SERVERS.values() for name in server.accelerators),
                "uvloop",
            ]
        ),
        missing=_find_missing(),
    )


def read_cpu_quota(own: Path, groups: Path) -> float | None:
    """Read how much CPU time the control groups that this process is in may use.

    Returns the tightest limit, in CPU seconds per second; None if there is none, or if groups are of version
    1. References: `cpu.max` in the kernel's Documentation/admin-guide/cgroup-v2.rst: quota and period in
    microseconds.
    """
    lines = (_read(own) or "").splitlines()
    path = next((line.removeprefix("0::") for line in lines if line.startswith("0::")), "/")
    group = groups / path.lstrip("/")
    quotas = []
    for folder in (group, *group.parents):
        quota, _, period = (_read(folder / "cpu.max") or "max").partition(" ")
        if quota != "max":
            quotas.append(int(quota) / int(period))
        if folder == groups:
            break
    return min(quotas, default=None)


def read_cpu_times(stat: Path) -> dict[int, tuple[int, int]]:
    """Read what each CPU has done since the machine was started."""
    times = {}
    for line in stat.read_text(encoding="utf-8").splitlines():
        name, *ticks = line.split()
        if name.startswith("cpu") and name != "cpu":
            user, nice, system, idle, iowait, *others = map(int, ticks[:8])
            busy = user + nice + system + sum(others)
            times[int(name.removeprefix("cpu"))] = (busy, busy + idle + iowait)
    return times


def find_busiest(
    before: dict[int, tuple[int, int]], after: dict[int, tuple[int, int]], cpus: list[int]
) -> float:
    """The part of its time that the busiest of some CPUs was busy."""
    busy = [after[cpu][0] - before[cpu][0] for cpu in cpus]
    ticks = [after[cpu][1] - before[cpu][1] for cpu in cpus]
    return max(one / total if total else 0.0 for one, total in zip(busy, ticks, strict=True))


def _find_missing() -> dict[str, tuple[str, ...]]:
    lacking = {
        name: tuple(each for each in server.distributions if not find_versions([each]))
        for name, server in SERVERS.items()
    }
    return {name: distributions for name, distributions in lacking.items() if distributions}


def _measure_clock_step() -> float:
    readings = [time.perf_counter() for _ in range(_READINGS)]
    return median(later - earlier for earlier, later in pairwise(readings))


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:  # there is no such thing here, or it is not for us
        return None


def _read_number(path: Path) -> int | None:
    text = _read(path)
    return None if text is None else int(text)
