from collections import Counter, defaultdict
from collections.abc import Mapping
from math import inf, sqrt

import numpy as np
import pytest

from portcompare.analyse.comparisons import compare
from portcompare.analyse.sweeps import find_bracket, find_break_even
from portcompare.measure.blocks import Place, Timekeeper
from portcompare.measure.sweeps import (
    Cell,
    Search,
    SearchKey,
    choose_coarse,
    choose_new,
    find_limit,
    find_start,
    plan_break_even,
    plan_searches,
    propose_rate,
)
from portcompare.plan import BreakEvenGrid, Plan, Scenario
from portcompare.records.rounds import BASELINE, Round
from portcompare.records.sweeps import RESOLUTION, Bracket, BreakEven, Trial
from tests.altered import altered, known
from tests.analyse.samples import ROUND
from tests.measure.plans import ARMS, make_plan

GRID = BreakEvenGrid(
    path="/data", delay_s=[0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2], users=[1, 2, 4, 8, 12, 16, 24, 32, 64]
)


def make_grid_plan(grid: BreakEvenGrid = GRID, **rounds: float) -> Plan:
    fields = dict(make_plan(**rounds)) | {"candidates": ["new"], "break_even": grid}
    del fields["scenarios"]
    return Plan.model_validate(fields)


def true_rate(arm: str, delay_s: float, users: int) -> float:
    """Eight threads against an event loop that costs more CPU time a request, on one CPU each."""
    slots, cpu_s = (8, 0.0006) if arm != "new" else (10**6, 0.001)
    return min(min(users, slots) / (delay_s + cpu_s), 1 / cpu_s)


def wins(cell: Cell) -> bool:
    return true_rate("new", *cell) > 1.05 * true_rate(BASELINE, *cell)


class Sweep:
    """A sweep over arms whose rates are known, but for noise."""

    def __init__(self, plan: Plan, *, noise: float, equal: bool = False, round_s: float = 0.0) -> None:
        self.now_s = 0.0
        self.rounds: list[Round] = []
        self.blocks: list[tuple[Place, ...]] = []
        self._plan = plan
        rng = np.random.default_rng(20261123)
        grid = plan.break_even
        assert grid is not None
        self.timekeeper = Timekeeper(plan.rounds.budget_s, lambda: self.now_s)
        for block in plan_break_even(plan, grid, self.find_grids, self.timekeeper):
            self.blocks.append(block)
            for place in block:
                self.now_s += round_s
                arm = BASELINE if equal else place.arm
                rate = true_rate(arm, grid.delays_s[place.scenario], int(place.level))
                self.rounds.append(
                    altered(
                        ROUND,
                        block=place.block,
                        arm=place.arm,
                        scenario=place.scenario,
                        level=float(place.level),
                        rate_rps=rate * float(rng.lognormal(sigma=noise)),
                    )
                )

    def find_grids(self) -> tuple[BreakEven, ...]:
        assert self._plan.break_even is not None
        grid = self._plan.break_even
        comparisons = compare(self.rounds, self._plan.rounds.margins)
        return find_break_even(comparisons, grid.delays_s, grid.levels)

    @property
    def new(self) -> BreakEven:
        return next(grid for grid in self.find_grids() if grid.candidate == "new")

    @property
    def counts(self) -> Counter[Cell]:
        """In how many blocks each cell was measured."""
        delays_s = GRID.delays_s
        return Counter(
            (delays_s[place.scenario], int(place.level))
            for block in self.blocks
            for place in block
            if place.arm == BASELINE
        )


@pytest.fixture(scope="module")
def sweep() -> Sweep:
    return Sweep(make_grid_plan(min_blocks=3, max_blocks=8, budget_s=86_400), noise=0.02)


def test_it_begins_with_corners_and_middles() -> None:
    assert choose_coarse(GRID) == [(delay_s, users) for delay_s in (0, 0.02, 0.2) for users in (1, 12, 64)]
    small = BreakEvenGrid(path="/", delay_s=[1, 0], users=[4, 2])
    assert choose_coarse(small) == [(0, 2), (0, 4), (1, 2), (1, 4)]


