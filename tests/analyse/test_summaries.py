from dataclasses import replace

import pytest
from hdrh.histogram import HdrHistogram

from portcompare.analyse.summaries import QUANTILES, find_moments, find_spectra, rank, summarise
from portcompare.records.estimates import Estimate
from portcompare.records.results import Spectrum, Summary
from portcompare.records.rounds import BASELINE, Bound, Latency, Round, Slice
from tests.altered import altered
from tests.analyse.samples import BOUND, CANDIDATE, COMPARISON, LATENCY, ROUND, SUMMARY, own_bound, rounds_of


def a_round(block: int, rate_rps: float, ms: int, *, size: float, rss: int, bound_rps: float) -> Round:
    """A round whose handler takes so many ms, as does the CPU, and a response 10 ms more."""
    return altered(
        ROUND,
        block=block,
        rate_rps=rate_rps,
        handler_s=ms / 1000,
        latency_s=Latency(
            p50=(10 + ms) / 1000,
            p95=(20 + ms) / 1000,
            p99=(30 + ms) / 1000,
            p999=(40 + ms) / 1000,
            max=ms / 10,
        ),
        received_bytes_per_request=size,
        cpu_s_per_request=ms / 1000,
        rss_peak_bytes=rss,
        bound=replace(BOUND, rate_rps=bound_rps),
    )


LOW = a_round(0, 800.0, 1, size=100.0, rss=3, bound_rps=1000.0)
MIDDLE = a_round(1, 900.0, 2, size=200.0, rss=9, bound_rps=1200.0)
HIGH = a_round(2, 2000.0, 9, size=900.0, rss=5, bound_rps=4000.0)
UNKNOWN: dict[str, None] = dict.fromkeys(
    ("handler_s", "latency_s", "received_bytes_per_request", "cpu_s_per_request", "rss_peak_bytes")
)


def summary_of(*rounds: Round) -> Summary:
    (summary,) = summarise(rounds, [], own_bound)
    return summary


def test_an_arm_is_summed_up_by_medians_peaks_and_the_bound_of_the_median_cpu_time() -> None:
    assert summary_of(HIGH, LOW, MIDDLE) == replace(
        SUMMARY,
        rounds=3,
        requests=3000,
        rate_rps=900.0,
        latency_s=Latency(p50=0.012, p95=0.022, p99=0.032, p999=0.042, max=0.9),
        handler_s=0.002,
        outside_handler_s=0.012 - 0.002,
        cpu_s_per_request=0.002,
        rss_peak_bytes=9,
        bound=replace(BOUND, rate_rps=1200.0),
        bound_share=0.75,
    )
    assert summary_of(LOW, MIDDLE).rate_rps == 850.0

    def find_bound(one: Round, cpu_s: float | None) -> Bound | None:
        assert cpu_s is not None
        return replace(BOUND, rate_rps=1 / cpu_s, reason=one.arm)

    (summary,) = summarise([LOW, MIDDLE], [], find_bound)
    assert summary.bound == replace(BOUND, rate_rps=1 / 0.0015, reason=BASELINE)
    assert summary.bound_share == pytest.approx(850 * 0.0015)


def test_discarded_rounds_and_what_some_rounds_do_not_know_are_left_out() -> None:
    some = summary_of(altered(HIGH, **UNKNOWN), MIDDLE, replace(MIDDLE, block=3))
    assert (some.handler_s, some.latency_s) == (0.002, MIDDLE.load.latency_s)
    assert (some.received_bytes_per_request, some.cpu_s_per_request) == (200.0, 0.002)
    assert some.rss_peak_bytes == 9
    none = summary_of(altered(ROUND, **UNKNOWN, bound=None))
    assert {getattr(none, name) for name in (*UNKNOWN, "outside_handler_s", "bound", "bound_share")} == {None}
    spoilt = altered(HIGH, block=3, discarded="spoilt", errors=7, rss_peak_bytes=10**9)
    valid = [altered(LOW, errors=1), MIDDLE]
    assert summary_of(*valid, spoilt) == replace(summary_of(*valid), discarded_rounds=1, errors=8)
    none = summary_of(*(altered(one, discarded="spoilt", errors=2) for one in (LOW, MIDDLE)))
    assert (none.rounds, none.discarded_rounds, none.requests, none.errors) == (0, 2, 0, 4)
    assert (none.rate_rps, none.latency_s, none.bound, none.bound_share) == (None,) * 4


def test_the_time_outside_the_handler_needs_both_times_and_is_never_negative() -> None:
    # The handler is timed on sampled responses, the response time on all: their medians may cross.
    crossed = (LATENCY.p50 + 0.001, LATENCY, 0.0)
    for handler_s, latency_s, outside_s in ((None, LATENCY, None), (0.001, None, None), crossed):
        one = summary_of(altered(ROUND, handler_s=handler_s, latency_s=latency_s))
        assert one.outside_handler_s == outside_s


def test_waiting_in_line_is_what_a_request_takes_more_than_at_one_user_of_the_closed_model() -> None:
    alone = replace(LOW, level=1.0)
    among = altered(HIGH, level=64.0, latency_s=replace(LATENCY, p50=0.119))
    one, many = summarise([alone, among], [], own_bound)
    assert (one.queue_s, one.overhead_s) == pytest.approx((0.0, 0.01))
    assert (many.queue_s, many.overhead_s) == pytest.approx((0.1, 0.01))
    assert summary_of(LOW).queue_s is None
    open_model = [altered(one, offered_rps=one.level) for one in (replace(LOW, level=1.0), HIGH)]
    unknown = [altered(LOW, level=1.0, handler_s=None), HIGH]
    for rounds in (open_model, unknown):
        assert [one.queue_s for one in summarise(rounds, [], own_bound)] == [None, None]


