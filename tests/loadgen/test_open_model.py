import itertools
import os
import resource
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain, count, islice
from math import sqrt
from time import perf_counter

import gevent
import numpy as np
import pytest
from gevent.event import Event
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from portcompare.loadgen import open_model
from portcompare.loadgen.open_model import WHOLE, Alarm, Dispatcher, Share, due_times
from portcompare.records.rounds import LoadReport
from portcompare.wire.protocol import RateLoad, WindowOpens
from tests.loadgen.generator import Generator
from tests.loadgen.scripted import Peer, Watch, serve
from tests.loadgen.stalling import StallOnce, latencies_after_stall, percentile

Dispatch = Callable[..., Dispatcher]

EVEN = RateLoad(rate_rps=3.0, arrivals="even", connections=1, seed="a")
POISSON = RateLoad(rate_rps=400.0, arrivals="poisson", connections=1, seed="a")


def first(load: RateLoad, number: int, share: Share = WHOLE) -> list[float]:
    return list(islice(due_times(load, share), number))


def is_exponential(gaps_s: NDArray[np.float64], mean_s: float) -> bool:
    """Kolmogorov's test at 1%."""
    theory = 1 - np.exp(-np.sort(gaps_s) / mean_s)
    steps = np.arange(len(gaps_s) + 1) / len(gaps_s)
    distance = max(np.max(steps[1:] - theory), np.max(theory - steps[:-1]))
    return bool(distance * sqrt(len(gaps_s)) < 1.63)


def test_even_arrivals_are_at_multiples_of_the_gap_without_drift() -> None:
    due_s = first(EVEN, 300_001)
    assert due_s[:3] == [0.0, 1 / 3, 2 / 3]
    assert due_s[300_000] == 100_000.0


def test_poisson_arrivals_have_the_rate_and_independent_exponential_gaps() -> None:
    due_s = np.array(first(POISSON, 40_000))
    assert due_s[0] > 0
    gaps_s = np.diff(due_s)
    assert np.all(gaps_s > 0)
    # The deviation of a count of n is its root, here 0.5%.
    assert len(due_s) / due_s[-1] == pytest.approx(400.0, rel=0.02)
    assert is_exponential(gaps_s, 1 / 400)
    assert not is_exponential(gaps_s * 1.03, 1 / 400)
    assert abs(np.corrcoef(gaps_s[:-1], gaps_s[1:])[0, 1]) < 0.03


def test_the_same_seed_is_the_same_schedule_on_any_day_and_machine() -> None:
    assert first(POISSON, 100) == first(replace(POISSON, connections=9), 100)
    assert first(POISSON, 100) != first(replace(POISSON, seed="b"), 100)
    # Written down: what is computed here twice would be the same twice in this process alone.
    assert first(POISSON, 3) == pytest.approx([0.000793737, 0.000968014, 0.003258205], abs=1e-9)


def test_even_shares_add_up_to_the_whole_schedule() -> None:
    shares = [first(EVEN, 4, Share(index=index, processes=3)) for index in range(3)]
    assert sorted(due_s for share in shares for due_s in share) == first(EVEN, 12)


def test_poisson_shares_are_independent_and_add_up_to_the_rate() -> None:
    one, other = (np.array(first(POISSON, 20_000, Share(index=index, processes=2))) for index in (0, 1))
    assert is_exponential(np.diff(one), 2 / 400)
    assert is_exponential(np.diff(other), 2 / 400)
    assert abs(np.corrcoef(np.diff(one), np.diff(other))[0, 1]) < 0.03


@given(total=st.integers(0, 1000), processes=st.integers(1, 20))
def test_every_user_is_in_one_share_and_no_share_has_more_than_one_more(total: int, processes: int) -> None:
    shares = [Share(index=index, processes=processes) for index in range(processes)]
    users = [share.of(total) for share in shares]
    assert max(users) - min(users) <= 1
    numbers = [share.number(place) for share, own in zip(shares, users, strict=True) for place in range(own)]
    assert sorted(numbers) == list(range(total))