def test_the_border_is_found_and_measured_on_both_sides_with_half_of_the_cells(sweep: Sweep) -> None:
    grid = sweep.new
    for cell in grid.cells:
        assert cell.is_win is wins((cell.delay_s, cell.users)), cell
    measured = [cell for cell in grid.cells if cell.state != "not measured"]
    assert len(measured) <= len(grid.cells) / 2
    borders = {one.delay_s: (one.not_at_users, one.wins_from_users) for one in grid.borders}
    assert borders[0.0] == (None, None)  # without a delay the event loop only costs more
    assert borders[0.2] == borders[0.02] == (8, 12)
    cells = {(cell.delay_s, cell.users): cell for cell in grid.cells}
    for delay_s, sides in borders.items():
        for users in sides:
            assert users is None or users == 1 or cells[delay_s, users].ratio is not None
    assert choose_new([grid], sweep.counts) == []
    assert sweep.counts[0.2, 64] == min(sweep.counts.values()) == 3
    assert max(sweep.counts.values()) <= 8
    assert sweep.timekeeper.reason == "every cell along a border is decided, or was measured often enough"


def test_what_is_undecided_goes_on_until_it_is_narrow_or_measured_often_enough() -> None:
    plan = make_grid_plan(min_blocks=3, max_blocks=12, budget_s=86_400)
    sweep = Sweep(plan, noise=0.08, equal=True)
    extended = {cell for cell, blocks in sweep.counts.items() if blocks > 3}
    assert extended
    for cell in sweep.new.cells:
        if (cell.delay_s, cell.users) in extended:
            point, _, high = known(cell.ratio)
            is_narrow = high <= point * 1.05
            assert is_narrow or sweep.counts[cell.delay_s, cell.users] == 12


def test_no_cells_are_begun_that_the_budget_would_not_let_end() -> None:
    # The coarse grid takes 3 blocks of 9 cells with 3 arms, a second each: 81 s.
    begun = Sweep(make_grid_plan(min_blocks=3, max_blocks=8, budget_s=81), noise=0.02, round_s=1.0)
    assert len(begun.counts) == 9
    some = Sweep(make_grid_plan(min_blocks=3, max_blocks=8, budget_s=110), noise=0.02, round_s=1.0)
    assert 9 < len(some.counts) <= 12
    assert some.now_s <= 110
    assert set(some.counts.values()) == {3}
    assert any(cell.is_win is None for cell in some.new.cells)
    assert some.timekeeper.reason == "no other cell fits into the budget of 110 s"
    # A run that is resumed after these blocks knows how long they took.
    plan, timekeeper = make_grid_plan(min_blocks=3, max_blocks=8), Timekeeper(29.0, lambda: 0.0)
    timekeeper.recall({}, spent_s=81.0)
    some.rounds = some.rounds[:81]
    levels = [{place.at for place in block} for block in some.blocks]
    assert plan.break_even is not None
    block, *_ = plan_break_even(plan, plan.break_even, some.find_grids, timekeeper, measured=levels[:3])
    assert {place.at for place in block} == levels[3]


@pytest.mark.parametrize("blocks", [2, 5])
def test_a_cell_is_measured_in_the_least_number_of_blocks_before_it_is_judged(blocks: int) -> None:
    sweep = Sweep(make_grid_plan(min_blocks=blocks, max_blocks=blocks, budget_s=86_400), noise=0.02)
    assert set(sweep.counts.values()) == {blocks}
    first = [{(place.scenario, place.level) for place in block} for block in sweep.blocks[:blocks]]
    assert all(one == first[0] for one in first)


SEARCH = Search(scenario="fast", arm="new", start_rps=100, step=2, least_rps=100, most_rps=10_000)


def make_search_plan(delay_s: float = 0.0, **rounds: float) -> Plan:
    load = {"model": "open", "objective": {"p99": 0.5}, "connections": 100}
    scenario = Scenario.model_validate({"request": {"path": "/"}, "delay_s": delay_s, "load": load})
    return make_plan(**rounds).model_copy(update={"scenarios": {"fast": scenario}})