def test_a_summary_has_its_arms_ratio_and_the_cost_of_its_cpu_time() -> None:
    rounds = [*rounds_of(BASELINE, [100]), *rounds_of(CANDIDATE, [100])]
    other = altered(COMPARISON, verdict="slower")
    comparisons = [COMPARISON, replace(other, metric="p50"), replace(other, level=8.0)]
    assert [one.ratio for one in summarise(rounds, comparisons, own_bound)] == [None, COMPARISON.ratio]
    (summary,) = summarise([MIDDLE], [], own_bound, core_hour_price=0.036)
    assert summary.cost_per_million == pytest.approx(0.002 * 1e6 / 3600 * 0.036)
    assert summary_of(MIDDLE).cost_per_million is None
    (unknown,) = summarise([altered(MIDDLE, cpu_s_per_request=None)], [], own_bound, core_hour_price=0.036)
    assert unknown.cost_per_million is None


def encode(latencies_us: list[int]) -> str:
    histogram = HdrHistogram(1, 3_600_000_000, 3)
    for latency_us in latencies_us:
        histogram.record_value(latency_us)
    return str(histogram.encode().decode())


def spectra_of(*latencies_us: list[int]) -> tuple[Spectrum, ...]:
    """The spectra of rounds of one arm, one a block."""
    rounds = [replace(ROUND, block=block) for block in range(len(latencies_us))]
    histograms = {(block, 0): encode(each) for block, each in enumerate(latencies_us)}
    return find_spectra(summarise(rounds, [], own_bound), rounds, histograms)


def test_percentiles_are_those_of_all_requests_together_and_those_beyond_the_last_one_are_left_out() -> None:
    (spectrum,) = spectra_of([100] * 90, [1000] * 10)
    assert spectrum.requests == 100
    found = {point.quantile: point.latency_s for point in spectrum.points}
    assert found[0.5] == pytest.approx(100e-6, rel=0.001)
    assert found[0.95] == pytest.approx(1000e-6, rel=0.001)
    few, many = (spectra_of(list(range(1, number + 1)))[0] for number in (100, 10_000))
    assert (few.points[-1].quantile, few.points[-1].rank) == pytest.approx((0.99, 99))
    assert [point.quantile for point in many.points] == list(QUANTILES)
    assert many.points[-1].quantile == pytest.approx(0.9999)
    ranks = [point.rank for point in many.points]
    assert ranks == sorted(ranks)
    assert ranks[0] == 1
    assert spectra_of([]) == ()
    spoilt = replace(ROUND, discarded="spoilt")
    summaries = summarise([spoilt], [], own_bound)
    assert find_spectra(summaries, [spoilt], {(0, 0): encode([5])}) == ()
    assert find_spectra(summaries, [ROUND], {}) == ()


def test_slices_lie_in_their_window() -> None:
    part = Slice(requests=50, errors=0, p50_s=0.01, p99_s=0.02)
    first = altered(ROUND, started_at_s=1000.0, window_s=2.0, slices=(part,) * 4)
    assert [moment.at_s for moment in find_moments(first)] == [1000.25, 1000.75, 1001.25, 1001.75]
    assert [moment.rate_rps for moment in find_moments(first)] == pytest.approx([100.0] * 4)
    (empty,) = find_moments(altered(first, slices=(replace(part, requests=0, p99_s=None),)))
    assert (empty.rate_rps, empty.p99_s) == (0.0, None)
    assert find_moments(altered(ROUND, slices=())) == []


RANKED = ("baseline", "control", "a", "b", "c")


@pytest.mark.parametrize(
    ("intervals", "ranks"),
    [
        # Those whose intervals overlap share a rank, which counts all before it; the control has none.
        ({"a": (2.0, 2.2), "b": (1.9, 2.1), "c": (3.0, 3.3)}, [4, None, 2, 2, 1]),
        ({"a": (0.8, 0.9), "b": (0.97, 0.99), "c": (0.5, 0.6)}, [1, None, 3, 1, 4]),  # b is within the margin
        (
            {"a": (1.2, 1.4), "b": (1.3, 1.5), "c": (1.0, 1.21)},
            [3, None, 1, 1, 3],
        ),  # each with the first alone
        ({"a": (1.0, 9.0), "b": (2.0, 2.2), "c": (1.2, 1.4)}, [3, None, None, 1, 2]),  # too wide for a result
        ({"a": (1.0, 9.0), "b": (2.0, 2.2)}, [None] * 5),  # one candidate has its ratio
    ],
)
def test_deployments_are_ranked_by_throughput_and_share_what_cannot_be_told_apart(
    intervals: dict[str, tuple[float, float]], ranks: list[int | None]
) -> None:
    ratios = {
        arm: Estimate(point=(low + high) / 2, low=low, high=high) for arm, (low, high) in intervals.items()
    }
    summaries = [replace(summary_of(MIDDLE), arm=arm, ratio=ratios.get(arm)) for arm in RANKED]
    assert [one.rank for one in rank(summaries, [MIDDLE.scenario], 0.05)] == ranks
    assert not any(one.rank for one in rank(summaries, [], 0.05))
