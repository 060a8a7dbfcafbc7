"""What was recorded: every round, discarded ones too, and the files that a reader can take away."""

import base64
from collections.abc import Callable, Iterator
from typing import Any

from portcompare import units
from portcompare.records.results import RESULTS_FILE, Results
from portcompare.records.rounds import Round
from portcompare.report.formats import csv
from portcompare.report.formats.histograms import HISTOGRAM_FOLDER
from portcompare.report.formats.results_file import encode, results_text
from portcompare.report.wording import NOT_KNOWN, known, latencies, level_text, visible, why_usage_unknown


def build_rounds(results: Results) -> dict[str, Any]:
    """What the section on the rounds shows."""
    return {"header": ROUND_HEADER, "rounds": round_rows(results)}


def build_files(results: Results) -> dict[str, Any]:
    """What the section on the files shows."""
    return {"inside": tuple(files_inside(results)), "beside": BESIDE}


_COLUMNS: dict[str, Callable[[Results, Round], str]] = {
    "Block": lambda _, one: f"{one.block + 1:,}",
    "Order": lambda _, one: f"{one.order + 1:,}",
    "Scenario": lambda _, one: visible(one.scenario),
    "Level": lambda results, one: level_text(results, one.scenario, one.level),
    "Arm": lambda _, one: visible(one.arm),
    "Deployment": lambda _, one: visible(one.deployment),
    "Counts": lambda _, one: "yes" if one.discarded is None else f"discarded: {visible(one.discarded)}",
    "Window": lambda _, one: units.duration(one.load.window_s),
    "Warm-up": lambda _, one: units.duration(one.load.warmup_s),
    "Steady": lambda _, one: "yes" if one.load.steady else "no",
    "Requests": lambda _, one: f"{one.load.requests:,}",
    "Errors": lambda _, one: _errors(one),
    "Rate": lambda _, one: units.rate(one.load.rate_rps),
    "p50": lambda _, one: latencies(one.load.latency_s)["p50"],
    "p95": lambda _, one: latencies(one.load.latency_s)["p95"],
    "p99": lambda _, one: latencies(one.load.latency_s)["p99"],
    "p99.9": lambda _, one: latencies(one.load.latency_s)["p99.9"],
    "Max": lambda _, one: latencies(one.load.latency_s)["max"],
    "Handler": lambda _, one: known(one.load.handler_s, units.duration),
    "CPU per request": lambda results, one: known(
        one.cpu_s_per_request, units.duration, _unknown_usage(results, one)
    ),
    "Memory, peak": lambda results, one: known(one.rss_peak_bytes, units.size, _unknown_usage(results, one)),
    "Bytes per response": lambda _, one: known(one.load.received_bytes_per_request, units.size),
    "Reconnects": lambda _, one: f"{one.load.reconnects:,}",
    "Offered": lambda _, one: known(one.load.offered_rps, units.rate),
    "Not sent": lambda _, one: f"{one.load.dropped:,}",
    "Lag, p99": lambda _, one: known(one.load.lag_p99_s, units.duration),
    "Lag, max": lambda _, one: known(one.load.lag_max_s, units.duration),
    "Stall, max": lambda _, one: units.duration(one.load.stall_max_s),
    "Generator CPU": lambda _, one: units.share(one.load.generator_cpu_ratio),
    "Bound": lambda _, one: (
        f"{units.rate(one.bound.rate_rps)} ({one.bound.name})" if one.bound else NOT_KNOWN
    ),
}
ROUND_HEADER = tuple(_COLUMNS)


def round_rows(results: Results) -> tuple[tuple[str, ...], ...]:
    """One row for each round, in the record's order."""
    return tuple(tuple(show(results, one) for show in _COLUMNS.values()) for one in results.rounds)


def _errors(one: Round) -> str:
    kinds = ", ".join(f"{kind}: {times:,}" for kind, times in one.load.error_kinds.items())
    return f"{one.load.errors:,}" + (f" ({visible(kinds)})" if kinds else "")


def _unknown_usage(results: Results, one: Round) -> str:
    reason = why_usage_unknown(results, one.deployment)
    return f"{NOT_KNOWN}: {reason}" if reason else NOT_KNOWN


_INSIDE: dict[str, tuple[str, Callable[[Results], str]]] = {
    "comparisons.csv": ("text/csv", csv.render_comparisons),
    "rounds.csv": ("text/csv", csv.render_rounds),
    RESULTS_FILE: ("application/json", results_text),
}
"""Media type and exporter of what the page carries, so that it can be mailed alone."""

MOST_BYTES = 600_000
"""What is larger is left out: three such files in base64 still leave the page below 3 MB."""

BESIDE = (
    (RESULTS_FILE, "the whole run; everything here is made from it"),
    ("comparisons.csv", "each ratio with its interval and verdict"),
    ("rounds.csv", "each round as it was measured"),
    ("report.md", "this report for a pull request or a CI summary"),
    ("junit.xml", "validity, parity and comparisons as tests"),
    ("metrics.txt", "OpenMetrics"),
    ("charts/", "each chart as SVG, the main ones as PNG"),
    ("spectra/", "latency percentiles for the HdrHistogram plotter"),
    (f"{HISTOGRAM_FOLDER}/", "the latencies of every round as HdrHistogram logs"),
    ("manifest.txt", "the conditions, one a line, to be compared by diff"),
)
"""The files of a run's folder, and what each is for."""


def files_inside(results: Results) -> Iterator[tuple[str, str, str]]:
    """The files that the page carries."""
    for name, (media_type, render) in _INSIDE.items():
        content = encode(render(results))
        if len(content) <= MOST_BYTES:
            address = f"data:{media_type};base64,{base64.b64encode(content).decode()}"
            yield name, units.size(len(content)), address
