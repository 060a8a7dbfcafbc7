from dataclasses import replace
from typing import Any, cast

import pytest

from portcompare.errors import ServerError, WindowMissedError
from portcompare.measure.blocks import PagePlace, Place
from portcompare.measure.generator import LoadGenerator
from portcompare.measure.rounds import MeasuredRound, Side, make_order, measure_round, measure_visit
from portcompare.records.pages import PageLoad, PageVisit
from portcompare.records.requests import Expectation
from portcompare.records.rounds import Round, Usage
from portcompare.serve import RunningServer
from portcompare.wire.protocol import RateLoad, RoundDone, RunRound, UserLoad, WindowOpens
from tests.altered import altered
from tests.measure.plans import DONE, add_open, make_plan, paged

ALIVE = "check alive"
PLACE = Place(block=2, order=5, arm="new", scenario="fast", level=8)
SLOW = replace(PLACE, scenario="slow", level=64)
OPEN = replace(PLACE, scenario="open", level=400.0)
PAGE = PagePlace(block=2, order=1, arm="new", page="busy", users=64)
EXPECTATIONS = {0: Expectation(status=200, body_base64="e30=")}
LOADS = (PageLoad(kind="cold", lcp_s=0.1), PageLoad(kind="warm", lcp_s=0.1))


class Bench:
    """A server, a load generator and a browser that only note their calls."""

    def __init__(self) -> None:
        self.happened: list[str] = []
        self.orders: list[RunRound] = []
        self.done = DONE
        self.usage: Usage | None = Usage(cpu_s=0.6, rss_bytes=70_000_000)
        self.dies_at_check = 0
        self.misses_window = False
        self.url = "http://127.0.0.1:8123"
        self.deployment = "new-deployment"

    def check_alive(self) -> None:
        self.happened.append(ALIVE)
        if self.happened.count(ALIVE) == self.dies_at_check:
            raise ServerError("new: ended with status 1")

    def begin_round(self, order: RunRound) -> WindowOpens:
        self.happened.append("begin round")
        self.orders.append(order)
        return WindowOpens(start_s=50.0, end_s=50.8)

    def measure_usage(self, start_s: float, end_s: float) -> Usage | None:
        self.happened.append(f"measure usage {start_s} {end_s}")
        if self.misses_window:
            raise WindowMissedError("new: the window was over")
        return self.usage

    def close_window(self) -> None:
        self.happened.append("close window")

    def end_round(self) -> RoundDone:
        self.happened.append("end round")
        return self.done

    def load_page(self, _browser: object, url: str, limit_s: float) -> tuple[PageLoad, ...]:
        self.happened.append(f"load {url} within {limit_s:g} s")
        return LOADS

    def measure(self, place: Place = PLACE, **rounds: float) -> MeasuredRound:
        server, generator = cast("RunningServer", self), cast("LoadGenerator", self)
        side = Side(place=place, server=server, expectations=EXPECTATIONS)
        return measure_round(add_open(make_plan(**rounds)), side, generator, "turns are off")

    def visit(self, place: PagePlace) -> PageVisit:
        bench: Any = self
        return measure_visit(paged(), place, bench, bench, generator=bench, expectations=EXPECTATIONS)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    bench = Bench()
    monkeypatch.setattr("portcompare.measure.rounds.visit_page", bench.load_page)
    return bench


def test_a_round_is_what_server_and_generator_measured_in_one_window_of_a_server_that_lives(
    bench: Bench,
) -> None:
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
            why_window="turns are off",
        ),
        histogram="SElTVEZBQUFB",
    )
    assert bench.happened == [ALIVE, "begin round", "measure usage 50.0 50.8", "end round", ALIVE]


