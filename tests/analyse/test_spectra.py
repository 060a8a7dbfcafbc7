from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hdrh.histogram import HdrHistogram

from portcompare.analyse.summaries import QUANTILES, find_spectra, summarise
from tests.analyse.samples import ROUND, own_bound

if TYPE_CHECKING:
    from portcompare.records.results import Spectrum

HIGHEST_US = 3_600_000_000


def encode(latencies_us: list[int]) -> str:
    histogram = HdrHistogram(1, HIGHEST_US, 3)
    for latency_us in latencies_us:
        histogram.record_value(latency_us)
    return str(histogram.encode().decode())


def spectra_of(*latencies_us: list[int]) -> tuple[Spectrum, ...]:
    """The spectra of rounds of one arm, one a block."""
    rounds = [replace(ROUND, block=block) for block in range(len(latencies_us))]
    histograms = {(block, 0): encode(each) for block, each in enumerate(latencies_us)}
    return find_spectra(summarise(rounds, [], own_bound), rounds, histograms)


def test_percentiles_are_those_of_all_requests_together_and_not_averages() -> None:
    (spectrum,) = spectra_of([100] * 90, [1000] * 10)
    assert spectrum.requests == 100
    found = {point.quantile: point.latency_s for point in spectrum.points}
    assert found[0.5] == pytest.approx(100e-6, rel=0.001)
    assert found[0.95] == pytest.approx(1000e-6, rel=0.001)


def test_a_percentile_beyond_which_no_request_lies_is_left_out() -> None:
    few, many = (spectra_of(list(range(1, number + 1)))[0] for number in (100, 10_000))
    assert few.points[-1].quantile == pytest.approx(0.99)
    assert few.points[-1].rank == 99
    assert many.points[-1].quantile == pytest.approx(0.9999)
    assert [point.quantile for point in many.points] == list(QUANTILES)
    ranks = [point.rank for point in many.points]
    assert ranks == sorted(ranks)
    assert ranks[0] == 1


def test_only_rounds_that_count_and_have_a_request_make_a_spectrum() -> None:
    assert spectra_of([]) == ()
    spoilt = replace(ROUND, discarded="spoilt")
    summaries = summarise([spoilt], [], own_bound)
    assert find_spectra(summaries, [spoilt], {(0, 0): encode([5])}) == ()
    assert find_spectra(summaries, [ROUND], {}) == ()
