"""A run as OpenMetrics text, for Prometheus and what else reads its format."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.openmetrics.exposition import generate_latest

from portcompare.records.estimates import Comparison
from portcompare.records.results import GateResult, Results, Summary
from portcompare.report.wording import PERCENTILES, visible

Samples = Iterable[tuple[dict[str, str], float | None]]
"""Labels, each with its value; None if it is not known."""

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

_COMPARISONS: dict[str, tuple[str, Callable[[Comparison], float | None]]] = {
    "ratio": ("Candidate divided by baseline.", lambda one: one.ratio.point),
    "ratio_low": ("Lower end of the ratio's 95% interval.", lambda one: one.ratio.low),
    "ratio_high": ("Upper end of the ratio's 95% interval.", lambda one: one.ratio.high),
}
"""Gauges of each comparison: help, and where the value comes from."""


def render(results: Results) -> str:
    """The metrics of a run."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(results))
    text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    return text.decode()


@dataclass(frozen=True, slots=True, eq=False)  # the registry hashes its collectors
class _Collector:
    results: Results

    def collect(self) -> Iterator[Metric]:
        results = self.results
        run = {"name": results.name, "started_at": results.started_at}
        labels = {key: visible(text) for key, text in run.items()}
        labels["portcompare"] = visible(results.manifest.portcompare)
        yield InfoMetricFamily("portcompare_run", "The run that these metrics come from.", value=labels)
        yield from _gauge("valid", "Whether the run may be relied on.", [({}, results.valid)])
        yield from _gauge("partial", "Whether the run broke off.", [({}, results.partial)])
        if results.parity is not None:
            alike = results.parity.equal
            yield from _gauge("answers_alike", "Whether all deployments respond alike.", [({}, alike)])
        for name, (text, value_of) in _SUMMARIES.items():
            yield from _gauge(name, text, ((_of_arm(one), value_of(one)) for one in results.summaries))
        yield from _gauge(
            "latency_seconds",
            "Medians of the rounds' percentiles; max over all.",
            [
                (_of_arm(one) | {"percentile": name}, getattr(one.latency_s, field))
                for one in results.summaries
                if one.latency_s
                for name, field in PERCENTILES.items()
            ],
        )
        for name, (text, ratio_of) in _COMPARISONS.items():
            yield from _gauge(
                name, text, ((_of_comparison(one), ratio_of(one)) for one in results.comparisons)
            )
        verdicts = [
            (_of_comparison(one) | {"verdict": one.ratio.verdict or "invalid"}, 1)
            for one in results.comparisons
        ]
        yield from _gauge("verdict", "The verdict on each comparison, in the label.", verdicts)
        passed = [(_of_gate(gate, number), gate.passed) for number, gate in enumerate(results.gates)]
        yield from _gauge("gate_passed", "Whether a gate of the plan lets the run pass.", passed)


def _gauge(name: str, text: str, samples: Samples) -> Iterator[Metric]:
    """A metric with a sample for each value that is known; none at all if no value is."""
    unit = name.rpartition("_")[2]
    family = GaugeMetricFamily(f"portcompare_{name}", text, unit=unit if unit in _UNITS else "")
    for labels, value in samples:
        if value is not None:
            visible_labels = {key: visible(label) for key, label in labels.items()}
            family.add_sample(family.name, visible_labels, float(value))
    if family.samples:
        yield family


def _of_gate(gate: GateResult, number: int) -> dict[str, str]:
    return {
        "gate": str(number),
        "scenario": gate.check.subject.scenario or "",
        "level": f"{gate.check.subject.level:.15g}",
        "candidate": gate.check.subject.arm,
        "metric": gate.check.metric,
        "outcome": gate.check.outcome,
    }


def _of_arm(one: Summary) -> dict[str, str]:
    level = f"{one.level:.15g}"
    return {"scenario": one.scenario, "level": level, "arm": one.arm, "deployment": one.deployment}


def _of_comparison(one: Comparison) -> dict[str, str]:
    level = f"{one.level:.15g}"
    return {"scenario": one.scenario, "level": level, "candidate": one.candidate, "metric": one.metric}
