"""The figures of a run for programs: CSV in SI units, and OpenMetrics text for Prometheus and its like."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.openmetrics.exposition import generate_latest

from portcompare.records.estimates import Comparison
from portcompare.records.results import Results, Summary
from portcompare.records.rounds import Round
from portcompare.report.wording import PERCENTILES, visible

_PLACE = ("scenario", "arm", "deployment", "block", "order", "level")
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
_LATENCIES = tuple(PERCENTILES.values())
_OTHERS = ("cpu_s_per_request", "rss_peak_bytes", "bound", "bound_rps", "discarded")


def render_rounds(results: Results) -> str:
    """All rounds as CSV, one row each; what is not known is an empty cell."""
    header = (*_PLACE, *_LOAD, *(f"{field}_s" for field in _LATENCIES), *_OTHERS)
    return _csv(header, map(_round, results.rounds))


def _round(one: Round) -> Iterator[object]:
    yield from (visible(name) for name in (one.scenario, one.arm, one.deployment))
    yield from (one.block, one.order, one.level)
    yield from (getattr(one.load, field) for field in _LOAD)
    yield from (getattr(one.load.latency_s, field, None) for field in _LATENCIES)
    yield from (one.cpu_s_per_request, one.rss_peak_bytes)
    yield from (one.bound.name, one.bound.rate_rps) if one.bound else (None, None)
    yield None if one.discarded is None else visible(one.discarded)


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
    """All comparisons as CSV, one row each; what is not known is an empty cell."""
    return _csv(_COMPARISON, ([show(one) for show in _COMPARISON.values()] for one in results.comparisons))


def _csv(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return file.getvalue()


_UNITS = {"seconds", "bytes"}
"""What the names of metrics end in where they have a unit."""

_SUMMARIES: dict[str, tuple[str, Callable[[Summary], float | None]]] = {
    "rate_rps": ("Median of the rounds' successful requests per second.", lambda one: one.rate_rps),
    "bound_rps": (
        "The most requests per second that theory allows.",
        lambda one: one.bound.rate_rps if one.bound else None,
    ),
    "handler_seconds": ("Median time in the handler.", lambda one: one.handler_s),
    "cpu_per_request_seconds": (
        "Median CPU time of the server per request.",
        lambda one: one.cpu_s_per_request,
    ),
    "rss_peak_bytes": (
        "Highest resident memory of the server's process tree.",
        lambda one: one.rss_peak_bytes,
    ),
    "answer_size_bytes": (
        "Median size of a response on the wire.",
        lambda one: one.received_bytes_per_request,
    ),
    "cost_per_million": (
        "CPU cost of a million requests, in the plan's currency.",
        lambda one: one.cost_per_million,
    ),
    "requests_measured": ("Successful requests in the rounds that count.", lambda one: one.requests),
    "errors_measured": ("Failed requests in all rounds.", lambda one: one.errors),
    "rounds_counted": ("Rounds that count.", lambda one: one.rounds),
    "rounds_discarded": ("Rounds that do not count.", lambda one: one.discarded_rounds),
}
"""Gauges of each arm at each level: help, and where the value comes from."""

_RATIOS: dict[str, tuple[str, Callable[[Comparison], float | None]]] = {
    "ratio": ("Candidate divided by baseline.", lambda one: one.ratio.point),
    "ratio_low": ("Lower end of the ratio's 95% interval.", lambda one: one.ratio.low),
    "ratio_high": ("Upper end of the ratio's 95% interval.", lambda one: one.ratio.high),
}
"""Gauges of each comparison: help, and where the value comes from."""


def render_openmetrics(results: Results) -> str:
    """The metrics of a run."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(results))
    text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    return text.decode()


@dataclass(frozen=True, slots=True, eq=False)  # the registry hashes its collectors
class _Collector:
    results: Results

    def collect(self) -> Iterator[Metric]:
        run = self.results
        about = (
            ("name", run.name),
            ("started_at", run.started_at),
            ("portcompare", run.manifest.portcompare),
        )
        labels = {key: visible(text) for key, text in about}
        yield InfoMetricFamily("portcompare_run", "The run that these metrics come from.", value=labels)
        yield from _gauge("valid", "Whether the run may be relied on.", [({}, run.valid)])
        yield from _gauge("partial", "Whether the run broke off.", [({}, run.partial)])
        alike = run.parity.equal if run.parity else None
        yield from _gauge("answers_alike", "Whether all deployments respond alike.", [({}, alike)])
        arms = [
            ({"scenario": s.scenario, "level": _level(s.level), "arm": s.arm, "deployment": s.deployment}, s)
            for s in run.summaries
        ]
        for name, (text, value_of) in _SUMMARIES.items():
            yield from _gauge(name, text, ((labels, value_of(one)) for labels, one in arms))
        latencies = (
            (labels | {"percentile": name}, getattr(one.latency_s, field, None))
            for labels, one in arms
            for name, field in PERCENTILES.items()
        )
        yield from _gauge("latency_seconds", "Medians of the rounds' percentiles; max over all.", latencies)
        compared = [
            (
                {
                    "scenario": c.scenario,
                    "level": _level(c.level),
                    "candidate": c.candidate,
                    "metric": c.metric,
                },
                c,
            )
            for c in run.comparisons
        ]
        for name, (text, ratio_of) in _RATIOS.items():
            yield from _gauge(name, text, ((labels, ratio_of(one)) for labels, one in compared))
        verdicts = ((labels | {"verdict": one.ratio.verdict or "invalid"}, 1) for labels, one in compared)
        yield from _gauge("verdict", "The verdict on each comparison, in the label.", verdicts)
        gates = (
            (
                {
                    "gate": str(number),
                    "scenario": gate.check.subject.scenario or "",
                    "level": _level(gate.check.subject.level),
                    "candidate": gate.check.subject.arm,
                    "metric": gate.check.metric,
                    "outcome": gate.check.outcome,
                },
                gate.passed,
            )
            for number, gate in enumerate(run.gates)
        )
        yield from _gauge("gate_passed", "Whether a gate of the plan lets the run pass.", gates)


def _level(level: float) -> str:
    return f"{level:.15g}"


def _gauge(name: str, text: str, samples: Iterable[tuple[dict[str, str], float | None]]) -> Iterator[Metric]:
    """A metric with a sample for each value that is known; none at all if no value is."""
    unit = name.rpartition("_")[2]
    family = GaugeMetricFamily(f"portcompare_{name}", text, unit=unit if unit in _UNITS else "")
    for labels, value in samples:
        if value is not None:
            family.add_sample(
                family.name, {key: visible(label) for key, label in labels.items()}, float(value)
            )
    if family.samples:
        yield family
