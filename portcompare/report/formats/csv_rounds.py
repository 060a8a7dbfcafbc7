"""All rounds as CSV: what was measured, in SI units, one row a round."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from portcompare.report.wording import PERCENTILES, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from portcompare.records.results import Results, Round

_TEXTS = ("scenario", "arm", "deployment")
_FIELDS = (
    "block",
    "order",
    "level",
    "started_at_s",
    "window_s",
    "warmup_s",
    "steady",
    "requests",
    "errors",
    "rate_rps",
    "handler_s",
    "received_bytes_per_request",
    "cpu_s_per_request",
    "rss_peak_bytes",
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
        *_FIELDS,
        *(f"{field}_s" for field in PERCENTILES.values()),
        "bound",
        "bound_rps",
        "void",
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
    latency, bound = one.latency_s, one.bound
    return (
        *(visible(getattr(one, field)) for field in _TEXTS),
        *(getattr(one, field) for field in _FIELDS),
        *(getattr(latency, field) if latency else None for field in PERCENTILES.values()),
        bound.name if bound else None,
        bound.rate_rps if bound else None,
        None if one.void is None else visible(one.void),
    )
