"""Whether the load generator was the limit: such a round says nothing of the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portcompare.units import count, duration, share

if TYPE_CHECKING:
    from portcompare.model import Round
    from portcompare.protocol import RoundDone


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorLimits:
    """What the load generator may have come to in a round that counts.

    Attributes:
        max_cpu_ratio: Its CPU seconds per second.
        max_lag_s: The 99th percentile of how late it was for a request that was due.
        max_stall_s: How long its event loop stood still.
    """

    max_cpu_ratio: float
    max_lag_s: float
    max_stall_s: float


def find_overload(measured: Round | RoundDone, limits: GeneratorLimits) -> str | None:
    """Say whether the load generator was the limit.

    Args:
        measured: The round, or the generator's own account of it.
        limits: What it may have come to.

    Returns:
        How it was; None if it was not.
    """
    if measured.generator_cpu_ratio > limits.max_cpu_ratio:
        return (
            f"the load generator was at {share(measured.generator_cpu_ratio)} of its CPU and may be the limit"
        )
    if measured.lag_p99_s is not None and measured.lag_p99_s > limits.max_lag_s:
        return (
            f"the load generator was more than {duration(measured.lag_p99_s)} late for 1% of the requests; "
            f"{duration(limits.max_lag_s)} are allowed"
        )
    if measured.stall_max_s > limits.max_stall_s:
        return (
            f"the load generator stood still for {duration(measured.stall_max_s)}, "
            f"more than {duration(limits.max_stall_s)}"
        )
    if measured.dropped:
        return f"{count(measured.dropped, 'request')} found no free connection in time"
    return None
