"""The figures of each deployment, and the comparisons of the candidates with the baseline, in words."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from portcompare import units
from portcompare.records.metrics import METRICS
from portcompare.records.results import Results, Summary
from portcompare.records.rounds import BASELINE, CONTROL
from portcompare.report.wording import (
    NOT_KNOWN,
    TONES,
    Tone,
    interval,
    known,
    latencies,
    level_text,
    visible,
    why_usage_unknown,
)

ARM_HEADER = ("Pattern", "Server processing", "Response delay", "Network payload", "Verdict")
_SHOWN_PERCENTILES = ("p50", "p95", "p99")
_ROLES = {BASELINE: "baseline", CONTROL: "control"}


def build_deployments(results: Results) -> dict[str, Any]:
    """What the section on the deployments shows."""
    return {"groups": rows_by_level(arm_rows(results))} if results.summaries else {}


def build_ratios(results: Results) -> dict[str, Any]:
    """What the section on the ratios shows besides their charts."""
    return (
        {"header": COMPARISON_HEADER, "comparisons": comparison_rows(results)} if results.comparisons else {}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmRow:
    """The figures of one arm at one level, in words."""

    scenario: str
    level: str  # The level with its unit
    deployment: str
    role: str  # "baseline", "control", or empty for a candidate
    unknown: str  # Why CPU time and memory are not known; empty if they are, or for another reason
    rounds: str  # How many rounds counted, and how many did not
    cpu: str
    handler: str  # Time in the handler
    outside: str  # Time outside it: queue, server and network
    memory: str  # Highest resident memory
    percentiles: tuple[tuple[str, str], ...]  # Names and values of the response time's p50, p95 and p99
    rate: str  # Successful requests per second
    errors: str  # How many requests failed; empty if none did
    payload: str  # Size of a response
    ratio: str  # Throughput against the baseline; empty where nothing was compared, as for the baseline
    interval: str  # The ratio's 95% interval; empty where there is no ratio
    verdict: str  # The verdict on the throughput; "baseline" for the baseline
    tone: Tone | None  # How good that is; None where nothing is judged
    bound: str  # The share of the bound that was reached, and what the bound is


def arm_rows(results: Results) -> tuple[ArmRow, ...]:
    """One row for each arm and level, in the record's order."""
    return tuple(_arm_row(results, summary) for summary in results.summaries)


def rows_by_level(rows: Iterable[ArmRow]) -> dict[tuple[str, str], list[ArmRow]]:
    """The rows in groups, whatever their order."""
    groups: dict[tuple[str, str], list[ArmRow]] = {}
    for row in rows:
        groups.setdefault((row.scenario, row.level), []).append(row)
    return groups


def arm_cells(row: ArmRow) -> tuple[tuple[str, ...], ...]:
    """The row's five cells, each as lines of text."""
    return (
        (row.scenario, row.level, row.deployment, *filter(None, [row.role and f"({row.role})"]), row.rounds),
        (
            f"CPU {row.cpu}",
            f"handler {row.handler}",
            f"outside {row.outside}",
            f"memory {row.memory}",
            *filter(None, [row.unknown and f"({row.unknown})"]),
        ),
        (
            *(f"{name} {value}" for name, value in row.percentiles),
            f"rate {row.rate}",
            *filter(None, [row.errors]),
        ),
        (row.payload,),
        (outcome(row.ratio, row.verdict), *filter(None, [row.interval]), row.bound),
    )


def outcome(ratio: str, verdict: str) -> str:
    """A ratio with its verdict, both in words."""
    return f"{ratio}, {verdict}" if ratio == NOT_KNOWN else f"{ratio} {verdict}".strip()


def _arm_row(results: Results, summary: Summary) -> ArmRow:
    is_baseline, ratio = summary.arm == BASELINE, summary.ratio
    verdict = ratio.verdict if ratio else None
    return ArmRow(
        scenario=visible(summary.scenario),
        level=level_text(results, summary.scenario, summary.level),
        deployment=visible(summary.deployment),
        role=_ROLES.get(summary.arm, ""),
        unknown=why_usage_unknown(results, summary.deployment),
        rounds=units.count(summary.rounds, "round")
        + (f", {summary.discarded_rounds:,} discarded" if summary.discarded_rounds else ""),
        cpu=known(summary.cpu_s_per_request, units.duration),
        handler=known(summary.handler_s, units.duration),
        outside=known(summary.outside_handler_s, units.duration),
        memory=known(summary.rss_peak_bytes, units.size),
        percentiles=tuple(
            (name, text) for name, text in latencies(summary.latency_s).items() if name in _SHOWN_PERCENTILES
        ),
        rate=known(summary.rate_rps, units.rate),
        errors=units.count(summary.errors, "error") if summary.errors else "",
        payload=known(summary.received_bytes_per_request, units.size),
        ratio=known(ratio.point, units.ratio) if ratio else "",
        interval=interval(ratio) if ratio and ratio.point is not None else "",
        verdict="baseline" if is_baseline else verdict or NOT_KNOWN,
        tone=TONES[verdict] if verdict else None,
        bound=_bound(summary),
    )


def _bound(summary: Summary) -> str:
    if summary.bound is None or summary.bound_share is None:
        return f"bound {NOT_KNOWN}"
    bound = summary.bound
    rate = units.rate(bound.rate_rps)
    if bound.name == "offered":
        return f"{units.share(summary.bound_share)} of the offered rate, {rate}"
    # The edges of a window let a valid rate come out a little above its bound.
    share = units.share(min(summary.bound_share, 1.0))
    return f"{share} of its bound, {rate}: {visible(bound.reason)}"


COMPARISON_HEADER = (
    "Scenario",
    "Level",
    "Metric",
    "Candidate",
    "Ratio",
    "95% interval",
    "Blocks",
    "Verdict",
    "Reason",
)


class ComparisonRow(NamedTuple):
    """The cells of one comparison, in the order of `COMPARISON_HEADER`."""

    scenario: str
    level: str
    metric: str
    candidate: str
    ratio: str
    interval: str
    blocks: str
    verdict: str
    reason: str


def comparison_rows(results: Results) -> tuple[ComparisonRow, ...]:
    """One row for each comparison, in the record's order."""
    return tuple(
        ComparisonRow(
            scenario=visible(c.scenario),
            level=level_text(results, c.scenario, c.level),
            metric=METRICS[c.metric].label,
            candidate=visible(c.candidate),
            ratio=known(c.ratio.point, units.ratio),
            interval=interval(c.ratio),
            blocks=f"{c.ratio.blocks:,}",
            verdict=METRICS[c.metric].word(c.ratio.verdict or "invalid"),
            reason=visible(c.ratio.reason),
        )
        for c in results.comparisons
    )
