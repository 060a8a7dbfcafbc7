"""The table of all rounds, discarded ones too: nothing that was measured is hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcompare import units
from portcompare.report.wording import (
    NOT_KNOWN,
    known,
    latencies,
    level_text,
    visible,
    why_usage_unknown,
)

if TYPE_CHECKING:
    from portcompare.records.results import Results
    from portcompare.records.rounds import Round

ROUND_HEADER = (
    "Block",
    "Order",
    "Scenario",
    "Level",
    "Arm",
    "Deployment",
    "Counts",
    "Window",
    "Warm-up",
    "Steady",
    "Answers",
    "Errors",
    "Rate",
    "p50",
    "p95",
    "p99",
    "p99.9",
    "Max",
    "Handler",
    "CPU per request",
    "Memory, peak",
    "Bytes per answer",
    "Reconnects",
    "Offered",
    "Not sent",
    "Lag, p99",
    "Lag, max",
    "Stall, max",
    "Generator CPU",
    "Bound",
)


def round_rows(results: Results) -> tuple[tuple[str, ...], ...]:
    """One row for each round, in the record's order."""
    return tuple(_row(results, round_) for round_ in results.rounds)


def _row(results: Results, round_: Round) -> tuple[str, ...]:
    reason = why_usage_unknown(results, round_.deployment)
    usage = f"{NOT_KNOWN}: {reason}" if reason else NOT_KNOWN
    load = round_.load
    kinds = ", ".join(f"{kind}: {times:,}" for kind, times in load.error_kinds.items())
    return (
        f"{round_.block + 1:,}",
        f"{round_.order + 1:,}",
        visible(round_.scenario),
        level_text(results, round_.scenario, round_.level),
        visible(round_.arm),
        visible(round_.deployment),
        "yes" if round_.discarded is None else f"discarded: {visible(round_.discarded)}",
        units.duration(load.window_s),
        units.duration(load.warmup_s),
        "yes" if load.steady else "no",
        f"{load.requests:,}",
        f"{load.errors:,}" + (f" ({visible(kinds)})" if kinds else ""),
        units.rate(load.rate_rps),
        *latencies(load.latency_s).values(),
        known(load.handler_s, units.duration),
        known(round_.cpu_s_per_request, units.duration, usage),
        known(round_.rss_peak_bytes, units.size, usage),
        known(load.received_bytes_per_request, units.size),
        f"{load.reconnects:,}",
        known(load.offered_rps, units.rate),
        f"{load.dropped:,}",
        known(load.lag_p99_s, units.duration),
        known(load.lag_max_s, units.duration),
        units.duration(load.stall_max_s),
        units.share(load.generator_cpu_ratio),
        NOT_KNOWN if round_.bound is None else f"{units.rate(round_.bound.rate_rps)} ({round_.bound.name})",
    )
