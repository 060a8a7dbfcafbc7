from __future__ import annotations

from dataclasses import replace

import pytest

from portcompare.analyse.summaries import summarise
from portcompare.records.results import Summary
from portcompare.records.rounds import BASELINE, CONTROL, Bound, Latency, Round
from tests.altered import altered
from tests.analyse.samples import BOUND, CANDIDATE, COMPARISON, LATENCY, ROUND, own_bound, rounds_of

LOW = altered(
    ROUND,
    block=0,
    rate_rps=800.0,
    handler_s=0.001,
    latency_s=Latency(p50=0.011, p95=0.021, p99=0.031, p999=0.041, max=0.9),
    received_bytes_per_request=100.0,
    cpu_s_per_request=0.001,
    rss_peak_bytes=3,
    bound=replace(BOUND, rate_rps=1000.0),
)
MIDDLE = altered(
    ROUND,
    block=1,
    rate_rps=900.0,
    handler_s=0.002,
    latency_s=Latency(p50=0.012, p95=0.022, p99=0.032, p999=0.042, max=0.5),
    received_bytes_per_request=200.0,
    cpu_s_per_request=0.002,
    rss_peak_bytes=9,
    bound=replace(BOUND, rate_rps=1200.0),
)
HIGH = altered(
    ROUND,
    block=2,
    rate_rps=2000.0,
    handler_s=0.009,
    latency_s=Latency(p50=0.019, p95=0.029, p99=0.039, p999=0.049, max=0.6),
    received_bytes_per_request=900.0,
    cpu_s_per_request=0.009,
    rss_peak_bytes=5,
    bound=replace(BOUND, rate_rps=4000.0),
)


def summary_of(*rounds: Round) -> Summary:
    (summary,) = summarise(rounds, [], own_bound)
    return summary


def test_an_arm_is_summed_up_by_medians_and_its_peaks() -> None:
    assert summary_of(HIGH, LOW, MIDDLE) == Summary(
        arm=BASELINE,
        deployment="old",
        scenario="fast",
        level=4.0,
        rounds=3,
        discarded_rounds=0,
        requests=3000,
        errors=0,
        rate_rps=900.0,
        latency_s=Latency(p50=0.012, p95=0.022, p99=0.032, p999=0.042, max=0.9),
        handler_s=0.002,
        outside_handler_s=0.012 - 0.002,
        received_bytes_per_request=200.0,
        cpu_s_per_request=0.002,
        rss_peak_bytes=9,
        bound=replace(BOUND, rate_rps=1200.0),
        bound_share=0.75,
        ratio=None,
    )


def test_the_median_of_an_even_number_lies_between_the_middle_two() -> None:
    summary = summary_of(LOW, MIDDLE)
    assert summary.rate_rps == 850.0
    assert summary.handler_s == 0.0015


def test_the_bound_is_that_of_the_median_cpu_time() -> None:
    def find_bound(one: Round, cpu_s: float | None) -> Bound | None:
        assert cpu_s is not None
        return replace(BOUND, rate_rps=1 / cpu_s, reason=one.arm)

    (summary,) = summarise([LOW, MIDDLE], [], find_bound)
    assert summary.bound == replace(BOUND, rate_rps=1 / 0.0015, reason=BASELINE)
    assert summary.bound_share == pytest.approx(850 * 0.0015)


def test_what_some_rounds_do_not_know_is_taken_from_the_others() -> None:
    unknown = altered(
        HIGH,
        handler_s=None,
        latency_s=None,
        received_bytes_per_request=None,
        cpu_s_per_request=None,
        rss_peak_bytes=None,
    )
    summary = summary_of(unknown, MIDDLE, replace(MIDDLE, block=3))
    assert (summary.handler_s, summary.latency_s) == (0.002, MIDDLE.load.latency_s)
    assert (summary.received_bytes_per_request, summary.cpu_s_per_request) == (200.0, 0.002)
    assert summary.rss_peak_bytes == 9


def test_what_no_round_knows_stays_unknown() -> None:
    summary = summary_of(
        altered(
            ROUND,
            handler_s=None,
            latency_s=None,
            received_bytes_per_request=None,
            cpu_s_per_request=None,
            rss_peak_bytes=None,
            bound=None,
        )
    )
    assert summary.handler_s is None
    assert summary.latency_s is None
    assert summary.outside_handler_s is None
    assert summary.received_bytes_per_request is None
    assert summary.cpu_s_per_request is None
    assert summary.rss_peak_bytes is None
    assert summary.bound is None
    assert summary.bound_share is None


