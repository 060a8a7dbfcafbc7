"""All rounds as CSV: what was measured, in SI units, one row a round."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from portcompare.report.wording import PERCENTILES, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from portcompare.records.results import Results
    from portcompare.records.rounds import Round

_TEXTS = ("scenario", "arm", "deployment")
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


def render(results: Results) -> str:
    """Write all rounds down."""
    header = (
        *_TEXTS,
        "block",
        "order",
        "level",
        *_LOAD,
        *(f"{field}_s" for field in PERCENTILES.values()),
        "cpu_s_per_request",
        "rss_peak_bytes",
        "bound",
        "bound_rps",
        "discarded",
    )
    return write_csv(header, map(_row, results.rounds))


def write_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write a table as CSV.

    `rows`: the rows; None becomes an empty cell.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return file.getvalue()


def _row(one: Round) -> tuple[object, ...]:
    latency, bound = one.load.latency_s, one.bound
    return (
        *(visible(getattr(one, field)) for field in _TEXTS),
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
