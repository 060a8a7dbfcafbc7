from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from portcompare.measure.blocks import Place
from portcompare.measure.rounds import MeasuredRound, Side
from portcompare.measure.turns import (
    LEAST_CYCLES,
    SPARE_DESCRIPTORS,
    TurnsNotPossible,
    find_descriptor_problems,
    find_why_window,
    measure_turns,
)
from portcompare.plan import OpenLoad, Plan
from portcompare.records.rounds import Usage
from portcompare.wire.protocol import EndTurns, JoinTurns, TakeTurn, TurnsEnded, TurnsJoined, TurnTaken
from tests.analyse.samples import TURN
from tests.measure.plans import DONE, add_open, make_plan, paged

ARMS = ("baseline", "control", "new")


class Server:
    """A server whose processes use 1 ms of CPU time a request."""

    def __init__(self, arm: str) -> None:
        self.deployment = arm
        self.url = f"http://{arm}"
        self.cpu_s: dict[int, float] | None = {1: 10.0, 2: 1.0}
        self.looks = 99  # Of a level before

    def check_alive(self) -> None: ...

    def begin_watch(self) -> None:
        self.looks = 0

    def look(self) -> None:
        self.looks += 1

    def read_cpu_s(self) -> dict[int, float] | None:
        return None if self.cpu_s is None else dict(self.cpu_s)

    def usage(self) -> Usage | None:
        return None if self.cpu_s is None else Usage(cpu_s=99.0, rss_bytes=50_000_000, restarts=self.looks)


class Bench:
    """A load generator whose turns are as a test says."""

    def __init__(self, *, level: float = 8, scenario: str = "fast", **rounds: float) -> None:
        self.plan: Plan = add_open(make_plan(**rounds))
        self.servers = {arm: Server(arm) for arm in ARMS}
        self.place = Place(block=0, order=0, arm="", scenario=scenario, level=level)
        self.joined: list[JoinTurns] = []
        self.taken: list[TakeTurn] = []
        self.counting: dict[str, tuple[int, ...]] | None = None
        self.does_not_join: str | None = None
        self.turn: Callable[[TakeTurn], TurnTaken] = lambda _: TurnTaken(turn=TURN, reconnects=0)

    def join_turns(self, order: JoinTurns) -> TurnsJoined:
        self.joined.append(order)
        return TurnsJoined(failures={self.does_not_join: "cold"} if self.does_not_join else {})

    def take_turn(self, order: TakeTurn, _timeout_s: float) -> TurnTaken:
        self.taken.append(order)
        taken = self.turn(order)
        cpu_s = self.servers[order.arm].cpu_s
        if cpu_s is not None:
            cpu_s[2] += taken.turn.requests * 0.001
        return replace(taken, turn=replace(taken.turn, cycle=order.cycle))

    def end_turns(self, order: EndTurns) -> TurnsEnded:
        self.counting = order.counting
        failed = replace(DONE, load=replace(DONE.load, failure="cold"))
        return TurnsEnded(rounds={arm: failed if arm == self.does_not_join else DONE for arm in ARMS})

    def measure(self, left_s: Callable[[], float] = lambda: 1.0) -> dict[str, MeasuredRound]:
        servers: Any = self.servers
        generator: Any = self
        sides = {
            arm: Side(place=replace(self.place, arm=arm, order=order), server=servers[arm], expectations={})
            for order, arm in enumerate(ARMS)
        }
        return {one.round.arm: one for one in measure_turns(self.plan, sides, generator, left_s)}

    @property
    def counted(self) -> list[TakeTurn]:
        return [order for order in self.taken if order.cycle >= 0]


def taking(**of_turn: Any) -> Callable[[TakeTurn], TurnTaken]:  # noqa: ANN401 - of a turn
    return lambda _: TurnTaken(turn=replace(TURN, **of_turn), reconnects=0)


def test_in_each_cycle_every_arm_takes_a_turn_in_an_order_of_its_own() -> None:
    bench = Bench(seconds=2.0)
    measured = bench.measure()
    assert [list(order.rounds) for order in bench.joined] == [list(ARMS)]
    cycles = [tuple(one.arm for one in bench.counted[at : at + 3]) for at in range(0, 120, 3)]
    assert {frozenset(arms) for arms in cycles} == {frozenset(ARMS)}
    assert len(set(cycles)) > 3
    assert [one.turn_s for one in bench.counted] == [0.05] * 120
    again = Bench(seconds=2.0)
    again.measure()
    assert again.taken == bench.taken
    for place, arm in enumerate(ARMS):
        one = measured[arm].round
        assert (one.arm, one.order, one.load, one.discarded) == (arm, place, DONE.load, None)
        assert [turn.cycle for turn in one.turns] == list(range(40))
        assert one.turns[0].cpu_s == pytest.approx(1.0)
        assert one.usage is not None
        assert one.usage.cpu_s == pytest.approx(40.0)
        assert (one.usage.rss_bytes, one.usage.restarts) == (50_000_000, 40)
    assert bench.counting == {arm: tuple(range(40)) for arm in ARMS}