@pytest.mark.parametrize(
    ("bracket", "rate_rps"),
    [
        pytest.param({}, 100, id="begins at its start"),
        pytest.param({"kept_rps": 800.0}, 1600, id="climbs by steps while the objective is kept"),
        pytest.param({"failed_rps": 800.0}, 400, id="goes down by steps while it is missed"),
        pytest.param(
            {"kept_rps": 100.0, "failed_rps": 400.0, "doubtful_rps": 200.0}, 200, id="doubtful rates first"
        ),
        pytest.param({"kept_rps": 100.0, "failed_rps": 400.0}, 200, id="halves a bracket on a log scale"),
        pytest.param({"kept_rps": 100.0, "failed_rps": 106.0}, 103, id="goes on in a wide bracket"),
        pytest.param({"kept_rps": 100.0, "failed_rps": 105.0}, None, id="ends in a narrow bracket"),
        pytest.param({"kept_rps": 8000.0}, 10_000, id="climbs to its upper limit"),
        pytest.param({"kept_rps": 10_000.0}, None, id="ends at its upper limit"),
        pytest.param({"failed_rps": 150.0}, 100, id="goes down to its lower limit"),
        pytest.param({"failed_rps": 100.0}, None, id="ends at its lower limit"),
        pytest.param({"kept_rps": 101.0, "failed_rps": 117.0}, 109, id="rounds to three digits"),
    ],
)
def test_a_search_proposes_the_next_rate(bracket: dict[str, float], rate_rps: float | None) -> None:
    assert propose_rate(SEARCH, Bracket(**bracket)) == rate_rps  # type: ignore[arg-type]


@pytest.mark.parametrize(("quantile", "rate_rps"), [(0.5, 50), (0.99, 50), (0.999, 500)])
def test_the_lowest_rate_gives_a_round_enough_requests(quantile: float, rate_rps: float) -> None:
    assert find_start(quantile, 2.0) == pytest.approx(rate_rps)


def test_the_highest_rate_leaves_connections_free() -> None:
    limit_rps = find_limit(256, 0.2)
    under_way = limit_rps * 0.2
    assert under_way + 3 * sqrt(under_way) == pytest.approx(256)
    assert find_limit(256, 0.0) == inf


class Servers:
    """Arms whose capacities are known; `luck` is a factor of all of a block's."""

    def __init__(self, capacities_rps: Mapping[str, float]) -> None:
        self.now_s = 0.0
        self.trials: defaultdict[tuple[int, str], list[Trial]] = defaultdict(list)
        self.ended: set[SearchKey] = set()
        self.luck: dict[int, float] = {}
        self._capacities_rps = capacities_rps

    def serve(self, place: Place) -> None:
        capacity_rps = self._capacities_rps[place.arm] * self.luck.get(place.block, 1.0)
        trial = Trial(rate_rps=place.level, outcome="kept" if place.level <= capacity_rps else "missed")
        self.trials[place.block, place.arm].append(trial)

    def find_bracket(self, search: SearchKey) -> Bracket:
        block, _, arm = search
        return find_bracket(self.trials[block, arm], is_over=search in self.ended)

    def run(self, plan: Plan) -> list[list[Place]]:
        blocks: list[list[Place]] = []
        for block in plan_searches(
            plan, self.find_bracket, lambda: frozenset(plan.searches), self.ended, Timekeeper(inf)
        ):
            blocks.append([])
            for place in block:
                blocks[-1].append(place)
                self.serve(place)
        return blocks


CAPACITIES = {"baseline": 730.0, "control": 730.0, "new": 5200.0, "newer": 1490.0}


def test_every_arm_is_bracketed_in_every_block_soon_and_not_always_alike() -> None:
    servers = Servers(CAPACITIES)
    blocks = servers.run(make_search_plan(min_blocks=6, max_blocks=6))
    brackets = {}
    for block in range(6):
        for arm, capacity_rps in CAPACITIES.items():
            brackets[block, arm] = bracket = servers.find_bracket((block, "fast", arm))
            assert bracket.kept_rps is not None
            assert bracket.failed_rps is not None
            assert bracket.kept_rps <= capacity_rps <= bracket.failed_rps <= bracket.kept_rps * RESOLUTION
    # From 100/s to 730/s: 4 rates and a repetition, then 4 to 8 for the bracket.
    assert all(len(servers.trials[0, arm]) <= 17 for arm in ARMS)
    later = [len(block) / len(ARMS) for block in blocks[1:]]
    assert sum(later) / len(later) < 5.5
    # Of one capacity, which two arms have: the ends of brackets fall elsewhere in other blocks.
    assert len({brackets[block, arm] for block in range(5) for arm in ("baseline", "control")}) > 5