@pytest.mark.parametrize("unknown", [altered(ROUND, handler_s=None), altered(ROUND, latency_s=None)])
def test_the_time_outside_the_handler_needs_both_times(unknown: Round) -> None:
    assert summary_of(unknown).outside_handler_s is None


def test_the_time_outside_the_handler_is_never_negative() -> None:
    # The handler is timed on sampled answers, the response on all: their medians may cross.
    assert summary_of(altered(ROUND, handler_s=LATENCY.p50 + 0.001)).outside_handler_s == 0.0


def test_waiting_in_line_is_what_a_request_takes_more_than_at_one_user() -> None:
    alone, among = replace(LOW, level=1.0), replace(HIGH, level=64.0)
    one, many = summarise([alone, among], [], own_bound)
    assert one.queue_s == 0.0
    assert many.queue_s == pytest.approx((0.019 - 0.009) - (0.011 - 0.001), abs=1e-12)
    slower = altered(among, latency_s=replace(LATENCY, p50=0.119), handler_s=0.009)
    waiting = summarise([alone, slower], [], own_bound)[1]
    assert waiting.queue_s == pytest.approx(0.1)
    assert waiting.overhead_s == pytest.approx(0.01)


def test_waiting_in_line_is_not_known_without_a_level_of_one_user() -> None:
    assert summary_of(LOW).queue_s is None
    open_model = [altered(one, offered_rps=one.level) for one in (replace(LOW, level=1.0), HIGH)]
    assert [one.queue_s for one in summarise(open_model, [], own_bound)] == [None, None]
    untold = [altered(LOW, level=1.0, handler_s=None), HIGH]
    assert [one.queue_s for one in summarise(untold, [], own_bound)] == [None, None]


def test_discarded_rounds_are_counted_and_their_errors_as_errors_but_nothing_else_of_them() -> None:
    spoilt = altered(
        HIGH, block=3, discarded="spoilt", errors=7, error_kinds={"timeout": 7}, rss_peak_bytes=10**9
    )
    valid = [altered(LOW, errors=1, error_kinds={"timeout": 1}), MIDDLE]
    assert summary_of(*valid, spoilt) == replace(summary_of(*valid), discarded_rounds=1, errors=8)


def test_an_arm_whose_rounds_are_all_discarded_has_no_figures() -> None:
    summary = summary_of(*(altered(one, discarded="spoilt", errors=2) for one in (LOW, MIDDLE)))
    assert (summary.rounds, summary.discarded_rounds, summary.requests, summary.errors) == (0, 2, 0, 4)
    assert (summary.rate_rps, summary.latency_s, summary.bound, summary.bound_share) == (None,) * 4


def test_arms_and_levels_keep_the_order_in_which_they_appear() -> None:
    rounds = [
        replace(one, level=level)
        for level in (8.0, 4.0)
        for arm in (BASELINE, CONTROL)
        for one in rounds_of(arm, [100, 100])
    ]
    summaries = summarise(rounds, [], own_bound)
    assert [(one.level, one.arm, one.rounds) for one in summaries] == [
        (8.0, BASELINE, 2),
        (8.0, CONTROL, 2),
        (4.0, BASELINE, 2),
        (4.0, CONTROL, 2),
    ]


def test_the_ratio_is_that_of_the_arms_throughput_at_that_level() -> None:
    rounds = [*rounds_of(BASELINE, [100]), *rounds_of(CANDIDATE, [100])]
    comparisons = [
        altered(COMPARISON, verdict="faster"),
        altered(COMPARISON, metric="p50", verdict="slower"),
        altered(COMPARISON, level=8.0, verdict="slower"),
    ]
    assert [one.ratio for one in summarise(rounds, comparisons, own_bound)] == [None, comparisons[0].ratio]


def test_no_rounds_have_no_summaries() -> None:
    assert summarise([], [], own_bound) == ()


def test_cost_is_the_cpu_time_of_a_million_requests_at_the_plans_price() -> None:
    (summary,) = summarise([MIDDLE], [], own_bound, core_hour_price=0.036)
    assert summary.cost_per_million == pytest.approx(0.002 * 1e6 / 3600 * 0.036)
    assert summary_of(MIDDLE).cost_per_million is None
    (unknown,) = summarise([altered(MIDDLE, cpu_s_per_request=None)], [], own_bound, core_hour_price=0.036)
    assert unknown.cost_per_million is None
