"""What the machine's facts mean for a measurement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from portcompare.analyse.rounds import find_overload
from portcompare.units import count, duration, rate, share, significant, size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portcompare.analyse.rounds import GeneratorLimits
    from portcompare.doctor.ceiling import Ceiling
    from portcompare.doctor.machine import Machine
    from portcompare.wire.protocol import RoundDone


Mark = Literal["ok", "note", "warning"]

MOST_BUSY: Final = 0.1
"""More of a CPU used by others moves a rate by more than twice the usual equivalence margin of 5%."""

FAR_TOO_BUSY: Final = 0.5
"""A CPU that others use for more than half of the time is theirs."""

FEW_USERS: Final = 1024
"""As many connections as `portcompare load --rate` may open."""

RESERVED_FILES: Final = 64
"""Files that a server or the load generator has open besides its connections; both have less than that."""

USUAL_BACKLOG: Final = 2048
"""What servers are told unless the plan says otherwise."""

LEAST_AVAILABLE_BYTES: Final = 512 * 1024**2
"""What five servers, the load generator and portcompare itself take; what is swapped is measured as slow."""

COARSE_CLOCK_S: Final = 1e-6
"""The resolution of the latency histogram."""

_CALM = "close what else runs, or wait until it is done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was found out about the machine."""

    subject: str  # What it is about
    mark: Mark  # "ok", "note" for what is good to know, "warning" for what spoils or limits measurements
    found: str  # What was found
    remedy: str = ""  # What to do about it; empty if nothing is to be done
    disqualifies: bool = False  # Whether nothing that is measured here and now can be trusted


def judge_machine(machine: Machine) -> tuple[Finding, ...]:
    """Say what the machine's facts mean for a measurement."""
    return (
        _cpus(machine),
        _other_work(machine),
        _frequency(machine),
        _open_files(machine),
        _backlog(machine),
        _memory(machine),
        Finding(subject="kernel", mark="ok", found=machine.kernel),
        _clock(machine),
        _servers(machine),
        _browser(machine),
    )


def _cpus(machine: Machine) -> Finding:
    found = ", ".join(_describe_cpus(machine))
    if machine.server_cpus == machine.generator_cpus:
        remedy = (
            "servers and load generator take time from each other: compare arms, but do not take rates and "
            "latencies for a server's own; better use a machine with two CPUs"
        )
        return Finding(subject="CPUs", mark="warning", found=found, remedy=remedy)
    if machine.cpu_quota is not None and machine.cpu_quota < len(machine.usable_cpus):
        remedy = (
            "once that time is used up all processes stand still for a while: raise the container's limit"
        )
        return Finding(subject="CPUs", mark="warning", found=found, remedy=remedy)
    return Finding(subject="CPUs", mark="ok", found=found)


def _describe_cpus(machine: Machine) -> Iterator[str]:
    usable = len(machine.usable_cpus)
    yield count(machine.cpu_count, "CPU") + (f" ({machine.cpu_model})" if machine.cpu_model else "")
    if usable != machine.cpu_count:
        yield f"{usable} usable"
    if machine.cpu_quota is not None:
        yield f"limited to the time of {significant(machine.cpu_quota)}"
    if machine.server_cpus == machine.generator_cpus:
        yield f"servers and load generator share CPU {machine.server_cpus[0]}"
    else:
        yield f"a server with one worker on CPU {machine.server_cpus[0]}"
        yield f"load generator on CPU {machine.generator_cpus[0]}"


def _other_work(machine: Machine) -> Finding:
    busy = share(machine.busy_ratio)
    found = f"{busy} of the busiest CPU in use by others, load average {significant(machine.load_average)}"
    if machine.busy_ratio > MOST_BUSY:
        return Finding(
            subject="other work",
            mark="warning",
            found=found,
            remedy=_CALM,
            disqualifies=machine.busy_ratio > FAR_TOO_BUSY,
        )
    if machine.load_average > len(machine.usable_cpus):
        remedy = "it was crowded within the last minute: make sure that what ran does not come back"
        return Finding(subject="other work", mark="note", found=found, remedy=remedy)
    return Finding(subject="other work", mark="ok", found=found)


def _frequency(machine: Machine) -> Finding:
    subject = "CPU clock rate"
    if not machine.governors:
        found = "the machine does not tell how it is chosen, as most virtual ones do not"
        return Finding(subject=subject, mark="ok", found=found)
    found = f"governor {' and '.join(machine.governors)}"
    if machine.governors == ("performance",):
        return Finding(subject=subject, mark="ok", found=found)
    remedy = (
        "it follows the load, so that a lightly loaded server looks slow: "
        "`cpupower frequency-set --governor performance`, as root"
    )
    return Finding(subject=subject, mark="warning", found=found, remedy=remedy)


