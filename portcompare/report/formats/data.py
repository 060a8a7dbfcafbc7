"""The figures of a run for programs: CSV in SI units, OpenMetrics text, and latencies.

These are HdrHistogram log files (format 1.2), and their spectra as percentile files for its plotter.

References:
    https://hdrhistogram.github.io/HdrHistogram/JavaDoc/org/HdrHistogram/HistogramLogWriter.html
    https://hdrhistogram.github.io/HdrHistogram/plotFiles.html
    https://hdrhistogram.github.io/HdrHistogram/JavaDoc/org/HdrHistogram/AbstractHistogram.html
"""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hdrh.histogram import HdrHistogram
from prometheus_client.metrics_core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.openmetrics.exposition import generate_latest

from portcompare.records.results import Results, Spectrum
from portcompare.records.rounds import LoadReport, Round
from portcompare.report.formats.results_file import encode, safe_name
from portcompare.report.wording import PERCENTILES, visible

_NESTED = {"error_kinds", "latency_s", "generator_cpu_ratios", "slices", "failure"}
_LOAD = [*(field.name for field in fields(LoadReport) if field.name not in _NESTED), "errors"]
_ROUND = {
    **{name: name for name in ("scenario", "arm", "deployment", "block", "order", "level")},
    **{name: f"load.{name}" for name in _LOAD},
    **{f"{name}_s": f"load.latency_s.{name}" for name in PERCENTILES.values()},
    **{name: name for name in ("cpu_s_per_request", "rss_peak_bytes")},
    "bound": "bound.name",
    "bound_rps": "bound.rate_rps",
    "discarded": "discarded",
}
"""Where the values of each column come from, as `_value` takes it."""

_COMPARISON = {
    **{name: name for name in ("scenario", "level", "metric", "candidate")},
    "blocks": "ratio.blocks",
    "ratio": "ratio.point",
    "low": "ratio.low",
    "high": "ratio.high",
    "verdict": "ratio.verdict",
    "reason": "ratio.reason",
}


def render_rounds(results: Results) -> str:
    """All rounds as CSV."""
    return _csv(_ROUND, results.rounds)


def render_comparisons(results: Results) -> str:
    """All comparisons as CSV."""
    return _csv(_COMPARISON, results.comparisons)