@pytest.fixture
def dispatch() -> Iterator[Dispatch]:
    """Make dispatchers of a few requests."""
    made: list[Dispatcher] = []

    def make(*due_s: float, time_limit_s: float = 60.0) -> Dispatcher:
        made.append(Dispatcher(chain(due_s, count(1e6)), time_limit_s))
        return made[-1]

    yield make
    for dispatcher in made:
        dispatcher.end()


def test_each_request_is_handed_out_when_it_is_due_and_its_lag_is_counted(dispatch: Dispatch) -> None:
    due_s = [0.0, 0.002, 0.002, 0.01]
    dispatcher = dispatch(*due_s)
    users = [gevent.spawn(lambda: (dispatcher.take(), perf_counter())) for _ in due_s]
    gevent.sleep(0)
    began_s = perf_counter()
    dispatcher.begin()
    gevent.joinall(users, timeout=20, raise_error=True)
    taken = sorted(user.value for user in users)
    assert np.diff([due_s for due_s, _ in taken]) == pytest.approx(np.diff(due_s))
    assert all(began_s <= due_s <= at_s for due_s, at_s in taken)
    pace = dispatcher.cut()
    assert list(pace.due_s) == [due_s for due_s, _ in taken]
    assert all(0 <= lag_s <= at_s - due_s for lag_s, (due_s, at_s) in zip(pace.lags_s, taken, strict=True))
    assert (pace.dropped, list(dispatcher.cut().due_s)) == (0, [])


def test_the_user_that_was_busy_last_is_the_next(dispatch: Dispatch) -> None:
    dispatcher = dispatch(0.0, 0.001, 0.002, 0.003)
    taken: list[str] = []
    done = Event()

    def user(name: str) -> None:
        while True:
            dispatcher.take()
            taken.append(name)
            if len(taken) == 4:
                done.set()

    users = [gevent.spawn(user, name) for name in "abc"]
    gevent.sleep(0)
    dispatcher.begin()
    assert done.wait(20)
    gevent.killall(users)
    assert taken == ["c"] * 4


def test_a_request_that_waits_for_a_user_keeps_its_instant_and_is_given_up_after_the_time_limit(
    dispatch: Dispatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatcher = dispatch(0.0, 0.0, 0.001, 0.002, time_limit_s=60.0)
    began_s = perf_counter()
    dispatcher.begin()
    while perf_counter() < began_s + 0.01:
        gevent.sleep(0.001)
    assert began_s <= dispatcher.take() <= dispatcher.take() <= perf_counter()
    gevent.sleep(0.001)  # for those left to be queued
    monkeypatch.setattr(open_model, "perf_counter", lambda: perf_counter() + 120)
    pace = dispatcher.cut()
    assert (len(pace.due_s), pace.dropped) == (4, 2)


def test_an_alarm_rings_once_at_each_instant_and_more_precisely_than_a_timer() -> None:
    due_s: list[float] = []
    late_s: list[float] = []
    done, later = Event(), Event()

    def set_again() -> None:
        due_s.append(perf_counter() + 0.0003)
        alarm.set(due_s[-1])

    def ring() -> None:
        late_s.append(perf_counter() - due_s[-1])
        if len(late_s) < 40:
            set_again()
        else:
            alarm.close()
            done.set()

    alarm = Alarm(ring)
    set_again()
    assert done.wait(30)
    # A timer of 0.3 ms waits for a whole one, each time; a busy machine makes some later, but not all.
    assert 0 <= min(late_s) < 0.0004
    witness = Alarm(later.set)  # by when an alarm that was still set would have rung
    witness.set(perf_counter() + 0.03)
    assert later.wait(30)
    witness.close()
    assert len(late_s) == 40


def test_without_a_free_descriptor_there_is_no_alarm() -> None:
    assert gevent.get_hub().loop is not None
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, before[1]))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            Alarm(lambda: None)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


RATE = RateLoad(rate_rps=200.0, arrivals="even", connections=256, seed="1")


