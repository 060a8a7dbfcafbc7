from array import array
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from portcompare.loadgen.figures import (
    HIGHEST_US,
    Counts,
    PartResult,
    SlicePart,
    Window,
    find_busiest,
    make_histogram,
    merge_parts,
    summarize_part,
)
from portcompare.loadgen.tallies import Pace, Tally, add_up
from portcompare.loadgen.turn_figures import TurnCounts, summarize_turn, summarize_turns
from portcompare.records.rounds import LoadReport
from tests.loadgen.generator import counts_of

WINDOW = Window(start_s=10.0, end_s=11.0, wave_s=0.0)


def encoded(*latencies_us: float) -> str:
    return str(make_histogram(np.asarray(latencies_us) / 1e6).encode().decode())


def counted(*tallies: Tally, at_s: float, pace: Pace | None = None) -> Counts:
    """The counts of a process that needs a quarter of a CPU."""
    return Counts(tallies=tallies, pace=pace, stall_s=0.0, cpu_s=at_s / 4, taken_at_s=at_s)


def summarized(
    *tallies: Tally, paces: tuple[Pace | None, ...] = (None,) * 3, waiting_s: tuple[float, ...] = ()
) -> PartResult:
    """Of a window of 10 to 11 s whose last responses were awaited until 13 s."""
    before, during, after = (
        counted(tally, at_s=at_s, pace=pace)
        for tally, at_s, pace in zip((*tallies, *[Tally()] * 3)[:3], (10.0, 11.0, 13.0), paces, strict=True)
    )
    return summarize_part(WINDOW, before, during, after, waiting_s)


def part(**given_: object) -> PartResult:
    """The result of a process on a CPU of its machine, in which nothing happened but what is given."""
    return replace(summarized(), **{"machine": "a", "cpus": (1,)} | given_)  # type: ignore[arg-type]


def merge(*parts: PartResult, failure: str | None = None) -> LoadReport:
    named = {f"machine/{number}": one for number, one in enumerate(parts, 1)}
    done = merge_parts(
        named, started_at_s=1e9, window_s=2.0, warmup_s=0.5, steady=True, failure=failure, lost=()
    )
    return done.load


def test_latencies_outside_the_range_are_put_at_its_ends() -> None:
    histogram = make_histogram(np.array([0.0, 1e-8, 1e5]))
    assert histogram.get_total_count() == 3
    assert histogram.get_count_at_value(1) == 2
    assert histogram.get_max_value() == pytest.approx(HIGHEST_US, rel=1e-3)


@given(st.lists(st.integers(1, 2047)))
def test_each_latency_is_counted_to_the_microsecond_up_to_two_milliseconds(latencies_us: list[int]) -> None:
    assert counts_of(make_histogram(np.array(latencies_us) / 1e6)) == Counter(latencies_us)


def test_counts_add_up_and_percentiles_are_those_of_all_requests() -> None:
    slow, fast = [50_000.0] * 10, [1_000.0] * 90
    done = merge(
        part(
            requests=10,
            rate_rps=5.0,
            received_bytes=1000.0,
            histogram=encoded(*slow),
            error_kinds={"reset": 2},
            reconnects=1,
            stall_max_s=0.02,
            handler_s=(0.3, 0.1),
            dropped=3,
        ),
        part(
            requests=90,
            rate_rps=45.0,
            received_bytes=19_000.0,
            histogram=encoded(*fast),
            error_kinds={"reset": 1, "timeout": 4},
            reconnects=2,
            stall_max_s=0.01,
            handler_s=(0.2,),
        ),
    )
    assert (done.requests, done.rate_rps, done.reconnects, done.dropped) == (100, 50.0, 3, 3)
    assert done.error_kinds == {"reset": 3, "timeout": 4}
    assert done.received_bytes_per_request == 200.0
    assert done.stall_max_s == 0.02
    assert done.handler_s == 0.2
    assert done.latency_s is not None
    assert done.latency_s.p50 == pytest.approx(0.001, rel=1e-3)
    assert done.latency_s.p95 == pytest.approx(0.05, rel=1e-3)
    assert (done.started_at_s, done.window_s, done.warmup_s, done.failure) == (1e9, 2.0, 0.5, None)
    assert done.offered_rps is None


