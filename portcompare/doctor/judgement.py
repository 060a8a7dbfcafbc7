"""What the facts of the machine and of the load generator mean for a measurement."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from portcompare.analyse.rounds import find_overload
from portcompare.doctor.ceiling import Ceiling
from portcompare.doctor.machine import Machine
from portcompare.plan import Generator
from portcompare.serve.extras import command_for_extras, command_for_packages
from portcompare.units import count, duration, rate, share, significant, size
from portcompare.wire.protocol import RoundDone

Mark = Literal["ok", "note", "warning"]

# More of a CPU used by other processes moves a rate by more than twice the usual margin of 5%.
MOST_BUSY: Final = 0.1
FAR_TOO_BUSY: Final = 0.5  # other processes then have the CPU for most of the time

FEW_USERS: Final = 1024  # the connections that `portcompare load --rate` may open
RESERVED_FILES: Final = 64  # files that a server or the load generator has open besides its connections
USUAL_BACKLOG: Final = 2048  # the default of plans

# What five servers, the load generator and portcompare itself take.
LEAST_AVAILABLE_BYTES: Final = 512 * 1024**2

COARSE_CLOCK_S: Final = 1e-6  # the resolution of the latency histogram
MOST_MISSED: Final = 0.01  # the part of the offered requests by which the completed ones may differ

# Of the closed windows' rates, fastest less slowest divided by the median. In five windows that is 2.33
# standard deviations (Tippett, Biometrika 17, 1925), so one of 4.3%. The ratio of two such rounds has 6.1%,
# and its interval over ten blocks, the most that a plan has by default, is 4.4% to either side: just within
# the usual equivalence margin of 5%. With a larger spread "equivalent" cannot be said.
MOST_SPREAD: Final = 0.1

SLOW_S: Final = 1e-3  # a generator that adds this much hides the differences between fast servers

_CALM = "close what else runs, or wait until it is done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fact about the machine or the load generator, judged."""

    subject: str
    mark: Mark  # "note" for what is good to know, "warning" for what spoils or limits measurements
    found: str
    remedy: str = ""  # empty if nothing is to be done
    disqualifies: bool = False  # nothing that is measured here and now can be trusted


def _judge(
    subject: str, found: str, remedy: str = "", *, mark: Mark = "warning", disqualifies: bool = False
) -> Finding:
    """Make a finding; one without a remedy is "ok"."""
    mark = mark if remedy else "ok"
    return Finding(subject=subject, mark=mark, found=found, remedy=remedy, disqualifies=disqualifies)


def judge_machine(machine: Machine) -> tuple[Finding, ...]:
    """Judge the facts of the machine."""
    return (*_judge_cpus(machine), *_judge_limits(machine), *_judge_programs(machine))


def _judge_cpus(machine: Machine) -> Iterator[Finding]:
    usable, quota, server_cpu = len(machine.usable_cpus), machine.cpu_quota, machine.server_cpus[0]
    facts = [count(machine.cpu_count, "CPU") + (f" ({machine.cpu_model})" if machine.cpu_model else "")]
    if usable != machine.cpu_count:
        facts.append(f"{usable} usable")
    remedy = ""
    if quota is not None:
        facts.append(f"limited to the time of {significant(quota)}")
        if quota < usable:
            remedy = "once that time is used up, all processes pause: raise the container's limit"
    if machine.server_cpus == machine.generator_cpus:
        facts.append(f"servers and load generator share CPU {server_cpu}")
        remedy = (
            "servers and load generator take CPU time from each other: compare deployments, but do not read "
            "rates and latencies as those of a server; a machine with two CPUs is better"
        )
    else:
        facts.append(f"a server with one worker on CPU {server_cpu}")
        facts.append(f"load generator on CPU {machine.generator_cpus[0]}")
    yield _judge("CPUs", ", ".join(facts), remedy)

    found = (
        f"{share(machine.busy_ratio)} of the busiest CPU used by other processes, "
        f"load average {significant(machine.load_average)}"
    )
    if machine.busy_ratio > MOST_BUSY:
        yield _judge("other work", found, _CALM, disqualifies=machine.busy_ratio > FAR_TOO_BUSY)
    else:
        crowded = machine.load_average > usable
        remedy = "the CPUs were crowded within the last minute: make sure that what ran does not come back"
        yield _judge("other work", found, remedy if crowded else "", mark="note")

    governors = " and ".join(machine.governors)
    found = "the machine does not state how it is chosen, as most virtual ones do not"
    if governors:
        found = f"governor {governors}"
    remedy = (
        "it follows the load, so that a lightly loaded server looks slow: "
        "`cpupower frequency-set --governor performance`, as root"
    )
    yield _judge("CPU clock rate", found, "" if governors in ("", "performance") else remedy)