def test_a_server_far_slower_than_in_the_block_before_is_found_again() -> None:
    servers = Servers(CAPACITIES)
    servers.luck.update({0: 1.0, 1: 0.5, 2: 2.0})
    servers.run(make_search_plan(min_blocks=3, max_blocks=3))
    for block, luck in enumerate((1.0, 0.5, 2.0)):
        assert servers.find_bracket((block, "fast", "newer")).estimate_rps == pytest.approx(
            1490 * luck, rel=0.03
        )


def test_the_search_ends_where_connections_would_be_the_limit() -> None:
    servers = Servers(dict.fromkeys(ARMS, 1e6))
    blocks = servers.run(make_search_plan(delay_s=0.2, min_blocks=2, max_blocks=2))
    limit_rps = find_limit(100, 0.2)
    assert max(place.level for place in blocks[0]) == pytest.approx(limit_rps, rel=0.01)
    bracket = servers.find_bracket((0, "fast", "new"))
    assert bracket.failed_rps is None
    assert bracket.kept_rps == pytest.approx(limit_rps, rel=0.01)
    assert bracket.estimate_rps == bracket.kept_rps
    assert bracket.is_at_least


def test_an_arm_that_always_misses_it_is_tried_at_the_lowest_rate_alone() -> None:
    blocks = Servers(dict.fromkeys(ARMS, 1.0)).run(make_search_plan(min_blocks=2, max_blocks=2))
    assert [place.level for place in blocks[0]] == [100] * 8


def test_a_search_is_over_when_nothing_is_left_to_try_and_not_before() -> None:
    servers = Servers(CAPACITIES)
    (first, *_) = plan_searches(
        make_search_plan(min_blocks=2), servers.find_bracket, frozenset, servers.ended, Timekeeper(inf)
    )
    for place in first:
        assert (place.block, "fast", place.arm) not in servers.ended
        servers.serve(place)
    assert sorted(servers.ended) == [(0, "fast", arm) for arm in sorted(ARMS)]


def test_arms_take_turns_in_random_order_and_a_rate_tried_again_is_another_attempt() -> None:
    (block, *_) = Servers(dict.fromkeys(ARMS, 700.0)).run(make_search_plan(min_blocks=2, max_blocks=2))
    turns = [tuple(place.arm for place in block[at : at + 4]) for at in range(0, 16, 4)]
    assert all(sorted(turn) == sorted(ARMS) for turn in turns)
    assert len(set(turns)) > 1
    assert [place.order for place in block] == list(range(len(block)))
    attempts = defaultdict(list)
    for place in block:
        attempts[place.arm, place.level].append(place.attempt)
    assert set(map(tuple, attempts.values())) == {(0,), (0, 1)}


def test_the_same_seed_is_the_same_search() -> None:
    one, same, other = (
        Servers(CAPACITIES).run(make_search_plan(min_blocks=2, max_blocks=2, seed=seed)) for seed in (1, 1, 2)
    )
    assert one == same
    assert one != other


UNDECIDED = frozenset({"fast"})


@pytest.mark.parametrize(
    ("max_blocks", "undecided", "budget_s", "blocks", "reason"),
    [
        (6, frozenset[str](), 100.0, 2, "every capacity is known within 2.50%"),
        (3, UNDECIDED, 100.0, 3, "3 blocks are the most that the plan allows"),
        (6, UNDECIDED, 39.0, 3, "no other block fits into the budget of 39.0 s"),
        (6, UNDECIDED, 40.0, 4, "no other block fits into the budget of 40.0 s"),
        # There is no time for a third block, but there would have been none in any case.
        (2, UNDECIDED, 25.0, 2, "2 blocks are the most that the plan allows"),
    ],
)
def test_a_search_ends_when_all_is_decided_or_the_limits_of_the_plan_are_reached(
    max_blocks: int, undecided: frozenset[str], budget_s: float, blocks: int, reason: str
) -> None:
    plan = make_search_plan(min_blocks=2, max_blocks=max_blocks, budget_s=budget_s)
    servers, measured = Servers(CAPACITIES), 0
    timekeeper = Timekeeper(budget_s, lambda: servers.now_s)
    for _ in plan_searches(plan, servers.find_bracket, lambda: undecided, servers.ended, timekeeper):
        servers.now_s += 10  # each block takes 10 s
        measured += 1
    assert (measured, timekeeper.reason) == (blocks, reason)