def test_lag_is_that_of_all_due_requests() -> None:
    done = merge(part(lags=encoded(*[100] * 98)), part(lags=encoded(9000, 9000)))
    assert done.offered_rps == 50.0
    assert done.lag_p99_s == pytest.approx(0.009, rel=1e-3)
    assert done.lag_max_s == pytest.approx(0.009, rel=1e-3)
    assert merge(part(lags=encoded(*[100] * 98))).lag_p99_s == pytest.approx(1e-4)


def test_slices_are_merged_one_by_one() -> None:
    def slices(first: str, *errors: int) -> tuple[SlicePart, ...]:
        return tuple(
            SlicePart(histogram=one, errors=count)
            for one, count in zip((first, encoded()), errors, strict=True)
        )

    done = merge(part(slices=slices(encoded(1000), 1, 0)), part(slices=slices(encoded(3000, 3000), 2, 4)))
    first, second = done.slices
    assert (first.requests, first.errors, second.requests, second.errors) == (3, 3, 0, 4)
    assert first.p50_s == pytest.approx(0.003, rel=1e-3)
    assert (second.p50_s, second.p99_s) == (None, None)


def test_without_any_part_only_the_reason_is_known() -> None:
    done = merge(failure="the load worker machine/1 was lost during the round")
    assert (done.requests, done.latency_s, done.slices, done.generator_cpu_ratio) == (0, None, (), 0.0)
    assert done.failure == "the load worker machine/1 was lost during the round"


@pytest.mark.parametrize(
    ("parts", "busiest"),
    [
        ([part(cpu_ratio=0.4)], 0.4),
        ([part(cpu_ratio=0.4, cpus=(0,)), part(cpu_ratio=0.5, cpus=(1,))], 0.5),
        ([part(cpu_ratio=0.4), part(cpu_ratio=0.5)], 0.9),  # they share one CPU
        ([part(cpu_ratio=0.4), part(cpu_ratio=0.5, machine="b")], 0.5),  # on two machines
        ([], 0.0),
    ],
)
def test_processes_that_share_a_cpu_are_as_busy_as_that_cpu(parts: list[PartResult], busiest: float) -> None:
    assert find_busiest(parts) == pytest.approx(busiest)


def tally_of(*successes: tuple[float, float], reset: tuple[tuple[float, float], ...] = ()) -> Tally:
    """Requests of when they were sent and how long they took."""
    tally = Tally()
    for sent_s, latency_s in successes:
        tally.ended_s.append(sent_s + latency_s)
        tally.latencies_s.append(latency_s)
    for sent_s, latency_s in reset:
        tally.failed_s["reset"].append(sent_s + latency_s)
        tally.failures_s["reset"].append(latency_s)
    return tally


@pytest.mark.parametrize(
    ("tallies", "waiting_s", "ended", "timed_ms", "errors", "censored", "wait_max_s"),
    [
        # Sent before the window and ended in it: in the rate, not in the latency.
        ([tally_of(), tally_of((9.5, 0.75), (10.5, 0.1))], (), 2, [100], 0, 0, 0.25),
        # Sent in it and ended after it: in the latency, not in the rate.
        (
            [tally_of(), tally_of((10.5, 0.1)), tally_of((10.75, 1.5), (11.5, 1.2))],
            (),
            1,
            [100, 1500],
            0,
            0,
            1.5,
        ),
        # Without a response at 13 s, sent before the window, in it and after it.
        ([tally_of(), tally_of((10.5, 0.1))], (9.0, 10.5, 12.0), 1, [100, 2500], 0, 1, 3.0),
        # Failures, of which those ended before the window and those sent after it do not count.
        (
            [
                tally_of(reset=((9.0, 0.5),)),
                tally_of(reset=((9.5, 0.75),)),
                tally_of(reset=((10.5, 1.75), (11.5, 1.0))),
            ],
            *((), 0, [], 2, 0, 1.75),
        ),
    ],
)
def test_the_rate_is_of_what_ended_in_the_window_and_the_latency_of_what_was_sent_in_it(
    *,
    tallies: list[Tally],
    waiting_s: tuple[float, ...],
    ended: int,
    timed_ms: list[int],
    errors: int,
    censored: int,
    wait_max_s: float,
) -> None:
    done = summarized(*tallies, waiting_s=waiting_s)
    assert (done.requests, sum(done.error_kinds.values()), done.censored) == (ended, errors, censored)
    assert done.histogram == encoded(*(1000 * each for each in timed_ms))
    assert done.wait_max_s == pytest.approx(wait_max_s)