def _judge_limits(machine: Machine) -> Iterator[Finding]:
    given, backlog = machine.open_files_given, machine.backlog_limit
    users = max(given - RESERVED_FILES, 0)
    found = f"{given:,} for each process that portcompare starts: {count(users, 'user')}"
    if users < FEW_USERS:
        least = FEW_USERS + RESERVED_FILES
        yield _judge("open files", found, f"raise the hard limit, as root: `ulimit -n {least}` or more")
    else:
        remedy = f"plain Locust has fewer unless you run `ulimit -n {given}` before you start it"
        yield _judge("open files", found, remedy if machine.open_files_soft < given else "", mark="note")

    if backlog is None:
        yield Finding(subject="listen backlog", mark="note", found="its limit cannot be read")
    else:
        remedy = (
            f"servers request {USUAL_BACKLOG:,} and silently get less: "
            f"`sysctl -w net.core.somaxconn={USUAL_BACKLOG}`, as root, for levels of more users than that"
        )
        found = f"up to {count(backlog, 'connection')} wait to be accepted"
        yield _judge("listen backlog", found, remedy if backlog < USUAL_BACKLOG else "")

    found = f"{size(machine.available_bytes)} available of {size(machine.memory_bytes)}"
    is_short = machine.available_bytes < LEAST_AVAILABLE_BYTES
    yield _judge("memory", found, f"{_CALM}: servers whose memory is swapped are slow" if is_short else "")

    yield _judge("kernel", machine.kernel)

    found = f"steps of {duration(machine.clock_step_s)}, source {machine.clock_source or 'not known'}"
    remedy = (
        "latencies are no finer than that, and each reading costs CPU time: choose a faster one of "
        "/sys/devices/system/clocksource/clocksource0/available_clocksource, such as tsc"
    )
    yield _judge("clock", found, remedy if machine.clock_step_s > COARSE_CLOCK_S else "")


def _judge_programs(machine: Machine) -> Iterator[Finding]:
    found = ", ".join(f"{name} {version}" for name, version in sorted(machine.servers.items())) or "none"
    packages = sorted({package for missing in machine.missing.values() for package in missing})
    remedy = (
        f"for {', '.join(machine.missing)}: `{command_for_packages(sys.executable, packages)}`"
        if packages
        else ""
    )
    yield _judge("server programs", found, remedy, mark="note")

    browser, driver = machine.browser, machine.playwright
    found = f"{browser or 'no Chromium on PATH'}, {f'Playwright {driver}' if driver else 'no Playwright'}"
    needed = {"`apt install chromium`": browser, f"`{command_for_extras('browser')}`": driver}
    commands = [command for command, found_here in needed.items() if found_here is None]
    remedy = f"to measure pages in a browser: {' and '.join(commands)}; nothing else needs it"
    yield _judge("browser", found, remedy if commands else "", mark="note")


def why_untrusted(done: RoundDone, limits: Generator) -> str | None:
    """Why a window of open load against the null server cannot be trusted; None if it can."""
    load = done.load
    if load.failure is not None:
        return load.failure
    if load.error_kinds:
        return f"requests failed: {', '.join(load.error_kinds)}"
    overload = find_overload(load, limits)
    if overload is not None:
        return overload
    offered_rps = load.offered_rps or 0.0
    if abs(load.rate_rps - offered_rps) > MOST_MISSED * offered_rps + 1 / load.window_s:
        return f"{rate(load.rate_rps)} were completed where {rate(offered_rps)} were offered"
    return None


def judge_ceiling(ceiling: Ceiling, limits: Generator, *, apart: bool) -> Iterator[Finding]:
    """Judge how much load the load generator can make; `apart`: it has a CPU of its own."""
    yield _judge_closed_load(ceiling, limits, apart=apart)

    reason = ceiling.untrusted_reason
    if ceiling.trusted_rps is None or ceiling.trusted_cpu_ratio is None or ceiling.trusted_lag_p99_s is None:
        reason = reason or "no request was completed"
        found = f"no rate can be trusted, not even a tenth of the closed load's: {reason}"
        remedy = "close what else runs, or use another machine"
        yield _judge("open load", found, remedy, disqualifies=True)
    else:
        found = (
            f"up to {rate(ceiling.trusted_rps)} can be trusted, by one load-generator process: CPU "
            f"{share(ceiling.trusted_cpu_ratio)}, lag p99 {duration(ceiling.trusted_lag_p99_s)}"
        )
        yield _judge("open load", found + (f"; beyond that: {reason}" if reason else ""))

    subject, least = "least latency", ceiling.latency_s
    if least is None:
        yield Finding(subject=subject, mark="warning", found="no request was completed", disqualifies=True)
        return
    found = f"p50 {duration(least.p50)}, p99 {duration(least.p99)}: the latency of a server that does nothing"
    remedy = "smaller differences cannot be seen: close what else runs"
    yield _judge(subject, found, remedy if least.p99 > SLOW_S else "", mark="note")


def _judge_closed_load(ceiling: Ceiling, limits: Generator, *, apart: bool) -> Finding:
    subject = "closed load"
    if ceiling.error_kinds or not ceiling.closed_rps:
        failures = ", ".join(f"{number:,} x {kind}" for kind, number in ceiling.error_kinds.items())
        found = f"requests to the null server failed: {failures or 'none was completed'}"
        remedy = "find the cause first: no server is simpler to reach than this one"
        return _judge(subject, found, remedy, disqualifies=True)
    spread_ratio = (ceiling.closed_high_rps - ceiling.closed_low_rps) / ceiling.closed_rps
    found = (
        f"{rate(ceiling.closed_rps)} with {count(ceiling.users, 'user')} by one load-generator process, "
        f"its windows {share(spread_ratio)} apart"
    )
    faults = []
    if apart and ceiling.closed_cpu_ratio < limits.max_cpu_ratio:
        faults.append(
            f"it can do more: it had only {share(ceiling.closed_cpu_ratio)} of its CPU, as other processes "
            "used that one or the null server's, or the null server is slow (uvloop makes it faster)"
        )
    if spread_ratio > MOST_SPREAD:
        faults.append("the machine is too unsteady to call two servers equivalent within 5%")
    remedy = f"{'; '.join(faults)}: close what else runs and try again" if faults else ""
    return _judge(subject, found, remedy)