@pytest.mark.parametrize(("p50_s", "turn_s", "cycles"), [(0.01, 0.05, 40), (0.1, 0.3, 7)])
def test_a_turn_is_as_long_as_the_responses_of_its_arm_need(p50_s: float, turn_s: float, cycles: int) -> None:
    bench = Bench(seconds=2.0)
    bench.turn = taking(p50_s=p50_s)
    bench.measure()
    assert [one.turn_s for one in bench.counted] == pytest.approx([turn_s] * 3 * cycles)


def test_in_the_open_model_a_turn_has_time_for_its_queue() -> None:
    bench = Bench(scenario="open", level=400.0, warmup_s=1.2)
    bench.turn = taking(p50_s=0.09)
    bench.measure()
    assert {one.turn_s for one in bench.taken} == {0.3}
    assert len(bench.taken) - len(bench.counted) == 3 * 4
    bench.turn = taking(p50_s=0.11)
    with pytest.raises(TurnsNotPossible, match="a response of baseline takes 110 ms"):
        bench.measure()


def test_one_slow_turn_of_the_warm_up_decides_nothing() -> None:
    bench = Bench(seconds=2.0)
    slow = taking(p50_s=0.6)
    bench.turn = lambda order: slow(order) if len(bench.taken) in {1, 9} else taking(p50_s=0.01)(order)
    bench.measure()
    assert {one.turn_s for one in bench.counted} == {0.05}


@pytest.mark.parametrize(("users", "turn_s", "spread_s", "cycles"), [(64, 0.8, 0.2, 3), (1, 0.6, 0.0, 4)])
def test_where_users_wait_by_design_turns_are_long_and_starts_spread_over_the_delay(
    users: int, turn_s: float, spread_s: float, cycles: int
) -> None:
    bench = Bench(scenario="slow", level=users)
    bench.measure()
    assert [one.turn_s for one in bench.taken] == pytest.approx([turn_s] * 3 * cycles)
    assert {one.spread_s for one in bench.taken} == {spread_s}


def test_when_the_time_is_up_the_level_ends_after_the_fewest_cycles() -> None:
    bench = Bench(seconds=2.0)
    measured = bench.measure(left_s=lambda: -1.0)
    assert len(measured["new"].round.turns) == LEAST_CYCLES


@pytest.mark.parametrize(
    ("of_turn", "why"),
    [
        ({"generator_cpu_ratio": 0.95}, "the load generator was at 95.0% of its CPU and may be the limit"),
        ({"stall_max_s": 0.2}, "the load generator stood still for 200 ms, more than 100 ms"),
    ],
)
def test_a_turn_that_the_generator_limited_does_not_count(of_turn: dict[str, float], why: str) -> None:
    bench = Bench()
    limited = taking(**of_turn)
    bench.turn = lambda order: limited(order) if order.cycle in {2, 5} else taking()(order)
    measured = bench.measure()["new"].round
    assert {turn.cycle: turn.discarded for turn in measured.turns if turn.discarded} == {2: why, 5: why}
    assert bench.counting is not None
    assert not {2, 5} & set(bench.counting["new"])
    assert measured.usage is not None
    assert measured.usage.cpu_s == pytest.approx(len(measured.turns) - 2)
    assert measured.discarded is None
    bench = Bench()
    bench.turn = limited
    assert bench.measure()["new"].round.discarded == f"20 of 20 turns were discarded, as {why}"


def test_an_arm_that_does_not_join_or_fails_in_its_turn_leaves_the_others_theirs() -> None:
    bench = Bench()
    bench.does_not_join = "control"
    bench.turn = lambda order: TurnTaken(
        turn=TURN, reconnects=0, failure="stuck" if (order.arm, order.cycle) == ("new", 1) else None
    )
    measured = bench.measure()
    assert measured["control"].round.discarded == "cold"
    assert Counter(order.arm for order in bench.counted) == {"baseline": 20, "new": 2}


