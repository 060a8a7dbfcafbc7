from collections import Counter
from collections.abc import Mapping
from itertools import pairwise

import pytest

from portcompare.measure.blocks import Place, Timekeeper, order_block, order_visits, plan_blocks
from portcompare.plan import Plan
from tests.measure.plans import ARMS, make_plan, paged

LEVELS: tuple[tuple[str, float], ...] = (("fast", 1), ("fast", 8), ("slow", 64))
ALL = {("fast", 1.0): 0.3, ("fast", 8.0): 0.1, ("slow", 64.0): 0.2}
NONE: dict[tuple[str, float], float] = {}


def contents(block: tuple[Place, ...]) -> list[tuple[str, str, float]]:
    return [(place.arm, place.scenario, place.level) for place in block]


def test_a_block_has_every_arm_at_each_of_its_levels_once_and_one_after_the_other() -> None:
    levels = LEVELS[1:]
    for number in range(10):
        block = order_block(make_plan(), number, levels)
        assert Counter(contents(block)) == Counter((arm, *level) for arm in ARMS for level in levels)
        assert [place.order for place in block] == list(range(len(ARMS) * len(levels)))
        assert {place.block for place in block} == {number}
        # So that a slow drift of the machine meets all arms alike.
        assert sum(one.at != other.at for one, other in pairwise(block)) == len(levels) - 1


def test_the_order_of_a_block_can_be_repeated_on_any_day_and_machine() -> None:
    # Written down: what is computed here twice would be the same twice in this process alone.
    block = order_block(make_plan(seed=1), 0, [("fast", 8)])
    assert [place.arm for place in block] == ["new", "baseline", "control", "newer"]


def test_the_order_depends_on_the_seed_and_the_block_alone() -> None:
    block = order_block(make_plan(seed=5), 2, LEVELS)
    assert order_block(make_plan(seed=5, seconds=9.0, min_blocks=3, max_blocks=4), 2, LEVELS) == block
    assert contents(order_block(make_plan(seed=6), 2, LEVELS)) != contents(block)
    orders = {tuple(contents(order_block(make_plan(), block, LEVELS))) for block in range(10)}
    assert len(orders) == 10


def test_a_block_visits_each_page_idle_and_under_load_from_every_arm_in_turn() -> None:
    visits = order_visits(paged(), 1)
    conditions = [("idle", 0), ("busy", 0), ("busy", 64)]
    assert Counter((one.arm, one.page, one.users) for one in visits) == Counter(
        (arm, *condition) for arm in ARMS for condition in conditions
    )
    assert sum(one.at != other.at for one, other in pairwise(visits)) == len(conditions) - 1
    assert [(one.block, one.order) for one in visits] == [(1, order) for order in range(len(visits))]
    assert order_visits(paged(), 1) == visits
    orders = {tuple((one.arm, one.page) for one in order_visits(paged(), block)) for block in range(9)}
    assert len(orders) == 9
    assert order_visits(make_plan(), 0) == ()


class Run:
    """A run by a clock of its own: each round takes so many seconds, and to start servers 2 s.

    What is undecided is given by number of blocks measured; the last of them holds from then on.
    """

    def __init__(
        self, plan: Plan, undecided: list[Mapping[tuple[str, float], float]], round_s: float = 0.0
    ) -> None:
        self.now_s = 1000.0
        self.blocks: list[tuple[Place, ...]] = []
        self.rounds = 0
        self.judged_after: list[int] = []
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
        self.judged_after.append(blocks)
        return self._undecided[min(len(self.judged_after), len(self._undecided)) - 1]

    @property
    def levels(self) -> list[set[tuple[str, float]]]:
        """The levels of each block."""
        return [{(place.scenario, place.level) for place in block} for block in self.blocks]


@pytest.mark.parametrize(("min_blocks", "least"), [(2, 2), (3, 3), (5, 3)])
def test_the_least_number_of_blocks_is_measured_whatever_they_show(min_blocks: int, least: int) -> None:
    run = Run(make_plan(min_blocks=min_blocks, max_blocks=9), [NONE])
    assert run.levels == [set(LEVELS)] * least
    assert run.judged_after == [least]


def test_pages_are_loaded_in_as_many_blocks_as_the_plan_wants_at_least() -> None:
    run = Run(paged(min_blocks=5, max_blocks=9), [NONE])
    assert run.levels == [set(LEVELS)] * 3 + [set()] * 2


def test_a_level_that_is_known_early_is_left_out_and_the_others_get_their_blocks() -> None:
    fast = {("fast", 1.0): 0.3, ("fast", 8.0): 0.1}
    run = Run(make_plan(min_blocks=5, max_blocks=9), [fast, fast, NONE])
    assert run.levels == [set(LEVELS)] * 3 + [{("fast", 1), ("fast", 8)}] * 2
    assert run.judged_after == [3, 4, 5]


