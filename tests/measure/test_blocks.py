from collections import Counter
from collections.abc import Mapping
from itertools import pairwise

import pytest

from portcompare.measure.blocks import Place, Timekeeper, order_block, plan_blocks
from portcompare.plan import Plan
from tests.measure.plans import ARMS, make_plan

LEVELS: tuple[tuple[str, float], ...] = (("fast", 1), ("fast", 8), ("slow", 64))
ALL = {("fast", 1.0): 0.3, ("fast", 8.0): 0.1, ("slow", 64.0): 0.2}
NONE: dict[tuple[str, float], float] = {}


def contents(block: tuple[Place, ...]) -> list[tuple[str, str, float]]:
    return [(place.arm, place.scenario, place.level) for place in block]


def test_a_block_has_every_arm_at_each_of_its_levels_once() -> None:
    levels = LEVELS[1:]
    block = order_block(make_plan(), 3, levels)
    assert Counter(contents(block)) == Counter((arm, *level) for arm in ARMS for level in levels)
    assert [place.order for place in block] == list(range(len(ARMS) * len(levels)))
    assert {place.block for place in block} == {3}


def test_the_order_of_a_block_can_be_repeated_on_any_day_and_machine() -> None:
    # Written down: what is computed here twice would be the same twice in this process alone.
    block = order_block(make_plan(seed=1), 0, [("fast", 8)])
    assert [place.arm for place in block] == ["new", "baseline", "control", "newer"]


def test_the_order_does_not_depend_on_what_else_the_plan_says() -> None:
    orders = [
        order_block(make_plan(seed=5, **others), 2, LEVELS)
        for others in ({}, {"seconds": 9.0, "min_blocks": 3, "max_blocks": 4})
    ]
    assert orders[0] == orders[1]


def test_another_seed_is_another_order() -> None:
    one, other = (order_block(make_plan(seed=seed), 0, LEVELS) for seed in (1, 2))
    assert contents(one) != contents(other)


def test_every_block_has_an_order_of_its_own() -> None:
    orders = {tuple(contents(order_block(make_plan(), block, LEVELS))) for block in range(10)}
    assert len(orders) == 10


def test_the_arms_of_a_level_follow_one_another_so_that_a_slow_drift_meets_all_alike() -> None:
    for number in range(10):
        levels = [(place.scenario, place.level) for place in order_block(make_plan(), number, LEVELS)]
        assert sum(one != other for one, other in pairwise(levels)) == len(LEVELS) - 1


@pytest.mark.parametrize("arm", ARMS)
def test_no_arm_always_follows_the_same_other(arm: str) -> None:
    blocks = (order_block(make_plan(), block, [("fast", 8)]) for block in range(30))
    before = {one.arm for block in blocks for one, other in pairwise(block) if other.arm == arm}
    assert before == set(ARMS) - {arm}


@pytest.mark.parametrize("arm", ARMS)
def test_every_arm_comes_first_now_and_then(arm: str) -> None:
    blocks = (order_block(make_plan(), block, [("fast", 8)]) for block in range(30))
    assert arm in {block[0].arm for block in blocks}


class Run:
    """A run by a clock of its own: each round takes so many seconds, and to start servers 2 s.

    What is undecided is told by number of blocks measured; the last of them holds from then on.
    """

    def __init__(
        self, plan: Plan, undecided: list[Mapping[tuple[str, float], float]], round_s: float = 0.0
    ) -> None:
        self.now_s = 1000.0
        self.blocks: list[tuple[Place, ...]] = []
        self.rounds = 0
        self.asked_after: list[int] = []
        self._undecided = undecided
        self.timekeeper = timekeeper = Timekeeper(self.now_s + plan.rounds.budget_s, lambda: self.now_s)
        for block in plan_blocks(plan, self._find_undecided, timekeeper):
            self.blocks.append(block)
            timekeeper.begin_block()
            self.now_s += 2.0
            for place in block:
                if not timekeeper.begin_round(place.at):
                    break
                self.now_s += round_s
                self.rounds += 1
                timekeeper.end_round(place.at)

    def _find_undecided(self, blocks: int) -> Mapping[tuple[str, float], float]:
        assert blocks == len(self.blocks)
        self.asked_after.append(blocks)
        return self._undecided[min(len(self.asked_after), len(self._undecided)) - 1]

    @property
    def levels(self) -> list[set[tuple[str, float]]]:
        """The levels of each block."""
        return [{(place.scenario, place.level) for place in block} for block in self.blocks]