def test_cpu_time_is_that_of_turns_in_which_no_process_ended_and_not_known_where_none_can_be_seen() -> None:
    bench = Bench()
    bench.servers["control"].cpu_s = None

    def restart(order: TakeTurn) -> TurnTaken:
        if (order.arm, order.cycle) == ("new", 1):
            bench.servers["new"].cpu_s = {2: 0.0, 3: 0.0}
        return taking()(order)

    bench.turn = restart
    measured = bench.measure()
    assert [one.round.usage is None for one in measured.values()] == [False, True, False]
    new = measured["new"].round
    assert [turn.cycle for turn in new.turns if turn.cpu_s is None] == [1]
    assert new.usage is not None
    assert new.usage.cpu_s == pytest.approx(len(new.turns))


def test_turns_are_not_possible_where_responses_are_long_or_each_connection_is_closed() -> None:
    bench = Bench()
    bench.turn = taking(p50_s=0.2)
    with pytest.raises(TurnsNotPossible, match="a response of baseline takes 200 ms"):
        bench.measure()
    assert bench.counting == {}
    bench.turn = lambda _: TurnTaken(turn=TURN, reconnects=990)
    with pytest.raises(TurnsNotPossible, match="baseline closes each connection"):
        bench.measure()


@pytest.mark.parametrize(
    ("scenario", "level", "few", "many"),
    [("fast", 8.0, 4, 5), ("slow", 64.0, 32, 33), ("open", 400.0, 50, 51)],
)
def test_turns_are_not_possible_where_connections_that_wait_are_closed(
    scenario: str, level: float, few: int, many: int
) -> None:
    bench = Bench(scenario=scenario, level=level)
    bench.turn = lambda _: TurnTaken(turn=TURN, reconnects=few, closed_unannounced=few)
    bench.measure()
    bench.turn = lambda _: TurnTaken(turn=TURN, reconnects=many, closed_unannounced=many)
    with pytest.raises(TurnsNotPossible, match="closes connections that wait for their turn"):
        bench.measure()


@pytest.mark.parametrize(
    ("level", "able", "turn_s", "why"),
    [
        (("fast", 8.0), ("fast",), 0.1, ""),
        (("fast", 8.0), ("fast",), 0.0, "the plan sets rounds.turn_s = 0"),
        (("fast", 8.0), (), 0.1, "its users cannot wait between two requests, or belong to load workers"),
        (("slow", 64.0), ("slow",), 0.1, ""),
        (("open", 400.0), ("open",), 0.1, ""),
        (("open", 20.0), ("open",), 0.1, "20 requests per second are too few for short turns"),
    ],
)
def test_what_is_known_of_a_level_says_why_it_is_measured_in_a_window(
    level: tuple[str, float], able: tuple[str, ...], turn_s: float, why: str
) -> None:
    assert find_why_window(add_open(make_plan(turn_s=turn_s)), able, level) == why


@pytest.mark.parametrize(
    ("allowed", "turn_s", "in_turns", "found"),
    [
        (SPARE_DESCRIPTORS + 4 * 64, 0.1, True, []),
        (SPARE_DESCRIPTORS + 4 * 64 - 1, 0.1, True, ["64 connections to 4 deployments need 456 open files"]),
        (SPARE_DESCRIPTORS + 64, 0.0, True, []),  # one arm after the other
        (SPARE_DESCRIPTORS + 64, 0.1, False, []),  # as load workers do
        (SPARE_DESCRIPTORS + 63, 0.0, True, ["64 connections to 1 deployment need 264 open files"]),
    ],
)
def test_open_files_for_all_connections_are_checked_first(
    monkeypatch: pytest.MonkeyPatch, allowed: int, turn_s: float, *, in_turns: bool, found: list[str]
) -> None:
    monkeypatch.setattr("portcompare.measure.turns.open_files_limit", lambda: allowed)
    problems = list(find_descriptor_problems(add_open(make_plan(turn_s=turn_s)), in_turns=in_turns))
    assert [problem.found.partition(", and ")[0] for problem in problems] == found
    assert all(("turn_s = 0" in problem.remedy) == bool(turn_s) for problem in problems)


def test_the_connections_of_searches_and_pages_count_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portcompare.measure.turns.open_files_limit", lambda: SPARE_DESCRIPTORS + 70)
    load = OpenLoad.model_validate({"model": "open", "objective": {"p99": 0.5}, "connections": 71})
    searched = make_plan().scenarios["fast"].model_copy(update={"load": load})
    busier = paged().pages["busy"].model_copy(update={"users": 72})
    plan = make_plan(turn_s=0).model_copy(update={"scenarios": {"searched": searched}})
    other = make_plan(turn_s=0).model_copy(update={"pages": {"busy": busier}})
    problems = [*find_descriptor_problems(plan), *find_descriptor_problems(other)]
    assert [one.found.partition(" to ")[0] for one in problems] == ["71 connections", "72 connections"]