def test_before_the_least_number_of_blocks_no_level_is_left_out_for_want_of_time() -> None:
    run = Run(make_plan(min_blocks=5, max_blocks=9, budget_s=42.0 + 9.0), [ALL], round_s=1.0)
    assert run.levels == [set(LEVELS)] * 4
    assert run.rounds == 36 + 7


def test_a_level_that_is_decided_is_measured_no_more_and_does_not_come_back() -> None:
    both, slow = {("slow", 64.0): 0.1, ("fast", 1.0): 0.2}, {("slow", 64.0): 0.1, ("fast", 8.0): 0.3}
    run = Run(make_plan(min_blocks=2, max_blocks=9), [both, slow, NONE])
    assert run.levels == [set(LEVELS), set(LEVELS), {("fast", 1), ("slow", 64)}, {("slow", 64)}]


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


@pytest.mark.parametrize(("budget_s", "rounds"), [(10.0, 8), (20.0, 16), (1.0, 0)])
def test_the_budget_is_kept_in_the_midst_of_the_first_blocks_too(budget_s: float, rounds: int) -> None:
    # 2 s until the first round of a block.
    run = Run(make_plan(min_blocks=5, max_blocks=9, budget_s=budget_s), [ALL], round_s=1.0)
    assert run.rounds == rounds
    assert run.judged_after == []


@pytest.mark.parametrize(
    ("rounds", "undecided", "blocks", "reason"),
    [
        ({"max_blocks": 9}, NONE, 2, "every interval is as narrow as 2.50% of its ratio"),
        ({"max_blocks": 3}, ALL, 3, "3 blocks are the most that the plan allows"),
        ({"max_blocks": 2, "budget_s": 33.9}, ALL, 2, "2 blocks are the most that the plan allows"),
        ({"max_blocks": 9, "budget_s": 33.9}, ALL, 2, "no other block fits into the budget of 33.9 s"),
        ({"max_blocks": 9, "budget_s": 20.0}, ALL, 2, "the budget of 20.0 s ended in block 2"),
    ],
)
def test_a_run_ends_with_a_reason(
    rounds: dict[str, float], undecided: Mapping[tuple[str, float], float], blocks: int, reason: str
) -> None:
    run = Run(make_plan(min_blocks=2, **rounds), [undecided], round_s=1.0)
    assert [block[0].block for block in run.blocks] == list(range(blocks))
    assert run.timekeeper.reason == reason


class Clock:
    """A timekeeper's clock, whose seconds pass when rounds take them."""

    def __init__(self, deadline_s: float) -> None:
        self.now_s = 0.0
        self.timekeeper = Timekeeper(deadline_s, lambda: self.now_s)
        self.timekeeper.begin_block()

    def take(self, level: tuple[str, float], took_s: float) -> None:
        assert self.timekeeper.begin_round(level)
        self.now_s += took_s
        self.timekeeper.end_round(level)


def test_a_round_that_would_end_too_late_is_not_begun_nor_one_that_may_last_as_long_as_the_longest() -> None:
    clock = Clock(10.0)
    for scenario, took_s in (("short", 1.0), ("long", 4.0), ("short", 2.0)):
        clock.take((scenario, 1.0), took_s)
    assert not clock.timekeeper.is_up
    assert clock.timekeeper.begin_round(("short", 1.0))  # 7 s and at most 2 s more
    assert not clock.timekeeper.begin_round(("never measured", 1.0))
    assert not clock.timekeeper.begin_round(("long", 1.0))
    assert clock.timekeeper.is_up


def test_what_fits_is_chosen_by_what_a_start_and_the_levels_rounds_took() -> None:
    clock = Clock(100.0)
    timekeeper = clock.timekeeper
    # The first start has the comparison of responses, the second the end of the servers before.
    for end_s, start_s in ((0.0, 9.0), (0.5, 1.5)):
        clock.now_s += end_s
        timekeeper.begin_block()
        clock.now_s += start_s
        clock.take(("fast", 1.0), 1.0)
        clock.take(("fast", 8.0), 3.0)
    wanted = (("fast", 8.0), ("fast", 1.0))
    for left_s, chosen in ((18.0, wanted), (17.9, wanted[:1]), (13.9, wanted[1:]), (1.0, ())):
        clock.now_s = 100.0 - left_s
        assert timekeeper.choose(wanted, arms=4) == chosen
    clock.now_s = 100.0 - 18.0
    timekeeper.beside_s = 0.1  # what a block takes beside its start and its rounds
    assert timekeeper.choose(wanted, arms=4) == wanted[:1]
