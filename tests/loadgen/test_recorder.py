from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcompare.loadgen.figures import HIGHEST_US, Recorder, make_histogram

KEY = ("/data", "GET")


def test_a_cut_returns_what_was_counted_and_begins_anew() -> None:
    recorder = Recorder()
    tally = recorder.tally(KEY)
    tally.latencies_s.append(0.5)
    tally.failures_s["refused"].append(0.1)
    recorder.tally(KEY).reconnects += 1
    first = recorder.cut()
    assert list(first) == [KEY]
    assert list(first[KEY].latencies_s) == [0.5]
    assert list(first[KEY].failures_s["refused"]) == [0.1]
    assert first[KEY].reconnects == 1
    assert recorder.tally(KEY) is not tally
    assert list(recorder.cut()[KEY].latencies_s) == []
    assert recorder.cut() == {}


def test_requests_are_counted_apart_by_name_and_method() -> None:
    recorder = Recorder()
    recorder.tally(("/data", "GET")).received_bytes += 1
    recorder.tally(("/data", "HEAD")).received_bytes += 2
    recorder.tally(("/other", "GET")).received_bytes += 3
    assert {key: tally.received_bytes for key, tally in recorder.cut().items()} == {
        ("/data", "GET"): 1,
        ("/data", "HEAD"): 2,
        ("/other", "GET"): 3,
    }


def test_the_histogram_of_nothing_is_empty() -> None:
    assert make_histogram(np.empty(0)).get_total_count() == 0


def test_the_histogram_counts_each_latency() -> None:
    histogram = make_histogram(np.array([0.000_100, 0.000_200, 0.000_100, 0.000_100]))
    assert histogram.get_total_count() == 4
    assert histogram.get_count_at_value(100) == 3
    assert histogram.get_count_at_value(200) == 1


def test_latencies_outside_the_range_are_put_at_its_ends() -> None:
    histogram = make_histogram(np.array([0.0, 1e-8, 1e5]))
    assert histogram.get_total_count() == 3
    assert histogram.get_count_at_value(1) == 2
    assert histogram.get_max_value() == pytest.approx(HIGHEST_US, rel=1e-3)


@given(latency_us=st.integers(1, 2046))
def test_the_resolution_is_a_microsecond_up_to_two_milliseconds(latency_us: int) -> None:
    histogram = make_histogram(np.array([latency_us / 1e6, (latency_us + 1) / 1e6]))
    assert histogram.get_count_at_value(latency_us) == 1
    assert histogram.get_max_value() == latency_us + 1


@given(latencies_s=st.lists(st.floats(0.002, 3600), min_size=1, max_size=30))
def test_the_resolution_is_a_thousandth_above(latencies_s: list[float]) -> None:
    histogram = make_histogram(np.array(latencies_s))
    assert histogram.get_total_count() == len(latencies_s)
    assert histogram.get_max_value() == pytest.approx(max(latencies_s) * 1e6, rel=1e-3)
    assert histogram.get_min_value() == pytest.approx(min(latencies_s) * 1e6, rel=1e-3)