def _csv(columns: dict[str, str], records: Iterable[object]) -> str:
    """A row for each record; what is not known is an empty cell."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    for record in records:
        values = (_value(record, path) for path in columns.values())
        writer.writerow(visible(value) if isinstance(value, str) else value for value in values)
    return file.getvalue()


def _value(record: object, path: str) -> Any:  # noqa: ANN401 - whatever the field holds
    """The value at the end of a dotted path of fields; None where something on it is not known."""
    for name in path.split("."):
        record = None if record is None else getattr(record, name)
    return record


_UNITS = {"seconds", "bytes"}  # what the names of metrics end in where they have a unit

_ARM = {name: name for name in ("scenario", "level", "arm", "deployment")}
_COMPARED = {name: name for name in ("scenario", "level", "candidate", "metric")}
_GATE = {
    "scenario": "check.subject.scenario",
    "level": "check.subject.level",
    "candidate": "check.subject.arm",
    "metric": "check.metric",
    "outcome": "check.outcome",
}
"""Where the labels of each gate come from, as `_value` takes it."""

_SUMMARIES = {
    "rate_rps": ("rate_rps", "Median of the rounds' successful requests per second."),
    "bound_rps": ("bound.rate_rps", "The most requests per second that theory allows."),
    "handler_seconds": ("handler_s", "Median time in the handler."),
    "cpu_per_request_seconds": ("cpu_s_per_request", "Median CPU time of the server per request."),
    "rss_peak_bytes": ("rss_peak_bytes", "Highest resident memory of the server's process tree."),
    "answer_size_bytes": ("received_bytes_per_request", "Median size of a response on the wire."),
    "cost_per_million": ("cost_per_million", "CPU cost of a million requests, in the plan's currency."),
    "requests_measured": ("requests", "Successful requests in the rounds that count."),
    "errors_measured": ("errors", "Failed requests in all rounds."),
    "rounds_counted": ("rounds", "Rounds that count."),
    "rounds_discarded": ("discarded_rounds", "Rounds that do not count."),
}
"""Gauges of each arm at each level: where the value comes from, and help."""

_RATIOS = {
    "ratio": ("ratio.point", "Candidate divided by baseline."),
    "ratio_low": ("ratio.low", "Lower end of the ratio's 95% interval."),
    "ratio_high": ("ratio.high", "Upper end of the ratio's 95% interval."),
}
"""Gauges of each comparison: where the value comes from, and help."""


def render_openmetrics(results: Results) -> str:
    """The metrics of a run."""
    registry = SimpleNamespace(collect=lambda: _collect(results))
    text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    return text.decode()


def _collect(run: Results) -> Iterator[Metric]:
    about = {"name": "name", "started_at": "started_at", "portcompare": "manifest.portcompare"}
    help_text = "The run that these metrics come from."
    yield InfoMetricFamily("portcompare_run", help_text, value=_labels(run, about))
    yield from _gauge("valid", "Whether the run may be relied on.", [({}, run.valid)])
    yield from _gauge("partial", "Whether the run broke off.", [({}, run.partial)])
    alike = _value(run, "parity.equal")
    yield from _gauge("answers_alike", "Whether all deployments respond alike.", [({}, alike)])
    arms = [(_labels(one, _ARM), one) for one in run.summaries]
    for name, (path, text) in _SUMMARIES.items():
        yield from _gauge(name, text, ((labels, _value(one, path)) for labels, one in arms))
    latencies = (
        (labels | {"percentile": name}, _value(one, f"latency_s.{field}"))
        for labels, one in arms
        for name, field in PERCENTILES.items()
    )
    yield from _gauge("latency_seconds", "Medians of the rounds' percentiles; max over all.", latencies)
    compared = [(_labels(one, _COMPARED), one) for one in run.comparisons]
    for name, (path, text) in _RATIOS.items():
        yield from _gauge(name, text, ((labels, _value(one, path)) for labels, one in compared))
    verdicts = ((labels | {"verdict": one.ratio.verdict or "invalid"}, 1) for labels, one in compared)
    yield from _gauge("verdict", "The verdict on each comparison, in the label.", verdicts)
    gates = (({"gate": str(i)} | _labels(one, _GATE), one.passed) for i, one in enumerate(run.gates))
    yield from _gauge("gate_passed", "Whether a gate of the plan lets the run pass.", gates)


def _labels(record: object, paths: dict[str, str]) -> dict[str, str]:
    values = {name: _value(record, path) for name, path in paths.items()}
    return {
        name: f"{value:.15g}" if isinstance(value, float | int) else visible(value or "")
        for name, value in values.items()
    }


def _gauge(name: str, text: str, samples: Iterable[tuple[dict[str, str], float | None]]) -> Iterator[Metric]:
    """A metric with a sample for each value that is known; none at all if no value is."""
    unit = name.rpartition("_")[2]
    family = GaugeMetricFamily(f"portcompare_{name}", text, unit=unit if unit in _UNITS else "")
    for labels, value in samples:
        if value is not None:
            family.add_sample(family.name, labels, float(value))
    if family.samples:
        yield family


HISTOGRAM_FOLDER = "histograms"
SPECTRUM_FOLDER = "spectra"

_US_PER_MS = 1000
_MS_PER_S = 1e3
_HEADER = """\
#[Histogram log format version 1.2]
#[Latencies in microseconds; Interval_Max in milliseconds; timestamps and lengths in seconds]
#[StartTime: {start_s:.3f} (seconds since epoch), {start}]
"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"
"""


def histogram_path(folder: Path, *, scenario: str, level: float, arm: str) -> Path:
    """Where the histograms of one arm at one level are kept."""
    name = f"{safe_name(scenario)}-{level:.15g}-{safe_name(arm)}.hlog"
    return folder / HISTOGRAM_FOLDER / name


def append_round(folder: Path, one: Round, histogram: str) -> None:
    """Append a round to the log of its arm and level; a new file gets its header first.

    The lines are written here because `hdrh.log.HistogramLogWriter` cannot write a start time (it raises
    AttributeError) and rounds each interval's maximum down to whole units.

    `histogram`: the latencies in microseconds, as `HdrHistogram.encode()` makes them a text.
    Raises OSError if the file cannot be written.
    """
    path = histogram_path(folder, scenario=one.scenario, level=one.level, arm=one.arm)
    path.parent.mkdir(parents=True, exist_ok=True)
    start_s, length_s = one.load.started_at_s, one.load.window_s
    longest_ms = HdrHistogram.decode(histogram).get_max_value() / _US_PER_MS
    with path.open("a", encoding="ascii") as file:
        if file.tell() == 0:
            start = datetime.fromtimestamp(start_s, tz=UTC).isoformat(sep=" ")
            file.write(_HEADER.format(start_s=start_s, start=start))
        file.write(f"{start_s:.3f},{length_s:.3f},{longest_ms:.3f},{histogram}\n")


def render_spectra(results: Results) -> dict[str, bytes]:
    """The spectra of a run as percentile files."""
    return {
        f"{safe_name(one.scenario)}-{one.level:.15g}-{safe_name(one.arm)}.hgrm": encode(
            "".join(f"{line}\n" for line in _percentile_lines(one))
        )
        for one in results.spectra
    }


def _percentile_lines(one: Spectrum) -> Iterator[str]:
    """Values in ms, as the Java library's `outputPercentileDistribution` writes them."""
    yield f"{'Value':>12} {'Percentile':>14} {'TotalCount':>10} {'1/(1-Percentile)':>14}"
    yield ""
    for point in one.points:
        yield (
            f"{point.latency_s * _MS_PER_S:12.3f} {point.quantile:2.12f} {point.rank:10d}"
            f" {1 / (1 - point.quantile):14.2f}"
        )
    yield f"#[Max value read here is a percentile, not the maximum, Total count = {one.requests}]"
    yield f"#[{visible(one.scenario)}, level {one.level:.15g}, {visible(one.arm)}]"
