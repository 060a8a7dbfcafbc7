"""Latency spectra as percentile files, which the standard HdrHistogram plotter reads.

References:
    https://hdrhistogram.github.io/HdrHistogram/plotFiles.html
    https://hdrhistogram.github.io/HdrHistogram/JavaDoc/org/HdrHistogram/AbstractHistogram.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcompare.report.files import encode, safe_name
from portcompare.report.wording import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portcompare.records.results import Results, Spectrum

SPECTRUM_FOLDER = "spectra"

_MS_PER_S = 1e3


def render(results: Results) -> dict[str, bytes]:
    """Write the spectra of a run down."""
    return {
        f"{safe_name(one.scenario)}-{one.level:.15g}-{safe_name(one.arm)}.hgrm": encode(
            "".join(f"{line}\n" for line in _lines(one))
        )
        for one in results.spectra
    }


def _lines(one: Spectrum) -> Iterator[str]:
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