def test_the_slices_of_a_part_hold_what_its_window_holds() -> None:
    before, during = Tally(), Tally()
    for tally, ended_s, latency_s in (
        (before, 9.9, 0.5),
        (before, 10.01, 0.001),  # ended after the window's start, before the cut
        (during, 10.15, 0.002),
        (during, 11.0, 0.003),
        (during, 11.01, 0.009),  # ended after the window's end, before the cut
    ):
        tally.ended_s.append(ended_s)
        tally.latencies_s.append(latency_s)
    during.failures_s["reset"].append(0.1)
    during.failed_s["reset"].append(10.95)
    done = summarized(before, during)
    slices = [HdrHistogram.decode(one.histogram).get_total_count() for one in done.slices]
    assert slices == [1, 1, 0, 0, 0, 0, 0, 0, 0, 1]
    assert [one.errors for one in done.slices] == [0] * 9 + [1]
    assert done.requests == 3
    assert done.cpu_ratio == pytest.approx(0.25)
    assert done.lags is None


@pytest.mark.parametrize(("length_s", "slices"), [(30.0, 30), (12.5, 13), (0.2, 10)])
def test_a_long_window_is_cut_into_seconds(length_s: float, slices: int) -> None:
    assert len(Window(start_s=0.0, end_s=length_s, wave_s=0.0).slices()) == slices + 1


def test_a_wrong_body_before_the_window_counts_and_other_failures_do_not() -> None:
    before, during = Tally(), Tally()
    for tally, kind, ended_s in (
        (before, "wrong body (GET /)", 9.5),
        (before, "wrong body (GET /)", 9.6),
        (before, "status 503", 9.7),
        (during, "status 500", 10.5),
    ):
        tally.failures_s[kind].append(0.1)
        tally.failed_s[kind].append(ended_s)
        tally.wrong_examples.setdefault(kind, f"at {ended_s}")
    during.reconnects = 2
    during.closed_unannounced = 1
    done = summarized(before, during)
    assert done.error_kinds == {"wrong body (GET /)": 2, "status 500": 1}
    assert done.wrong_examples["wrong body (GET /)"] == "at 9.5"
    assert (done.reconnects, done.closed_unannounced) == (2, 1)


def test_tallies_add_up_and_of_wrong_responses_the_first_example_is_kept() -> None:
    examples = {"a": "first"}, {"a": "second", "b": "other"}
    first = Tally(
        received_bytes=5, handler_s=[0.1], reconnects=1, closed_unannounced=1, wrong_examples=examples[0]
    )
    second = Tally(received_bytes=7, handler_s=[0.2], reconnects=2, wrong_examples=examples[1])
    total = add_up([first, second])
    assert (total.received_bytes, total.handler_s) == (12, [0.1, 0.2])
    assert (total.reconnects, total.closed_unannounced) == (3, 1)
    assert total.wrong_examples == {"a": "first", "b": "other"}


def test_what_falls_due_in_the_window_is_offered_there() -> None:
    pace = Pace()
    for due_s, lag_s in ((9.99, 0.5), (10.5, 0.001), (11.0, 0.002), (11.001, 0.5)):
        pace.due_s.append(due_s)
        pace.lags_s.append(lag_s)
    pace.dropped = 2
    done = summarized(paces=(Pace(), pace, Pace()))
    assert done.lags == encoded(1000, 2000)
    assert done.error_kinds == {"not sent in time": 2}