@pytest.mark.parametrize(("min_blocks", "least"), [(2, 2), (3, 3), (5, 3)])
def test_the_least_number_of_blocks_is_measured_whatever_they_tell(min_blocks: int, least: int) -> None:
    run = Run(make_plan(min_blocks=min_blocks, max_blocks=9), [NONE])
    assert run.levels == [set(LEVELS)] * least
    assert run.asked_after == [least]


def test_a_level_that_is_known_early_is_left_out_and_the_others_get_their_blocks() -> None:
    fast = {("fast", 1.0): 0.3, ("fast", 8.0): 0.1}
    run = Run(make_plan(min_blocks=5, max_blocks=9), [fast, fast, NONE])
    assert run.levels == [set(LEVELS)] * 3 + [{("fast", 1), ("fast", 8)}] * 2
    assert run.asked_after == [3, 4, 5]


def test_before_the_least_number_of_blocks_no_level_is_left_out_for_want_of_time() -> None:
    run = Run(make_plan(min_blocks=5, max_blocks=9, budget_s=42.0 + 9.0), [ALL], round_s=1.0)
    assert run.levels == [set(LEVELS)] * 4
    assert run.rounds == 36 + 7


def test_a_run_ends_after_the_greatest_number_of_blocks() -> None:
    run = Run(make_plan(min_blocks=2, max_blocks=4), [ALL])
    assert run.levels == [set(LEVELS)] * 4
    assert [block[0].block for block in run.blocks] == [0, 1, 2, 3]


def test_a_run_ends_once_all_is_decided() -> None:
    run = Run(make_plan(min_blocks=2, max_blocks=9), [ALL, ALL, NONE])
    assert len(run.blocks) == 4
    assert run.asked_after == [2, 3, 4]


def test_levels_that_are_decided_are_measured_no_more() -> None:
    slow, both = {("slow", 64.0): 0.1}, {("slow", 64.0): 0.1, ("fast", 1.0): 0.2}
    run = Run(make_plan(min_blocks=2, max_blocks=9), [both, slow, NONE])
    assert run.levels == [set(LEVELS), set(LEVELS), {("fast", 1), ("slow", 64)}, {("slow", 64)}]


def test_a_level_once_decided_does_not_come_back() -> None:
    run = Run(make_plan(min_blocks=2, max_blocks=4), [{("slow", 64.0): 0.1}, ALL])
    assert run.levels[2:] == [{("slow", 64)}, {("slow", 64)}]


@pytest.mark.parametrize(
    ("left_s", "levels"),
    [
        (14.0, set(LEVELS)),  # the servers' start and twelve rounds
        (13.9, {("fast", 1), ("slow", 64)}),
        (10.0, {("fast", 1), ("slow", 64)}),
        (9.9, {("fast", 1)}),
        (6.0, {("fast", 1)}),
    ],
)
def test_what_is_left_of_the_time_goes_to_the_widest_intervals(
    left_s: float, levels: set[tuple[str, float]]
) -> None:
    run = Run(make_plan(min_blocks=2, max_blocks=3, budget_s=28.0 + left_s), [ALL], round_s=1.0)
    assert run.levels == [set(LEVELS), set(LEVELS), levels]
    assert run.now_s <= 1000.0 + 28.0 + left_s


def test_no_block_begins_for_which_there_is_no_time_at_all() -> None:
    run = Run(make_plan(min_blocks=2, max_blocks=9, budget_s=33.9), [ALL], round_s=1.0)
    assert len(run.blocks) == 2


