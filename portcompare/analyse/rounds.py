"""Which rounds and visits count: those that do not get the reason why, and every round gets its bound."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from portcompare.stats.bounds import exceeds_bound, find_bound
from portcompare.units import count, duration, share
from portcompare.wire.protocol import WRONG_BODY, WRONG_STATUS

if TYPE_CHECKING:
    from portcompare.records.pages import PageVisit
    from portcompare.records.rounds import LoadReport, Round
    from portcompare.stats.bounds import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorLimits:
    """What the load generator may have come to in a round that counts."""

    max_cpu_ratio: float  # Its CPU seconds per second
    max_lag_s: float  # The 99th percentile of how late it was for a request that was due
    max_stall_s: float  # How long its event loop stood still


def find_overload(load: LoadReport, limits: GeneratorLimits) -> str | None:
    """Say whether the load generator was the limit.

    Returns how it was; None if it was not.
    """
    if load.generator_cpu_ratio > limits.max_cpu_ratio:
        return f"the load generator was at {share(load.generator_cpu_ratio)} of its CPU and may be the limit"
    if load.lag_p99_s is not None and load.lag_p99_s > limits.max_lag_s:
        return (
            f"the load generator was more than {duration(load.lag_p99_s)} late for 1% of the requests; "
            f"{duration(limits.max_lag_s)} are allowed"
        )
    if load.stall_max_s > limits.max_stall_s:
        return (
            f"the load generator stood still for {duration(load.stall_max_s)}, "
            f"more than {duration(limits.max_stall_s)}"
        )
    if load.dropped:
        return f"{count(load.dropped, 'request')} found no free connection in time"
    return None


MOST_FAILURES = 0.01
"""The greatest part of requests that may fail for want of a response; one wrong response discards a round."""

_WRONG = (WRONG_STATUS, WRONG_BODY)


def judge_round(measured: Round, limits: Limits, generator: GeneratorLimits) -> Round:
    """Judge a round by itself."""
    bound = find_bound(measured.cpu_s_per_request, limits) if measured.load.requests else None
    reason = measured.discarded or _find_fault(measured, limits, generator)
    return replace(measured, bound=bound, discarded=reason)


def judge_visit(measured: PageVisit) -> PageVisit:
    """Judge the load that a page's server carried meanwhile.

    How busy the load generator was does not matter here: its figures are nobody's result, only a load. That
    no answer came is no fault either: a visit may be shorter than an answer takes, and each user had one
    before it.
    """
    if measured.users_load is None or measured.discarded or not measured.users_load.error_kinds:
        return measured
    requests, kinds = measured.users_load.requests, measured.users_load.error_kinds
    fault = _find_wrong(requests, kinds) or _find_failures(requests, kinds)
    return replace(measured, discarded=fault and f"under load {fault}")


def _find_fault(measured: Round, limits: Limits, generator: GeneratorLimits) -> str | None:
    return (
        _find_wrong(measured.load.requests, measured.load.error_kinds)
        or find_overload(measured.load, generator)
        or _find_failures(measured.load.requests, measured.load.error_kinds)
        or exceeds_bound(measured, limits)
    )


def _find_wrong(requests: int, kinds: dict[str, int]) -> str | None:
    if not requests:
        return "no request succeeded" + _listed(kinds)
    wrong = {kind: count for kind, count in kinds.items() if kind.startswith(_WRONG)}
    return "answers were wrong" + _listed(wrong) if wrong else None


def fail_too_often(requests: int, failed: int) -> bool:
    """Whether more requests failed than a round may have."""
    return failed > MOST_FAILURES * (requests + failed)


def _find_failures(requests: int, kinds: dict[str, int]) -> str | None:
    if not fail_too_often(requests, sum(kinds.values())):
        return None
    return f"more than {share(MOST_FAILURES)} of the requests failed" + _listed(kinds)


def _listed(kinds: dict[str, int]) -> str:
    return ": " + ", ".join(f"{count} x {kind}" for kind, count in kinds.items()) if kinds else ""
