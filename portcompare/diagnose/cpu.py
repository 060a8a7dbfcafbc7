"""Where the CPU goes that the other side does not spend: py-spy's samples of both, by function."""

import time
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, replace
from math import hypot, sqrt
from pathlib import Path
from subprocess import TimeoutExpired, run
from typing import NamedTuple, get_args

import psutil

from portcompare.diagnose.stacks import Function, Stacks, draw_flame_graph, read_stacks
from portcompare.diagnose.text import find_tool
from portcompare.errors import MeasurementError
from portcompare.records.diagnosis import CpuDifference, CpuGroup
from portcompare.serve.running import list_tree

RATE_HZ = 100  # Each sample pauses the processes: at 200 they need a third more CPU time a request
MOST_DIFFERENCES = 10
_NOISE = 2.0  # Standard errors that a difference has to exceed; the samples of a function are Poisson's
_START_LIMIT_S = 30.0  # How long py-spy may take beside the recording
_TICKS_PER_S = 100  # By which the kernel divides CPU time into the user's and its own

SYSTEM_CALLS = Function(group="interpreter", module="system calls")
UNLOCKED = Function(group="interpreter", module="what runs without the interpreter lock")


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """What the processes of a deployment were seen to run while they held the interpreter lock."""

    stacks: Stacks
    user_s: float  # CPU time of these processes meanwhile, in user mode
    system_s: float  # And in the kernel
    flame_graph: str  # The file's name; empty if nothing was seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A deployment's samples, with its CPU time and requests under the same load, best without py-spy."""

    deployment: str
    samples: Samples
    cpu_s: float
    requests: int

    @property
    def us_per_request(self) -> float:
        """CPU time of a request."""
        return 1e6 * self.cpu_s / self.requests


def record_cpu(pid: int, seconds: float, folder: Path, name: str, directory: Path) -> Samples:
    """Sample all processes below a watchdog, and draw the flame graph `NAME.svg` into a folder.

    Only threads that hold the interpreter lock are sampled, and all are paused for it: without a pause py-spy
    takes what a function has left behind for what runs, and without the lock it takes threads that it has
    itself woken for busy ones.

    `directory`: where the app lies.
    Raises MeasurementError if py-spy is missing, or may not read the processes.
    """
    raw = folder / f"{name}.stacks"
    command = [find_tool("py-spy"), "record", "--pid", str(pid), "--subprocesses", "--gil", "--function"]
    command += ["--format", "raw", "--full-filenames", "--output", str(raw), "--rate", str(RATE_HZ)]
    duration_s = max(round(seconds), 1)  # It takes whole ones only
    before, began_s = _read_times_s(pid), time.monotonic()
    try:
        done = run(
            [*command, "--duration", str(duration_s)],
            capture_output=True,
            text=True,
            timeout=duration_s + _START_LIMIT_S,
            check=False,
        )
    except TimeoutExpired:
        raise MeasurementError(f"py-spy did not end within {duration_s + _START_LIMIT_S:g} s") from None
    scale = duration_s / (time.monotonic() - began_s)
    user_s, system_s = (
        max(now - then, 0.0) * scale for now, then in zip(_read_times_s(pid), before, strict=True)
    )
    if done.returncode or not raw.exists():
        reason = next(iter(done.stderr.splitlines()), f"status {done.returncode}").removeprefix("Error: ")
        raise MeasurementError(
            f"py-spy could not read the stacks of process {pid}: {reason}. It needs ptrace: in a container "
            "`--cap-add SYS_PTRACE`, elsewhere `sysctl kernel.yama.ptrace_scope=0`, or to be run as root"
        )
    stacks = read_stacks(raw.read_text(encoding="utf-8").splitlines(), directory)
    raw.unlink()
    flame_graph = f"{name}.svg" if stacks else ""
    if stacks:
        (folder / flame_graph).write_text(draw_flame_graph(stacks, name), encoding="utf-8")
    return Samples(stacks=stacks, user_s=user_s, system_s=system_s, flame_graph=flame_graph)


def _read_times_s(watchdog: int) -> tuple[float, float]:
    user_s = system_s = 0.0
    for pid in list_tree(watchdog):
        with suppress(psutil.NoSuchProcess):  # It has ended since it was listed
            times = psutil.Process(pid).cpu_times()
            user_s, system_s = user_s + times.user, system_s + times.system
    return user_s, system_s


def compare_cpu(baseline: Profile, candidate: Profile, scenario: str) -> tuple[list[CpuDifference], str]:
    """The largest differences beyond the noise of sampling, and what all come to in words."""
    for profile in (baseline, candidate):
        if not profile.samples.stacks or not profile.requests:
            return [], f"py-spy saw nothing run in {profile.deployment}: where its CPU time goes is not known"
    ours, theirs = _divide(candidate), _divide(baseline)
    differences: list[CpuDifference] = []
    groups: defaultdict[CpuGroup, float] = defaultdict(float)
    for function in ours.keys() | theirs.keys():
        here, there = ours[function], theirs[function]
        groups[function.group] += here.us - there.us
        if abs(here.us - there.us) > _NOISE * hypot(here.error_us, there.error_us):
            differences.append(
                CpuDifference(
                    deployment=candidate.deployment,
                    scenario=scenario,
                    group=function.group,
                    function=function.label,
                    us_per_request=here.us - there.us,
                    baseline_us_per_request=there.us,
                )
            )
    largest = sorted(differences, key=lambda one: (-abs(one.us_per_request), one.function))[:MOST_DIFFERENCES]
    more_us = candidate.us_per_request - baseline.us_per_request
    shares = ", ".join(f"{group} {groups[group]:+,.0f}" for group in get_args(CpuGroup))
    return largest, (
        f"a request takes {candidate.us_per_request:,.0f} us of CPU time in {candidate.deployment}, "
        f"{more_us:+,.0f} us beside {baseline.deployment}: {shares}; "
        f"those listed make up {sum(one.us_per_request for one in largest):+,.0f} us"
    )


class _Cost(NamedTuple):
    us: float  # CPU time of a request
    error_us: float


def _divide(profile: Profile) -> defaultdict[Function, _Cost]:
    """Divide the CPU time of a request among what runs itself, by the samples."""
    seen = profile.samples
    times_s = seen.user_s + seen.system_s
    counts = Counter[Function]()
    for stack, count in seen.stacks.items():
        inner = stack[-1]
        # Of others' code the whole module: it has many functions, each too small to stand out from chance.
        counts[inner if inner.group == "app" else replace(inner, name="")] += count
    total = counts.total()
    # Where the lock was held for less than what the processes used, C code ran beside it; it is held for more
    # where they waited for a CPU.
    locked_s = min(total / RATE_HZ, seen.user_s or total / RATE_HZ)
    us_per_s = profile.us_per_request / (times_s or locked_s)
    sample_us = locked_s * us_per_s / total
    # What was not seen may be seen once the next time.
    found: defaultdict[Function, _Cost] = defaultdict(lambda: _Cost(0.0, sample_us))
    for function, count in counts.items():
        found[function] = _Cost(count * sample_us, sqrt(count) * sample_us)
    found[SYSTEM_CALLS] = _Cost(seen.system_s * us_per_s, sqrt(seen.system_s / _TICKS_PER_S) * us_per_s)
    found[UNLOCKED] = _Cost(max(seen.user_s - locked_s, 0.0) * us_per_s, sqrt(total) * sample_us)
    return found