@pytest.mark.parametrize(("budget_s", "rounds"), [(10.0, 8), (20.0, 16), (1.0, 0)])
def test_the_budget_is_kept_in_the_midst_of_the_first_blocks_too(budget_s: float, rounds: int) -> None:
    # 2 s until the first round of a block.
    run = Run(make_plan(min_blocks=5, max_blocks=9, budget_s=budget_s), [ALL], round_s=1.0)
    assert run.rounds == rounds
    assert run.asked_after == []


@pytest.mark.parametrize(
    ("rounds", "undecided", "reason"),
    [
        ({"max_blocks": 9}, NONE, "every interval is as narrow as 2.50% of its ratio"),
        ({"max_blocks": 3}, ALL, "3 blocks are the most that the plan allows"),
        ({"max_blocks": 2, "budget_s": 33.9}, ALL, "2 blocks are the most that the plan allows"),
        ({"max_blocks": 9, "budget_s": 33.9}, ALL, "no other block fits into the budget of 33.9 s"),
        ({"max_blocks": 9, "budget_s": 20.0}, ALL, "the budget of 20.0 s ended in block 2"),
    ],
)
def test_a_run_says_why_it_ended(
    rounds: dict[str, float], undecided: Mapping[tuple[str, float], float], reason: str
) -> None:
    run = Run(make_plan(min_blocks=2, **rounds), [undecided], round_s=1.0)
    assert run.timekeeper.reason == reason


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_round_that_would_end_too_late_is_not_begun() -> None:
    clock = Clock()
    timekeeper = Timekeeper(10.0, clock)
    timekeeper.begin_block()
    for scenario, took_s in (("short", 1.0), ("long", 4.0), ("short", 2.0)):
        assert timekeeper.begin_round((scenario, 1.0))
        clock.now_s += took_s
        timekeeper.end_round((scenario, 1.0))
    assert not timekeeper.is_up
    assert timekeeper.begin_round(("short", 1.0))  # 7 s and at most 2 s more
    assert not timekeeper.begin_round(("long", 1.0))
    assert timekeeper.is_up


def test_a_scenario_never_measured_is_taken_to_last_as_long_as_the_longest() -> None:
    clock = Clock()
    timekeeper = Timekeeper(10.0, clock)
    timekeeper.begin_block()
    assert timekeeper.begin_round(("long", 1.0))
    clock.now_s = 6.0
    timekeeper.end_round(("long", 1.0))
    assert not timekeeper.begin_round(("other", 1.0))


def test_what_fits_is_chosen_by_what_a_start_and_the_levels_rounds_took() -> None:
    clock = Clock()
    timekeeper = Timekeeper(100.0, clock)
    for start_s in (9.0, 2.0):  # the first with the comparison of answers
        timekeeper.begin_block()
        clock.now_s += start_s
        for level, took_s in ((1.0, 1.0), (8.0, 3.0)):
            assert timekeeper.begin_round(("fast", level))
            clock.now_s += took_s
            timekeeper.end_round(("fast", level))
    wanted = [("fast", 8.0), ("fast", 1.0)]
    clock.now_s = 100.0 - 2.0 - 16.0
    assert timekeeper.choose(wanted, arms=4) == tuple(wanted)
    clock.now_s += 0.1
    assert timekeeper.choose(wanted, arms=4) == (("fast", 8.0),)
    clock.now_s += 4.0
    assert timekeeper.choose(wanted, arms=4) == (("fast", 1.0),)
    clock.now_s = 99.0
    assert timekeeper.choose(wanted, arms=4) == ()


def test_what_a_block_takes_beside_its_start_and_its_rounds_is_kept_for_it() -> None:
    clock = Clock()
    timekeeper = Timekeeper(10.0, clock)
    timekeeper.begin_block()
    assert timekeeper.begin_round(("fast", 1.0))
    clock.now_s = 2.0
    timekeeper.end_round(("fast", 1.0))
    timekeeper.beside_s = 4.0
    assert timekeeper.choose([("fast", 1.0)], arms=2) == (("fast", 1.0),)
    timekeeper.beside_s = 4.1
    assert timekeeper.choose([("fast", 1.0)], arms=2) == ()