def counts_as(done: LoadReport, window: WindowOpens, sent_s: list[float]) -> bool:
    """Whether the requests are those that the server counts: each is received after it was sent.

    The generator was so much later at most as its event loop stood still.
    """
    late_s = done.stall_max_s + 0.025
    start_s, end_s = window.start_s, window.end_s
    surely = sum(start_s < at_s <= end_s - late_s for at_s in sent_s)
    perhaps = sum(start_s - late_s < at_s <= end_s for at_s in sent_s)
    return surely <= done.requests <= perhaps


@pytest.mark.parametrize("load", [RATE, replace(RATE, arrivals="poisson")], ids=["even", "poisson"])
def test_requests_are_sent_when_they_are_due_over_no_more_connections_than_needed(
    generator: Generator, load: RateLoad
) -> None:
    watch = Watch(delay_s=0.02)
    with serve(watch) as server:
        done = generator.run(server.url, load=load, delay_s=0.02, window_s=0.8)
    assert (done.failure, done.error_kinds, done.dropped, done.reconnects) == (None, {}, 0, 0)
    due_s = np.array(list(itertools.takewhile(lambda at_s: at_s < 30, due_times(load))))
    late_s = np.array(watch.arrived_s) - due_s[: len(watch.arrived_s)]
    began_s = np.min(late_s)  # the request that waited least, however busy the machine is
    inside = (due_s + began_s > generator.window.start_s) & (due_s + began_s <= generator.window.end_s)
    assert done.lag_max_s is not None
    # What is due and not yet sent when the window ends is not offered in it.
    late = load.rate_rps * done.lag_max_s / 0.8
    assert done.offered_rps == pytest.approx(np.sum(inside) / 0.8, abs=5 + late)
    # Other instants would be some 0.04 s away by the middle. On a busy machine the generator reports its lag.
    assert done.lag_p99_s is not None
    assert np.median(np.abs(late_s - np.median(late_s))) < max(0.01, done.lag_p99_s)
    assert counts_as(done, generator.window, watch.sent_s)
    assert done.latency_s is not None
    assert 0 < done.lag_p99_s <= done.lag_max_s <= done.latency_s.max * 1.001
    # Little's law: 200/s for 0.02 s each is 4 at a time, and more when the machine is busy.
    assert 4 <= server.connections < 100


@pytest.mark.parametrize("connections", [256, 1])
def test_a_stall_is_not_omitted(generator: Generator, connections: int) -> None:
    stall_s, window_s = 0.3, 0.9
    stall = StallOnce(stall_s)

    def stall_in(window: WindowOpens) -> None:
        stall.due_s = window.start_s + 0.1

    with serve(stall) as server:
        load = replace(RATE, connections=connections)
        done = generator.run(server.url, load=load, window_s=window_s, on_window=stall_in)
    assert stall.began_s is not None
    assert generator.window.start_s < stall.began_s < generator.window.end_s - stall_s
    by_hand_s = latencies_after_stall(RATE.rate_rps, stall_s, int(RATE.rate_rps * window_s))
    assert done.latency_s is not None
    # A busy machine takes longer over what has piled up; it never makes any of it shorter.
    assert done.latency_s.max > 0.97 * by_hand_s[-1]
    assert done.latency_s.p99 > 0.97 * percentile(by_hand_s, 99)
    assert done.latency_s.p95 > 0.95 * percentile(by_hand_s, 95)
    assert counts_as(done, generator.window, stall.sent_s)  # none is omitted
    assert done.lag_p99_s is not None
    assert done.lag_p99_s < done.latency_s.p95  # to wait for the server is not the generator's lag


def test_a_request_that_finds_no_connection_in_time_is_given_up_even_if_none_ever_becomes_free(
    generator: Generator,
) -> None:
    def play(peer: Peer) -> None:
        if peer.take_request():
            peer.wait()

    with serve(play) as server:
        load = replace(RATE, rate_rps=100.0, connections=1)
        done = generator.run(server.url, load=load, window_s=0.6, timeout_s=0.2)
    assert done.requests == 0
    assert done.dropped > 10
    assert done.error_kinds["not sent in time"] == done.dropped