@pytest.mark.parametrize(
    ("sent_s", "pace", "settled_s"),
    [
        ([0.0, 0.001, 0.1, 0.2, 0.3], None, [3.0, 4.0, 5.0]),  # two users: without the first of each
        ([0.3, 0.2, 0.1, 0.001, 0.0], None, [3.0, 2.0, 1.0]),
        ([0.0, 0.001], None, [1.0, 2.0]),  # a turn with nothing else
        ([0.0, 0.05, 0.2, 0.3, 0.4], Pace(), [3.0, 4.0, 5.0]),
    ],
)
def test_latencies_of_a_turn_begin_when_it_has_settled(
    sent_s: list[float], pace: Pace | None, settled_s: list[float]
) -> None:
    latencies_s = np.arange(1.0, len(sent_s) + 1)
    tally = Tally(latencies_s=array("d", latencies_s), ended_s=array("d", np.array(sent_s) + latencies_s))
    counts = Counts(tallies=(tally,), pace=pace, stall_s=0.0, cpu_s=0.0, taken_at_s=9.0)
    turn = TurnCounts(counts=counts, began_s=0.0, closed_s=1.0, spread_s=0.0, users=2, waiting_s=(8.5,))
    assert list(turn.latencies_s) == [*settled_s, 0.5]  # the last had no response
    assert turn.wait_max_s == len(sent_s)


def taken_of(ended_s: list[float], spread_s: float = 0.0) -> TurnCounts:
    tally = Tally(latencies_s=array("d", [0.2] * len(ended_s)), ended_s=array("d", ended_s))
    counts = Counts(tallies=(tally,), pace=None, stall_s=0.0, cpu_s=0.1, taken_at_s=2.0)
    return TurnCounts(counts=counts, began_s=0.0, closed_s=1.0, spread_s=spread_s, users=2, waiting_s=())


def test_the_rate_of_a_busy_server_is_that_until_the_last_response() -> None:
    turn = summarize_turn(taken_of([0.01 * (number + 1) for number in range(125)]), 3, 5.0)
    assert (turn.cycle, turn.started_at_s, turn.requests) == (3, 5.0, 125)
    assert turn.rate_rps == pytest.approx(100)
    assert turn.duration_s == pytest.approx(1.25)


def test_the_rate_of_users_that_wait_leaves_out_the_beginning_and_the_end() -> None:
    # Two users, begun 0.1 s apart, with a response each 0.2 s: until 1.2 s there are 11.
    turn = summarize_turn(taken_of([0.2 + 0.1 * number for number in range(11)], spread_s=0.2), 0, 0.0)
    assert turn.rate_rps == pytest.approx(10, rel=0.03)


@pytest.mark.parametrize("latency_s", [0.001, 0.05])
def test_the_rate_of_the_open_model_does_not_depend_on_how_long_responses_take(latency_s: float) -> None:
    ended_s = 0.005 + 0.01 * np.arange(100) + latency_s
    taken = taken_of(list(ended_s))
    pace = Pace(due_s=array("d", ended_s[::2] - latency_s))
    taken = replace(taken, counts=replace(taken.counts, pace=pace))
    turn = summarize_turn(taken, 0, 0.0)
    assert (turn.rate_rps, turn.offered_rps, turn.served) == pytest.approx((100, 50, 2))
    assert turn.duration_s == pytest.approx(max(1.0, 0.995 + latency_s))


def test_turns_add_up_to_a_round() -> None:
    turns = [(summarize_turn(taken, 0, 0.0), taken) for taken in (taken_of([1.0] * 10), taken_of([1.2] * 10))]
    part = summarize_turns(turns, {})
    assert part.requests == 20
    assert part.rate_rps == pytest.approx(20 / 2.2)
    assert part.cpu_ratio == pytest.approx(0.2 / 2.2)
    assert (part.censored, part.wait_max_s, part.error_kinds) == (0, 0.2, {})
    assert counts_of(part.histogram).total() == 16  # without the first of each user
