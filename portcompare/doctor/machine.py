"""The facts of this machine that matter for a measurement."""

import math
import os
import platform
import re
import resource
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median

import psutil

from portcompare.browser import search_program
from portcompare.plan import Plan
from portcompare.records.manifest import Steadiness
from portcompare.serve.app_python.portcompare_import_check import find_versions
from portcompare.serve.cpus import share_cpus
from portcompare.serve.manifest import read_cpu_model, read_governors
from portcompare.serve.servers import SERVERS
from portcompare.serve.watchdog import open_files_limit
from portcompare.stats.intervals import LEAST_BLOCKS, degrees_of_freedom, quantile

_CLOCK_READINGS = 2000
_GENERATOR = re.compile(r"^portcompare\.loadgen|(^|/)locust$")  # A part of its command line


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The facts; None stands for what this machine does not state."""

    cpu_model: str  # empty where the kernel does not state it
    cpu_count: int
    usable_cpus: tuple[int, ...]  # those that this process may use
    server_cpus: tuple[int, ...]  # of them, those of a server with one worker
    generator_cpus: tuple[int, ...]  # of them, those of the load generator
    cpu_quota: float | None  # CPU seconds per second that the control groups allow; None for no limit
    busy_ratio: float  # the part of its time that the busiest of these CPUs worked for other processes
    load_average: float  # processes that ran or wanted to, on average over the last minute
    governors: tuple[str, ...]  # how the clock rates of these CPUs are chosen
    open_files_soft: int  # files that this process may have open
    open_files_hard: int | None  # how far it may raise that; None for no limit
    open_files_given: int  # files that servers and load generator may have open when portcompare starts them
    backlog_limit: int | None  # the longest queue of connections that wait to be accepted
    kernel: str  # name and release
    memory_bytes: int
    available_bytes: int  # memory that can be used without swapping
    clock_source: str | None
    clock_step_s: float  # the median step between two readings of the clock, one right after the other
    browser: str | None  # path of Chromium; None if it was not found
    playwright: str | None  # its version; None if it is not installed
    servers: dict[str, str]  # versions of the server programs installed, and of what makes them faster
    missing: dict[str, tuple[str, ...]]  # the distributions that other servers lack, by server


def examine_machine(watch_s: float = 1.0) -> Machine:
    """Find the facts; best while nothing is measured."""
    usable = sorted(os.sched_getaffinity(0))
    cpus = share_cpus(usable)
    before = read_cpu_times(Path("/proc/stat"))
    time.sleep(watch_s)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    memory = psutil.virtual_memory()
    clock_readings_s = [time.perf_counter() for _ in range(_CLOCK_READINGS)]
    backlog = _read(Path("/proc/sys/net/core/somaxconn"))
    wanted = {name for server in SERVERS.values() for name in (*server.distributions, *server.accelerators)}
    installed = find_versions({*wanted, "uvloop"})
    lacking = {
        name: tuple(each for each in server.distributions if each not in installed)
        for name, server in SERVERS.items()
    }
    return Machine(
        cpu_model=read_cpu_model(Path("/proc/cpuinfo")),
        cpu_count=os.cpu_count() or 1,
        usable_cpus=tuple(usable),
        server_cpus=cpus.server,
        generator_cpus=cpus.generator,
        cpu_quota=read_cpu_quota(Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")),
        busy_ratio=find_busiest(before, read_cpu_times(Path("/proc/stat")), cpus.all_cpus),
        load_average=os.getloadavg()[0],
        governors=read_governors(Path("/sys/devices/system/cpu"), cpus.all_cpus),
        open_files_soft=soft,
        open_files_hard=None if hard == resource.RLIM_INFINITY else hard,
        open_files_given=open_files_limit(),
        backlog_limit=None if backlog is None else int(backlog),
        kernel=f"{platform.system()} {platform.release()}",
        memory_bytes=memory.total,
        available_bytes=memory.available,
        clock_source=_read(Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")),
        clock_step_s=median(later - earlier for earlier, later in pairwise(clock_readings_s)),
        browser=search_program(),
        playwright=find_versions(["playwright"]).get("playwright"),
        servers=installed,
        missing={name: distributions for name, distributions in lacking.items() if distributions},
    )


TURN_S = 0.1  # The speed is averaged over so long, as docs/method.md counts it
_LOOK_S = 0.6  # For each CPU that is looked at
_LOOP = range(20_000)  # About half a millisecond of work
START_DEVIATION = 0.01  # By how much two starts of one server differ in rate, for no reason that is known


def look_at_steadiness(plan: Plan, cpus: Iterable[int], look_s: float = _LOOK_S) -> Steadiness:
    """Time the same work again and again on each CPU, and expect from it what the plan can show.

    Source of the expectation: docs/method.md, "What a run can tell".
    """
    allowed = os.sched_getaffinity(0)
    try:
        deviation = max(_deviation_of(cpu, look_s) for cpu in cpus)
    finally:
        os.sched_setaffinity(0, allowed)
    blocks = max(plan.rounds.min_blocks, LEAST_BLOCKS)
    turns = blocks * min(map(plan.window_s, plan.scenarios)) / TURN_S
    error = math.sqrt(deviation**2 / turns + 2 * START_DEVIATION**2 / blocks)
    half_width = math.exp(quantile(degrees_of_freedom(blocks)) * error)
    return Steadiness(
        deviation=deviation, detectable_ratio=(1 + plan.rounds.margins["throughput"]) * half_width - 1
    )


def _deviation_of(cpu: int, look_s: float) -> float:
    os.sched_setaffinity(0, {cpu})
    speeds: list[float] = []
    for _ in range(max(round(look_s / TURN_S), 2)):
        began_s, loops = time.perf_counter(), 0
        while time.perf_counter() - began_s < TURN_S:
            sum(_LOOP)
            loops += 1
        speeds.append(loops / (time.perf_counter() - began_s))
    return math.sqrt(fmean(math.log(later / earlier) ** 2 for earlier, later in pairwise(speeds)))


def read_cpu_quota(own: Path, groups: Path) -> float | None:
    """Read how much CPU time the control groups of this process allow, in CPU seconds per second.

    It is the tightest limit, from `cpu.max`: quota and period in microseconds (the kernel's
    Documentation/admin-guide/cgroup-v2.rst); None if there is none, or if the groups are of version 1.
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
    """Read how many ticks each CPU has been busy since the machine was started, and how many there were."""
    times = {}
    for line in stat.read_text(encoding="utf-8").splitlines():
        name, *ticks = line.split()
        if name.startswith("cpu") and name != "cpu":
            user, nice, system, idle, iowait, *others = map(int, ticks[:8])
            busy = user + nice + system + sum(others)
            times[int(name.removeprefix("cpu"))] = (busy, busy + idle + iowait)
    return times


def find_busiest(
    before: dict[int, tuple[int, int]], after: dict[int, tuple[int, int]], cpus: tuple[int, ...]
) -> float:
    """The part of its time that the busiest of some CPUs was busy."""
    return max((after[cpu][0] - before[cpu][0]) / max(after[cpu][1] - before[cpu][1], 1) for cpu in cpus)


_WORKING = 0.05  # So much of a CPU disturbs a measurement


def read_other_generators(own: int) -> dict[int, float]:
    """Read how much CPU time each load generator on this machine has used, by its process, in seconds.

    `own`: a process; what it has started is left out.
    """
    mine = {own, *(child.pid for child in psutil.Process(own).children(recursive=True))}
    return {
        process.pid: sum(process.info["cpu_times"][:2])
        for process in psutil.process_iter(["cmdline", "cpu_times"])
        if process.pid not in mine and any(map(_GENERATOR.search, process.info["cmdline"] or ()))
    }


def have_worked(before: Mapping[int, float], now: Mapping[int, float], between_s: float) -> bool:
    """Whether one of some processes has worked between two readings of their CPU time."""
    return any(used_s - before.get(pid, 0.0) > _WORKING * between_s for pid, used_s in now.items())


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:  # it does not exist here, or may not be read
        return None
