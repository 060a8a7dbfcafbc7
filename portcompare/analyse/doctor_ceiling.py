"""What the load generator's ceiling means for a measurement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from portcompare.analyse.doctor import Finding
from portcompare.analyse.generator import find_overload
from portcompare.units import count, duration, rate, share

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portcompare.analyse.generator import GeneratorLimits
    from portcompare.measure.ceiling import Ceiling
    from portcompare.protocol import RoundDone

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
_CALM = "close what else runs"


def find_distrust(done: RoundDone, limits: GeneratorLimits) -> str | None:
    """Say why a window of open load against the null server cannot be trusted.

    Args:
        done: What happened inside it.
        limits: What the load generator may have come to.

    Returns:
        The reason; None if it can be trusted: nothing failed, the load generator kept to its limits, and as
        many requests were answered as were offered, within 1% and one request.
    """
    if done.void is not None:
        return done.void
    if done.error_kinds:
        return f"there were failures: {', '.join(done.error_kinds)}"
    overload = find_overload(done, limits)
    if overload is not None:
        return overload
    offered_rps = done.offered_rps or 0.0
    if abs(done.rate_rps - offered_rps) > MOST_MISSED * offered_rps + 1 / done.window_s:
        return f"{rate(done.rate_rps)} were answered where {rate(offered_rps)} were offered"
    return None


def judge_ceiling(ceiling: Ceiling, limits: GeneratorLimits, *, apart: bool) -> tuple[Finding, ...]:
    """Say what the load generator's ceiling means for a measurement.

    Args:
        ceiling: What was measured.
        limits: What the load generator may come to in a round that counts.
        apart: Whether it and the null server had CPUs of their own.

    Returns:
        Findings on the closed load, the open load and the least latency.
    """
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
        remedy = f"{'; '.join(faults)}: {_CALM} and try again"
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
            remedy=f"{_CALM}, or use another machine",
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
        remedy = f"differences smaller than that cannot be told: {_CALM}"
        return Finding(subject=subject, mark="note", found=found, remedy=remedy)
    return Finding(subject=subject, mark="ok", found=found)
