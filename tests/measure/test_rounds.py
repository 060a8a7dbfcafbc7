from dataclasses import replace
from typing import cast

import pytest

from portcompare.errors import ServerError, WindowMissedError
from portcompare.measure.blocks import Place
from portcompare.measure.generator import LoadGenerator
from portcompare.measure.rounds import MeasuredRound, measure_round
from portcompare.records.requests import Expectation
from portcompare.records.rounds import Round, Usage
from portcompare.serve import RunningServer
from portcompare.wire.protocol import RateLoad, RoundDone, RunRound, UserLoad, WindowOpens
from tests.altered import altered
from tests.measure.plans import DONE, add_open, make_plan

PLACE = Place(block=2, order=5, arm="new", scenario="fast", level=8)
EXPECTATIONS = {0: Expectation(status=200, body_base64="e30=")}


class Bench:
    """A server and a load generator that only note their calls."""

    def __init__(self) -> None:
        self.happened: list[str] = []
        self.orders: list[RunRound] = []
        self.window = WindowOpens(start_s=50.0, end_s=50.8)
        self.done = DONE
        self.usage: Usage | None = Usage(cpu_s=0.6, rss_bytes=70_000_000)
        self.dies_at_check = 0
        self.misses_window = False
        self.url = "http://127.0.0.1:8123"
        self.deployment = "new-deployment"

    def check_alive(self) -> None:
        self.happened.append("check alive")
        if self.happened.count("check alive") == self.dies_at_check:
            raise ServerError("new: ended with status 1")

    def begin_round(self, order: RunRound) -> WindowOpens:
        self.happened.append("begin round")
        self.orders.append(order)
        return self.window

    def measure_usage(self, start_s: float, end_s: float) -> Usage | None:
        self.happened.append(f"measure usage {start_s} {end_s}")
        if self.misses_window:
            raise WindowMissedError("new: the window was over")
        return self.usage

    def end_round(self) -> RoundDone:
        self.happened.append("end round")
        return self.done

    def measure(self, place: Place = PLACE, **rounds: float) -> MeasuredRound:
        server, generator = cast("RunningServer", self), cast("LoadGenerator", self)
        return measure_round(add_open(make_plan(**rounds)), place, server, generator, EXPECTATIONS)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_round_is_the_servers_and_the_generators_account_of_one_window(bench: Bench) -> None:
    assert bench.measure() == MeasuredRound(
        round=Round(
            block=2,
            arm="new",
            deployment="new-deployment",
            scenario="fast",
            level=8,
            order=5,
            discarded=None,
            load=DONE.load,
            usage=Usage(cpu_s=0.6, rss_bytes=70_000_000),
            bound=None,
        ),
        histogram="SElTVEZBQUFB",
    )


def test_usage_is_measured_in_the_generators_window_on_a_server_that_lives_before_and_after(
    bench: Bench,
) -> None:
    bench.measure()
    assert bench.happened == [
        "check alive",
        "begin round",
        "measure usage 50.0 50.8",
        "end round",
        "check alive",
    ]


def test_the_generator_is_ordered_what_the_plan_says(bench: Bench) -> None:
    bench.measure(seconds=3.0, warmup_s=0.5, warmup_max_s=12.0, timeout_s=7.0)
    assert bench.orders == [
        RunRound(
            scenario="fast",
            url="http://127.0.0.1:8123",
            load=UserLoad(users=8),
            delay_s=0.0,
            warmup_s=0.5,
            warmup_max_s=12.0,
            window_s=3.0,
            timeout_s=7.0,
            expectations=EXPECTATIONS,
        )
    ]


def test_the_generator_is_told_how_long_every_answer_waits(bench: Bench) -> None:
    bench.measure(replace(PLACE, scenario="slow", level=64))
    assert (bench.orders[0].load, bench.orders[0].delay_s) == (UserLoad(users=64), 0.2)


def test_an_open_scenario_is_ordered_as_a_rate(bench: Bench) -> None:
    bench.measure(replace(PLACE, scenario="open", level=400.0), seed=7)
    assert bench.orders[0].load == RateLoad(
        rate_rps=400.0, arrivals="even", connections=32, seed="7/2/open/400/0"
    )


def test_arms_have_the_same_arrivals_and_a_second_attempt_others(bench: Bench) -> None:
    first = replace(PLACE, scenario="open", level=400.0)
    for place in (first, replace(first, arm="newer"), replace(first, attempt=1)):
        bench.measure(place)
    one, same, other = (order.load for order in bench.orders)
    assert one == same
    assert one != other


def test_all_arms_of_a_block_have_the_same_arrivals_and_no_other_block_has(bench: Bench) -> None:
    place = replace(PLACE, scenario="open", level=400.0)
    for one in (place, replace(place, arm="baseline", order=6), replace(place, block=3)):
        bench.measure(one)
    first, second, third = (order.load for order in bench.orders)
    assert first == second != third


def test_a_scenario_may_have_a_round_length_of_its_own(bench: Bench) -> None:
    bench.measure(replace(PLACE, scenario="slow", level=64), seconds=3.0)
    assert bench.orders[0].window_s == 2.5


def test_without_a_success_there_is_no_cpu_time_per_request(bench: Bench) -> None:
    bench.done = altered(
        DONE,
        requests=0,
        rate_rps=0.0,
        latency_s=None,
        handler_s=None,
        received_bytes_per_request=None,
        failure="cold",
    )
    found = bench.measure().round
    assert (found.load.rate_rps, found.cpu_s_per_request, found.load.latency_s) == (0.0, None, None)
    assert (found.load.errors, found.discarded) == (5, "cold")


def test_memory_that_could_not_be_sampled_is_not_known(bench: Bench) -> None:
    bench.usage = Usage(cpu_s=1.5, rss_bytes=0)
    assert bench.measure().round.rss_peak_bytes is None


def test_a_server_that_is_dead_is_not_loaded(bench: Bench) -> None:
    bench.dies_at_check = 1
    with pytest.raises(ServerError, match="ended with status 1"):
        bench.measure()
    assert bench.orders == []


def test_a_server_that_dies_under_load_gives_no_round(bench: Bench) -> None:
    bench.dies_at_check = 2
    with pytest.raises(ServerError, match="ended with status 1"):
        bench.measure()
    assert len(bench.orders) == 1


def test_what_a_server_elsewhere_uses_is_not_known(bench: Bench) -> None:
    bench.usage = None
    found = bench.measure().round
    assert (found.cpu_s_per_request, found.rss_peak_bytes) == (None, None)
    assert found.load.rate_rps == 500.0


def test_a_window_that_was_missed_discards_its_round_and_not_the_run(bench: Bench) -> None:
    bench.misses_window = True
    missed = bench.measure().round
    assert missed.discarded == "new: the window was over"
    assert (missed.cpu_s_per_request, missed.rss_peak_bytes, missed.load.requests) == (None, None, 400)
    bench.done = altered(DONE, failure="3 of 8 users had no answer")
    assert bench.measure().round.discarded == "3 of 8 users had no answer"
    assert bench.happened.count("end round") == 2