def _open_files(machine: Machine) -> Finding:
    given, soft, subject = machine.open_files_given, machine.open_files_soft, "open files"
    users = max(given - RESERVED_FILES, 0)
    found = f"{given:,} for each process that portcompare starts: {count(users, 'user')}"
    if users < FEW_USERS:
        remedy = f"raise the hard limit, as root: `ulimit -n {FEW_USERS + RESERVED_FILES}` or more"
        return Finding(subject=subject, mark="warning", found=found, remedy=remedy)
    if soft < given:
        remedy = f"plain Locust has fewer unless you say `ulimit -n {given}` before you start it"
        return Finding(subject=subject, mark="note", found=found, remedy=remedy)
    return Finding(subject=subject, mark="ok", found=found)


def _backlog(machine: Machine) -> Finding:
    subject, limit = "listen backlog", machine.backlog_limit
    if limit is None:
        return Finding(subject=subject, mark="note", found="its limit cannot be read")
    found = f"up to {count(limit, 'connection')} wait to be accepted"
    if limit < USUAL_BACKLOG:
        remedy = (
            f"servers ask for {USUAL_BACKLOG:,} and are silently given less: "
            f"`sysctl -w net.core.somaxconn={USUAL_BACKLOG}`, as root, for levels of more users than that"
        )
        return Finding(subject=subject, mark="warning", found=found, remedy=remedy)
    return Finding(subject=subject, mark="ok", found=found)


def _memory(machine: Machine) -> Finding:
    found = f"{size(machine.available_bytes)} available of {size(machine.memory_bytes)}"
    if machine.available_bytes < LEAST_AVAILABLE_BYTES:
        remedy = f"{_CALM}: servers whose memory is swapped are slow"
        return Finding(subject="memory", mark="warning", found=found, remedy=remedy)
    return Finding(subject="memory", mark="ok", found=found)


def _clock(machine: Machine) -> Finding:
    found = f"steps of {duration(machine.clock_step_s)}, source {machine.clock_source or 'not told'}"
    if machine.clock_step_s > COARSE_CLOCK_S:
        remedy = (
            "latencies are no finer than that, and to read it costs CPU time: choose a faster one of "
            "/sys/devices/system/clocksource/clocksource0/available_clocksource, such as tsc"
        )
        return Finding(subject="clock", mark="warning", found=found, remedy=remedy)
    return Finding(subject="clock", mark="ok", found=found)


def _servers(machine: Machine) -> Finding:
    subject = "server programs"
    found = ", ".join(f"{name} {version}" for name, version in sorted(machine.servers.items())) or "none"
    if not machine.missing:
        return Finding(subject=subject, mark="ok", found=found)
    packages = sorted({package for lacking in machine.missing.values() for package in lacking})
    remedy = f"for {', '.join(machine.missing)}: `pip install {' '.join(packages)}`"
    return Finding(subject=subject, mark="note", found=found, remedy=remedy)


def _browser(machine: Machine) -> Finding:
    subject, browser, driver = "browser", machine.browser, machine.playwright
    found = f"{browser or 'no Chromium on PATH'}, {f'Playwright {driver}' if driver else 'no Playwright'}"
    remedies = [
        *(["`apt install chromium`"] if browser is None else []),
        *(["`pip install 'portcompare[browser]'`"] if driver is None else []),
    ]
    if not remedies:
        return Finding(subject=subject, mark="ok", found=found)
    remedy = f"to measure pages in a browser: {' and '.join(remedies)}; nothing else needs it"
    return Finding(subject=subject, mark="note", found=found, remedy=remedy)


MOST_MISSED: Final = 0.01
"""The part of the offered requests by which the answered ones may differ."""

MOST_SPREAD: Final = 0.1
"""Of the closed windows' rates, fastest less slowest divided by the median.

In five windows that is 2.33 standard deviations, so one of 4.3%. The ratio of two such rounds has 6.1%, and
its interval over ten blocks, the most that a plan has by default, is 4.4% to either side: just within the
usual equivalence margin of 5%. With a larger spread "equivalent" cannot be said.

References:
    2.33, the mean range of five normal values: Tippett, "On the extreme individuals and the range of samples
    taken from a normal population", Biometrika 17, 1925.
"""

SLOW_S: Final = 1e-3
"""A generator that adds this much alone hides what fast servers differ by."""

