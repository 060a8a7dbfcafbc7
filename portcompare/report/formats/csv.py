"""All rounds and all comparisons as CSV, in SI units, one row each; what is not known is an empty cell."""

import csv
import io
from collections.abc import Callable, Iterable

from portcompare.records.estimates import Comparison
from portcompare.records.results import Results
from portcompare.records.rounds import Round
from portcompare.report.wording import PERCENTILES, visible

_LOAD = (
    "started_at_s",
    "window_s",
    "warmup_s",
    "steady",
    "requests",
    "errors",
    "rate_rps",
    "handler_s",
    "received_bytes_per_request",
    "offered_rps",
    "dropped",
    "lag_p99_s",
    "lag_max_s",
    "stall_max_s",
    "generator_cpu_ratio",
    "reconnects",
)


def render_rounds(results: Results) -> str:
    """All rounds."""
    places = ("scenario", "arm", "deployment", "block", "order", "level")
    latencies = [f"{field}_s" for field in PERCENTILES.values()]
    others = ("cpu_s_per_request", "rss_peak_bytes", "bound", "bound_rps", "discarded")
    return _table([(*places, *_LOAD, *latencies, *others), *map(_round, results.rounds)])


_COMPARISON: dict[str, Callable[[Comparison], object]] = {
    "scenario": lambda one: visible(one.scenario),
    "level": lambda one: one.level,
    "metric": lambda one: one.metric,
    "candidate": lambda one: visible(one.candidate),
    "blocks": lambda one: one.ratio.blocks,
    "ratio": lambda one: one.ratio.point,
    "low": lambda one: one.ratio.low,
    "high": lambda one: one.ratio.high,
    "verdict": lambda one: one.ratio.verdict,
    "reason": lambda one: visible(one.ratio.reason),
}


def render_comparisons(results: Results) -> str:
    """All comparisons."""
    rows = ([show(one) for show in _COMPARISON.values()] for one in results.comparisons)
    return _table([_COMPARISON, *rows])


def _round(one: Round) -> tuple[object, ...]:
    latency, bound = one.load.latency_s, one.bound
    return (
        visible(one.scenario),
        visible(one.arm),
        visible(one.deployment),
        one.block,
        one.order,
        one.level,
        *(getattr(one.load, field) for field in _LOAD),
        *(getattr(latency, field) if latency else None for field in PERCENTILES.values()),
        one.cpu_s_per_request,
        one.rss_peak_bytes,
        bound.name if bound else None,
        bound.rate_rps if bound else None,
        None if one.discarded is None else visible(one.discarded),
    )


def _table(rows: Iterable[Iterable[object]]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue()
