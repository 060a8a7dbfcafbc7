"""The distribution of the response times of each arm at each level."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from hdrh.histogram import HdrHistogram

from portcompare.spectra import Spectrum, SpectrumPoint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from portcompare.model import Summary

STEPS_A_DECADE = 8
DECADES = 4

QUANTILES = tuple(
    sorted({1 - 10 ** (-step / STEPS_A_DECADE) for step in range(DECADES * STEPS_A_DECADE + 1)} | {0.5, 0.95})
)
"""At equal distances on a logarithmic axis of what lies beyond them, from the minimum to p99.99."""

_US_PER_S = 1e6


def find_spectra(
    summaries: Sequence[Summary], histograms: Mapping[tuple[str, float, str], Sequence[str]]
) -> tuple[Spectrum, ...]:
    """Merge the histograms of the rounds that count, and read their percentiles.

    Counts of the same buckets add up, so the merged percentiles are those of all requests together; they are
    not averages of percentiles.

    Args:
        summaries: The arms and levels, in the order of the result.
        histograms: Of the rounds that count, by scenario, level and arm: base64 encoded HdrHistograms of
            latencies in microseconds.

    Returns:
        The spectra of the arms and levels that have histograms of any request.

    References:
        Gil Tene, "How NOT to Measure Latency", https://www.infoq.com/presentations/latency-response-time/
    """
    keys = ((one.scenario, one.level, one.arm) for one in summaries)
    found = (_spectrum(*key, histograms[key]) for key in keys if histograms.get(key))
    return tuple(one for one in found if one.requests)


def _spectrum(scenario: str, level: float, arm: str, histograms: Sequence[str]) -> Spectrum:
    first, *others = histograms
    merged = HdrHistogram.decode(first)
    for other in others:
        merged.decode_and_add(other)
    return Spectrum(
        scenario=scenario,
        level=level,
        arm=arm,
        requests=merged.get_total_count(),
        points=tuple(_points(merged)),
    )


def _points(merged: HdrHistogram) -> Iterator[SpectrumPoint]:
    requests = merged.get_total_count()
    # A hair of tolerance: 10,000 requests have a p99.99.
    known = [quantile for quantile in QUANTILES if requests * (1 - quantile) >= 1 - 1e-9]
    # All in one pass over the buckets: one by one they take longer than all else that is done after a round.
    values_us = merged.get_percentile_to_value_dict([quantile * 100 for quantile in known])
    for quantile in known:
        latency_s = values_us[quantile * 100] / _US_PER_S
        yield SpectrumPoint(quantile=quantile, latency_s=latency_s, rank=max(ceil(quantile * requests), 1))
