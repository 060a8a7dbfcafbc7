"""Latencies as HdrHistogram log files (format 1.2), which every HdrHistogram tool reads.

References:
    https://hdrhistogram.github.io/HdrHistogram/JavaDoc/org/HdrHistogram/HistogramLogWriter.html
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hdrh.histogram import HdrHistogram

from portcompare.report.files import safe_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

HISTOGRAM_FOLDER = "histograms"

_US_PER_MS = 1000
_HEADER = """\
#[Histogram log format version 1.2]
#[Latencies in microseconds; Interval_Max in milliseconds; timestamps and lengths in seconds]
#[StartTime: {start_s:.3f} (seconds since epoch), {start}]
"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """The latencies of one round."""

    start_s: float  # Start of the window, in seconds since the epoch
    length_s: float  # Length of the window
    histogram: str  # What `HdrHistogram.encode()` made of the latencies in microseconds, as text


def histogram_path(folder: Path, *, scenario: str, level: float, arm: str) -> Path:
    """Where the histograms of one arm at one level are kept."""
    name = f"{safe_name(scenario)}-{level:.15g}-{safe_name(arm)}.hlog"
    return folder / HISTOGRAM_FOLDER / name


def write_histogram_log(path: Path, intervals: Iterable[Interval]) -> None:
    """Append rounds to a log, one line each; a new file gets its header first.

    The lines are written here because `hdrh.log.HistogramLogWriter` cannot write a start time (it raises
    AttributeError) and rounds each interval's maximum down to whole units.

    Raises OSError if the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="ascii") as file:
        for interval in intervals:
            if file.tell() == 0:
                start = datetime.fromtimestamp(interval.start_s, tz=UTC).isoformat(sep=" ")
                file.write(_HEADER.format(start_s=interval.start_s, start=start))
            longest_ms = HdrHistogram.decode(interval.histogram).get_max_value() / _US_PER_MS
            file.write(
                f"{interval.start_s:.3f},{interval.length_s:.3f},{longest_ms:.3f},{interval.histogram}\n"
            )
