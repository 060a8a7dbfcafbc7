from collections import Counter
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

import pytest

from portcompare.measure.blocks import PagePlace, Timekeeper, order_visits, plan_blocks
from portcompare.measure.generator import LoadGenerator
from portcompare.measure.rounds import measure_visit
from portcompare.records.pages import PageLoad
from portcompare.serve import RunningServer
from portcompare.wire.protocol import RoundDone, RunRound
from tests.altered import altered
from tests.measure.plans import ARMS, DONE, make_plan, paged

LOADS = (PageLoad(kind="cold", lcp_s=0.1), PageLoad(kind="warm", lcp_s=0.1))
NONE: dict[tuple[str, float], float] = {}


def place_of(page: str, users: int) -> PagePlace:
    return next(
        one for one in order_visits(paged(), 0) if (one.arm, one.page, one.users) == ("baseline", page, users)
    )


class Watching:
    """A load generator and a browser that note what they are told in one list."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, done: RoundDone = DONE) -> None:
        self.told: list[Any] = []
        self._done = done
        monkeypatch.setattr("portcompare.measure.rounds.visit_page", self._visit)

    def _visit(self, _browser: object, url: str, limit_s: float) -> tuple[PageLoad, ...]:
        self.told.append((url, limit_s))
        return LOADS

    def begin_round(self, order: RunRound) -> None:
        self.told.append(order)

    def close_window(self) -> None:
        self.told.append("close")

    def end_round(self) -> RoundDone:
        self.told.append("end")
        return self._done

    def visit(self, place: PagePlace) -> Any:  # noqa: ANN401 - a record to look into
        server = SimpleNamespace(
            url="http://h", deployment="old", check_alive=lambda: self.told.append("alive")
        )
        return measure_visit(
            paged(),
            place,
            cast("RunningServer", server),
            cast("Any", None),
            generator=cast("LoadGenerator", self),
            expectations={},
        )


def test_a_block_visits_each_page_idle_and_under_load_from_every_arm_in_turn() -> None:
    visits = order_visits(paged(), 1)
    conditions = [("idle", 0), ("busy", 0), ("busy", 64)]
    assert Counter((one.arm, one.page, one.users) for one in visits) == Counter(
        (arm, *condition) for arm in ARMS for condition in conditions
    )
    assert (
        sum((one.page, one.users) != (other.page, other.users) for one, other in pairwise(visits))
        == len(conditions) - 1
    )
    assert [one.order for one in visits] == list(range(len(visits)))
    assert {one.block for one in visits} == {1}


def test_the_order_of_visits_can_be_repeated_and_is_another_in_each_block() -> None:
    assert order_visits(paged(), 0) == order_visits(paged(), 0)
    orders = {tuple((one.arm, one.page) for one in order_visits(paged(), block)) for block in range(9)}
    assert len(orders) == 9


def test_a_plan_without_pages_has_no_visits() -> None:
    assert order_visits(make_plan(), 0) == ()


def test_an_idle_visit_leaves_the_load_generator_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    watching = Watching(monkeypatch)
    visit = watching.visit(place_of("idle", 0))
    assert watching.told == ["alive", ("http://h/?delay=1", 30.0), "alive"]
    assert (visit.loads, visit.users_load, visit.discarded) == (LOADS, None, None)


def test_pages_load_while_the_window_of_their_scenario_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    watching = Watching(monkeypatch)
    visit = watching.visit(place_of("busy", 64))
    alive, order, *rest = watching.told
    assert alive == "alive"
    assert (order.scenario, order.load.users, order.is_held) == ("slow", 64, True)
    assert rest == [("http://h/", 30.0), ("http://h/", 30.0), "close", "end", "alive"]
    assert (visit.loads, visit.users_load) == (LOADS * 2, DONE.load)


def test_a_visit_tells_what_became_of_its_load(monkeypatch: pytest.MonkeyPatch) -> None:
    done = altered(
        DONE, failure="3 of 64 users had no answer", requests=90, rate_rps=45.0, error_kinds={"timeout": 10}
    )
    visit = Watching(monkeypatch, done).visit(place_of("busy", 64))
    assert visit.discarded == done.load.failure
    assert visit.users_load == done.load


def test_pages_are_loaded_in_as_many_blocks_as_the_plan_asks_for_at_least() -> None:
    timekeeper = Timekeeper(1e6, lambda: 0.0)
    timekeeper.begin_block()
    blocks = []
    for block in plan_blocks(paged(min_blocks=5, max_blocks=9), lambda _: NONE, timekeeper):
        blocks.append(len(block))
        timekeeper.begin_round(place_of("idle", 0).at)
    assert len(blocks) == 5
    assert blocks[3:] == [0, 0]