_ONE = "one load-generator process"
_CALM_doctor_ceiling = "close what else runs"


def find_distrust(done: RoundDone, limits: GeneratorLimits) -> str | None:
    """Say why a window of open load against the null server cannot be trusted.

    Returns the reason; None if it can be trusted: nothing failed, the load generator kept to its limits, and
    as many requests were answered as were offered, within 1% and one request.
    """
    if done.load.failure is not None:
        return done.load.failure
    if done.load.error_kinds:
        return f"there were failures: {', '.join(done.load.error_kinds)}"
    overload = find_overload(done.load, limits)
    if overload is not None:
        return overload
    offered_rps = done.load.offered_rps or 0.0
    if abs(done.load.rate_rps - offered_rps) > MOST_MISSED * offered_rps + 1 / done.load.window_s:
        return f"{rate(done.load.rate_rps)} were answered where {rate(offered_rps)} were offered"
    return None


def judge_ceiling(ceiling: Ceiling, limits: GeneratorLimits, *, apart: bool) -> tuple[Finding, ...]:
    """Say what the load generator's ceiling means for a measurement."""
    return (_closed(ceiling, limits, apart=apart), _open(ceiling), _least_latency(ceiling))


def _closed(ceiling: Ceiling, limits: GeneratorLimits, *, apart: bool) -> Finding:
    subject = "closed load"
    if ceiling.error_kinds or not ceiling.closed_rps:
        failures = ", ".join(f"{number:,} x {kind}" for kind, number in ceiling.error_kinds.items())
        return Finding(
            subject=subject,
            mark="warning",
            found=f"requests to the null server failed: {failures or 'none was answered'}",
            remedy="see to that first: nothing else is as simple to reach as this server",
            disqualifies=True,
        )
    spread_ratio = (ceiling.closed_high_rps - ceiling.closed_low_rps) / ceiling.closed_rps
    found = (
        f"{rate(ceiling.closed_rps)} with {count(ceiling.users, 'user')} by {_ONE}, "
        f"its windows {share(spread_ratio)} apart"
    )
    faults = tuple(_closed_faults(ceiling, limits, spread_ratio, apart=apart))
    if faults:
        remedy = f"{'; '.join(faults)}: {_CALM_doctor_ceiling} and try again"
        return Finding(subject=subject, mark="warning", found=found, remedy=remedy)
    return Finding(subject=subject, mark="ok", found=found)


def _closed_faults(
    ceiling: Ceiling, limits: GeneratorLimits, spread_ratio: float, *, apart: bool
) -> Iterator[str]:
    if apart and ceiling.closed_cpu_ratio < limits.max_cpu_ratio:
        used = share(ceiling.closed_cpu_ratio)
        yield (
            f"it can do more: it had only {used} of its CPU, as others used that one or the null server's, "
            f"or the null server is slow (uvloop makes it faster)"
        )
    if spread_ratio > MOST_SPREAD:
        yield "the machine is too unsteady to call two servers equivalent within 5%"


def _open(ceiling: Ceiling) -> Finding:
    subject = "open load"
    if ceiling.trusted_rps is None or ceiling.trusted_cpu_ratio is None or ceiling.trusted_lag_p99_s is None:
        reason = ceiling.distrust or "no request was answered"
        return Finding(
            subject=subject,
            mark="warning",
            found=f"no rate can be trusted, not even a tenth of the closed load's: {reason}",
            remedy=f"{_CALM_doctor_ceiling}, or use another machine",
            disqualifies=True,
        )
    found = (
        f"up to {rate(ceiling.trusted_rps)} can be trusted, by {_ONE}: CPU "
        f"{share(ceiling.trusted_cpu_ratio)}, lag p99 {duration(ceiling.trusted_lag_p99_s)}"
    )
    beyond = f"; beyond that: {ceiling.distrust}" if ceiling.distrust else ""
    return Finding(subject=subject, mark="ok", found=found + beyond)


def _least_latency(ceiling: Ceiling) -> Finding:
    subject, least = "least latency", ceiling.alone_s
    if least is None:
        return Finding(subject=subject, mark="warning", found="no request was answered", disqualifies=True)
    found = (
        f"p50 {duration(least.p50)}, p99 {duration(least.p99)}: what a server that does nothing seems to take"
    )
    if least.p99 > SLOW_S:
        remedy = f"differences smaller than that cannot be told: {_CALM_doctor_ceiling}"
        return Finding(subject=subject, mark="note", found=found, remedy=remedy)
    return Finding(subject=subject, mark="ok", found=found)
