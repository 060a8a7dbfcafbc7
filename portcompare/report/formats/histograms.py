"""Latencies as HdrHistogram log files (format 1.2), and their spectra as percentile files for its plotter.

References:
    https://hdrhistogram.github.io/HdrHistogram/JavaDoc/org/HdrHistogram/HistogramLogWriter.html
    https://hdrhistogram.github.io/HdrHistogram/plotFiles.html
    https://hdrhistogram.github.io/HdrHistogram/JavaDoc/org/HdrHistogram/AbstractHistogram.html
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from hdrh.histogram import HdrHistogram

from portcompare.records.results import Results, Spectrum
from portcompare.records.rounds import Round
from portcompare.report.formats.results_file import encode, safe_name
from portcompare.report.wording import visible

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
