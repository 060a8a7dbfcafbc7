"""The most that theory allows: a figure above it is a mistake of the measurement, not a success."""

from dataclasses import dataclass, replace

from portcompare.records.rounds import Bound, Round
from portcompare.units import count, duration, rate

TOLERANCE = 0.02
"""By how much a rate may exceed its bound: CPU time is read some milliseconds beside the window's edges."""

TIMER_S = 0.001  # Event loops whose timers count whole milliseconds end a delay by up to this much too early


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What limits a round, besides what it measures."""

    concurrency: int  # Requests that can be under way at once: the users, or the open model's connections
    # Requests that were due per second in the open model; None in the closed one
    offered_rps: float | None = None
    slots: int | None  # Requests that the server can hold in handlers at once; None for no limit
    delay_s: float  # Waiting that every response contains by design
    server_cpus: int  # CPUs that the server may use; 0 where neither that nor its CPU time is known
    slot_noun: str = "slot"  # What each of them is


def find_bound(cpu_s_per_request: float | None, limits: Limits) -> Bound | None:
    """The lowest of the bounds that apply.

    `cpu_s_per_request`: CPU seconds of the server per request; None if not known.
    Returns None if nothing is known that would limit the rate. The offered rate is a bound only in the long
    run: a window may also hold responses to requests that were due before it.
    Source: utilization law and Little's law (N = X R), in Denning and Buzen, "The Operational Analysis of
    Queueing Network Models", ACM Computing Surveys 10 (3), 1978.
    """
    bounds = _lasting_bounds(cpu_s_per_request, limits)
    if limits.offered_rps:
        reason = f"{rate(limits.offered_rps)} were offered"
        bounds.append(Bound(name="offered", rate_rps=limits.offered_rps, reason=reason))
    return min(bounds, key=lambda bound: bound.rate_rps, default=None)


def _lasting_bounds(cpu_s_per_request: float | None, limits: Limits) -> list[Bound]:
    """The bounds that hold for responses whenever their requests were due."""
    bounds = []
    # No request is served faster than its CPU time takes on all the server's CPUs together.
    cpu_s = cpu_s_per_request or 0.0
    service_s = cpu_s / limits.server_cpus if cpu_s else 0.0
    held_s = limits.delay_s + service_s
    noun = "user" if limits.offered_rps is None else "connection"
    under_way = count(limits.concurrency, noun)
    if limits.slots is not None and held_s > 0:
        waiting = f"{under_way} for " if limits.concurrency > limits.slots else ""
        held = " + ".join(duration(part_s) for part_s in (limits.delay_s, service_s) if part_s > 0)
        reason = f"{waiting}{count(limits.slots, limits.slot_noun)}, each held {held} by a request"
        bounds.append(Bound(name="slots", rate_rps=limits.slots / held_s, reason=reason))
    if service_s > 0:
        reason = f"{count(limits.server_cpus, 'CPU')} at {duration(cpu_s)} a request"
        bounds.append(Bound(name="server CPU", rate_rps=1 / service_s, reason=reason))
    if limits.delay_s > 0:
        reason = f"{under_way}, each waiting {duration(limits.delay_s)} for a response"
        bounds.append(Bound(name=f"{noun}s", rate_rps=limits.concurrency / limits.delay_s, reason=reason))
    return bounds


def exceeds_bound(measured: Round, limits: Limits) -> str | None:
    """Say why a round's rate is impossible; None if it is possible."""
    lenient = replace(limits, delay_s=max(limits.delay_s - TIMER_S, 0.0))
    # The offered rate is left out: the window may hold responses to requests from before it.
    bounds = _lasting_bounds(measured.cpu_s_per_request, lenient)
    if not bounds:
        return None
    bound = min(bounds, key=lambda bound: bound.rate_rps)
    # Each user or connection can have one request more inside the window than its share: the one under way
    # at its start.
    most = bound.rate_rps * measured.load.window_s * (1 + TOLERANCE) + limits.concurrency
    if measured.load.requests <= most:
        return None
    return (
        f"{measured.load.requests} requests in {duration(measured.load.window_s)} are more than the bound "
        f"allows ({bound.name}: {bound.reason}); is the scenario's delay_s right?"
    )
