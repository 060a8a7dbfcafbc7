from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.wrk import Histogram, read, take_back


def as_wrk_prints(measured_us: list[int], interval_us: int) -> Counter[int]:
    """For each latency of two intervals and more, those that are shorter by one, two, three... intervals."""
    printed = Counter(measured_us)
    for latency_us in measured_us:
        if latency_us >= 2 * interval_us:
            shorter_us = latency_us - interval_us
            while shorter_us > interval_us:
                printed[shorter_us] += 1
                shorter_us -= interval_us
    return printed


@given(st.lists(st.integers(1, 3000), min_size=1), st.integers(1, 700))
def test_what_was_added_is_always_taken_back(measured_us: list[int], interval_us: int) -> None:
    assert take_back(as_wrk_prints(measured_us, interval_us), interval_us) == Counter(measured_us)


def test_the_interval_is_that_of_one_connection() -> None:
    # Two connections with 200 requests each in 3 s: one every 15 ms.
    printed = as_wrk_prints([200] * 399 + [1_000_000], 15_000)
    found = {"requests": 400, "duration_us": 3_000_000, "errors": 0, "latencies": list(printed.items())}
    run = read(found, connections=2, cpu_s=0.1)
    assert run.seen.counts == {200: 399, 1_000_000: 1}
    assert run.seen.slower_than(0.1) == 1
    assert run.printed.slower_than(0.1) == 60  # 1 s, 0.985 s, and so on down to 0.115 s
    assert run.duration_s == 3.0


def test_a_run_without_answers_is_no_division_by_zero() -> None:
    run = read({"requests": 0, "duration_us": 10, "errors": 3, "latencies": []}, connections=2, cpu_s=0.0)
    assert run.errors == 3


def test_a_percentile_is_one_of_the_latencies() -> None:
    histogram = Histogram(counts={1: 50, 2: 49, 9: 1})
    assert [histogram.percentile_s(percent) for percent in (50, 51, 99, 99.5)] == [1e-6, 2e-6, 2e-6, 9e-6]
