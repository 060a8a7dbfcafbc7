from __future__ import annotations

from dataclasses import replace

import pytest
from hdrh.histogram import HdrHistogram

from portcompare.analyse import find_spectra, summarise
from portcompare.analyse.summaries import QUANTILES
from tests.analyse.samples import ROUND, own_bound

HIGHEST_US = 3_600_000_000


def encode(latencies_us: list[int]) -> str:
    histogram = HdrHistogram(1, HIGHEST_US, 3)
    for latency_us in latencies_us:
        histogram.record_value(latency_us)
    return str(histogram.encode().decode())


def test_percentiles_are_those_of_all_requests_together_and_not_averages() -> None:
    (summary,) = summarise([ROUND], [], own_bound)
    key = (summary.scenario, summary.level, summary.arm)
    fast, slow = [100] * 90, [1000] * 10
    (spectrum,) = find_spectra([summary], {key: [encode(fast), encode(slow)]})
    assert spectrum.requests == 100
    found = {point.quantile: point.latency_s for point in spectrum.points}
    assert found[0.5] == pytest.approx(100e-6, rel=0.001)
    assert found[0.95] == pytest.approx(1000e-6, rel=0.001)


def test_a_percentile_beyond_which_no_request_lies_is_left_out() -> None:
    (summary,) = summarise([ROUND], [], own_bound)
    key = (summary.scenario, summary.level, summary.arm)
    few, many = (
        find_spectra([summary], {key: [encode(list(range(1, number + 1)))]})[0] for number in (100, 10_000)
    )
    assert few.points[-1].quantile == pytest.approx(0.99)
    assert few.points[-1].rank == 99
    assert many.points[-1].quantile == pytest.approx(0.9999)
    assert [point.quantile for point in many.points] == list(QUANTILES)
    ranks = [point.rank for point in many.points]
    assert ranks == sorted(ranks)
    assert ranks[0] == 1


def test_an_arm_without_a_counted_request_has_no_spectrum() -> None:
    (summary,) = summarise([ROUND], [], own_bound)
    key = (summary.scenario, summary.level, summary.arm)
    assert find_spectra([summary], {}) == ()
    assert find_spectra([summary], {key: [encode([])]}) == ()
    assert find_spectra([replace(summary, arm="other")], {key: [encode([5])]}) == ()