def test_the_generator_is_ordered_what_the_plan_says(bench: Bench) -> None:
    bench.measure(seconds=3.0, warmup_s=0.5, warmup_max_s=12.0, timeout_s=7.0)
    fast = RunRound(
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
    bench.measure(SLOW, seconds=3.0, warmup_s=0.5, warmup_max_s=12.0, timeout_s=7.0)
    slow = replace(fast, scenario="slow", load=UserLoad(users=64), delay_s=0.2, window_s=2.5)
    assert bench.orders == [fast, slow]


@pytest.mark.parametrize(("left_s", "wait_s"), [(60.0, 12.0), (5.0, 5.0), (-1.0, 1.0)])
def test_first_responses_are_not_awaited_beyond_the_budget(left_s: float, wait_s: float) -> None:
    server: Any = Bench()
    side = Side(place=PLACE, server=server, expectations={})
    assert make_order(make_plan(warmup_max_s=12.0), side, left_s).warmup_max_s == wait_s


def test_all_arms_of_a_block_have_the_same_arrivals_and_another_block_or_attempt_has_others(
    bench: Bench,
) -> None:
    places = (OPEN, replace(OPEN, arm="baseline", order=6), replace(OPEN, block=3), replace(OPEN, attempt=1))
    for place in places:
        bench.measure(place, seed=7)
    one, same, *others = (order.load for order in bench.orders)
    assert one == same == RateLoad(rate_rps=400.0, arrivals="even", connections=32, seed="7/2/open/400/0")
    assert one not in others


def test_what_failed_or_cannot_be_seen_has_no_cpu_time_per_request(bench: Bench) -> None:
    bench.usage = Usage(cpu_s=1.5, rss_bytes=0)
    assert bench.measure().round.rss_peak_bytes is None  # not sampled
    bench.usage = None  # of a server elsewhere
    found = bench.measure().round
    assert (found.cpu_s_per_request, found.rss_peak_bytes, found.load.rate_rps) == (None, None, 500.0)
    bench.done = altered(DONE, requests=0, rate_rps=0.0, latency_s=None, failure="cold")
    bench.usage = Usage(cpu_s=0.6, rss_bytes=70_000_000)
    found = bench.measure().round
    assert (found.load.rate_rps, found.cpu_s_per_request, found.load.latency_s) == (0.0, None, None)
    assert (found.load.errors, found.discarded) == (5, "cold")


@pytest.mark.parametrize(("check", "orders"), [(1, 0), (2, 1)])
def test_a_server_that_is_dead_is_not_loaded_and_one_that_dies_under_load_gives_no_round(
    bench: Bench, check: int, orders: int
) -> None:
    bench.dies_at_check = check
    with pytest.raises(ServerError, match="ended with status 1"):
        bench.measure()
    assert len(bench.orders) == orders


def test_a_window_that_was_missed_discards_its_round_and_not_the_run(bench: Bench) -> None:
    bench.misses_window = True
    missed = bench.measure().round
    assert missed.discarded == "new: the window was over"
    assert (missed.cpu_s_per_request, missed.rss_peak_bytes, missed.load.requests) == (None, None, 400)
    bench.done = altered(DONE, failure="3 of 8 users had no response")
    assert bench.measure().round.discarded == "3 of 8 users had no response"
    assert bench.happened.count("end round") == 2


def test_an_idle_visit_leaves_the_load_generator_alone(bench: Bench) -> None:
    visit = bench.visit(replace(PAGE, page="idle", users=0))
    assert bench.happened == [ALIVE, f"load {bench.url}/?delay=1 within 30 s", ALIVE]
    assert (visit.loads, visit.users_load, visit.discarded) == (LOADS, None, None)


def test_pages_load_while_the_window_of_their_scenario_is_open_whose_load_is_reported(bench: Bench) -> None:
    bench.done = altered(DONE, failure="3 of 64 users had no response")
    visit = bench.visit(PAGE)
    load = f"load {bench.url}/ within 30 s"
    assert bench.happened == [ALIVE, "begin round", load, load, "close window", "end round", ALIVE]
    (order,) = bench.orders
    assert (order.scenario, order.load, order.is_held) == ("slow", UserLoad(users=64), True)
    assert (visit.loads, visit.users_load) == (LOADS * 2, bench.done.load)
    assert visit.discarded == "3 of 64 users had no response"
