"""What was recorded: every round, discarded ones too, and the files that a reader can take away."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from portcompare import units
from portcompare.records.results import RESULTS_FILE
from portcompare.report.files import encode
from portcompare.report.formats import csv
from portcompare.report.formats.histograms import HISTOGRAM_FOLDER
from portcompare.report.formats.results_file import results_text
from portcompare.report.wording import (
    NOT_KNOWN,
    known,
    latencies,
    level_text,
    visible,
    why_usage_unknown,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from portcompare.records.results import Results
    from portcompare.records.rounds import Round


def build_rounds(results: Results) -> dict[str, Any]:
    """What the section on the rounds shows."""
    return {"header": ROUND_HEADER, "rounds": round_rows(results)}


def build_files(results: Results) -> dict[str, Any]:
    """What the section on the files shows."""
    return {"inside": tuple(files_inside(results)), "beside": BESIDE}


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
    "Bytes per response",
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
    return tuple(_round_row(results, round_) for round_ in results.rounds)


def _round_row(results: Results, round_: Round) -> tuple[str, ...]:
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
