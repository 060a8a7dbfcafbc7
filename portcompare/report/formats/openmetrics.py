"""A run as OpenMetrics text, for Prometheus and what else reads its format.

References:
    OpenMetrics 1.0, https://prometheus.io/docs/specs/om/open_metrics_spec/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcompare.report.wording import PERCENTILES, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from portcompare.records.checks import GateResult
    from portcompare.records.estimates import Comparison
    from portcompare.records.results import Results, Summary

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

_SUMMARIES: dict[str, tuple[str, str, Callable[[Summary], float | None]]] = {
    "rate_rps": ("", "Median of the rounds' successful requests per second.", lambda one: one.rate_rps),
    "bound_rps": (
        "",
        "The most requests per second that theory allows.",
        lambda one: one.bound.rate_rps if one.bound else None,
    ),
    "handler_seconds": ("seconds", "Median time in the handler.", lambda one: one.handler_s),
    "cpu_per_request_seconds": (
        "seconds",
        "Median CPU time of the server per request.",
        lambda one: one.cpu_s_per_request,
    ),
    "rss_peak_bytes": (
        "bytes",
        "Highest resident memory of the server's process tree.",
        lambda one: one.rss_peak_bytes,
    ),
    "answer_size_bytes": (
        "bytes",
        "Median size of an answer on the wire.",
        lambda one: one.received_bytes_per_request,
    ),
    "cost_per_million": (
        "",
        "CPU cost of a million requests, in the plan's currency.",
        lambda one: one.cost_per_million,
    ),
    "requests_measured": ("", "Successful requests in the rounds that count.", lambda one: one.requests),
    "errors_measured": ("", "Failed requests in all rounds.", lambda one: one.errors),
    "rounds_counted": ("", "Rounds that count.", lambda one: one.rounds),
    "rounds_discarded": ("", "Rounds that do not count.", lambda one: one.discarded_rounds),
}
"""Gauges of each arm at each level: unit, help, and where the value comes from."""

_COMPARISONS: dict[str, tuple[str, Callable[[Comparison], float | None]]] = {
    "ratio": ("Candidate divided by baseline.", lambda one: one.ratio.point),
    "ratio_low": ("Lower end of the ratio's 95% interval.", lambda one: one.ratio.low),
    "ratio_high": ("Upper end of the ratio's 95% interval.", lambda one: one.ratio.high),
}
"""Gauges of each comparison: help, and where the value comes from."""


def render(results: Results) -> str:
    """Write a run as metrics."""
    lines = (*_run(results), *_arms(results), *_ratios(results), *_gates(results), "# EOF")
    return "".join(f"{line}\n" for line in lines)


def _run(results: Results) -> Iterator[str]:
    labels = {
        "name": results.name,
        "started_at": results.started_at,
        "portcompare": results.manifest.portcompare,
    }
    yield "# TYPE portcompare_run info"
    yield "# HELP portcompare_run The run that these metrics come from."
    yield _sample("run_info", labels, 1)
    yield from _gauge("valid", "", "Whether the run may be relied on.", [({}, int(results.valid))])
    yield from _gauge("partial", "", "Whether the run broke off.", [({}, int(results.partial))])
    if results.parity is not None:
        yield from _gauge(
            "answers_alike",
            "",
            "Whether all deployments answer alike.",
            [({}, int(results.parity.equal))],
        )


def _arms(results: Results) -> Iterator[str]:
    for name, (unit, text, value_of) in _SUMMARIES.items():
        yield from _gauge(name, unit, text, ((_of_arm(one), value_of(one)) for one in results.summaries))
    latencies = (
        (_of_arm(one) | {"percentile": name}, getattr(one.latency_s, field) if one.latency_s else None)
        for one in results.summaries
        for name, field in PERCENTILES.items()
    )
    yield from _gauge(
        "latency_seconds", "seconds", "Medians of the rounds' percentiles; max over all.", latencies
    )


def _ratios(results: Results) -> Iterator[str]:
    for name, (text, value_of) in _COMPARISONS.items():
        yield from _gauge(
            name, "", text, ((_of_comparison(one), value_of(one)) for one in results.comparisons)
        )
    verdicts = (
        (_of_comparison(one) | {"verdict": one.ratio.verdict or "invalid"}, 1) for one in results.comparisons
    )
    yield from _gauge("verdict", "", "The verdict on each comparison, in the label.", verdicts)


def _gates(results: Results) -> Iterator[str]:
    passed = ((_of_gate(gate, number), int(gate.passed)) for number, gate in enumerate(results.gates))
    yield from _gauge("gate_passed", "", "Whether a gate of the plan lets the run pass.", passed)


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
    return {
        "scenario": one.scenario,
        "level": f"{one.level:.15g}",
        "candidate": one.candidate,
        "metric": one.metric,
    }


def _gauge(
    name: str, unit: str, text: str, samples: Iterable[tuple[Mapping[str, str], float | None]]
) -> Iterator[str]:
    known = [_sample(name, labels, value) for labels, value in samples if value is not None]
    if known:
        yield f"# TYPE portcompare_{name} gauge"
        if unit:
            yield f"# UNIT portcompare_{name} {unit}"
        yield f"# HELP portcompare_{name} {text}"
        yield from known


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    inside = ",".join(f'{key}="{visible(text).translate(_ESCAPES)}"' for key, text in labels.items())
    return f"portcompare_{name}{{{inside}}} {value!r}" if inside else f"portcompare_{name} {value!r}"
