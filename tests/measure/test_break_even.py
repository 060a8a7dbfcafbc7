from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest

from portcompare.analyse.break_even import find_break_even
from portcompare.analyse.comparisons import compare
from portcompare.measure import Timekeeper
from portcompare.measure.break_even import choose_coarse, choose_new, plan_break_even
from portcompare.plan import BreakEvenGrid, Plan
from portcompare.records.rounds import BASELINE
from tests.altered import altered, known
from tests.analyse.samples import ROUND
from tests.measure.plans import make_plan

if TYPE_CHECKING:
    from portcompare.measure import Place
    from portcompare.records.rounds import Round
    from portcompare.records.sweeps import BreakEven

    Cell = tuple[float, int]

GRID = BreakEvenGrid(
    path="/data",
    delay_s=[0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2],
    users=[1, 2, 4, 8, 12, 16, 24, 32, 64],
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
        timekeeper = Timekeeper(plan.rounds.budget_s, lambda: self.now_s)
        for block in plan_break_even(plan, grid, self.find_grids, timekeeper):
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


def test_it_begins_with_corners_and_middles() -> None:
    assert choose_coarse(GRID) == [(delay_s, users) for delay_s in (0, 0.02, 0.2) for users in (1, 12, 64)]
    small = BreakEvenGrid(path="/", delay_s=[1, 0], users=[4, 2])
    assert choose_coarse(small) == [(0, 2), (0, 4), (1, 2), (1, 4)]


def test_the_border_is_found_with_half_of_the_cells() -> None:
    sweep = Sweep(make_grid_plan(min_blocks=3, max_blocks=8, budget_s=1e6), noise=0.02)
    grid = sweep.new
    for cell in grid.cells:
        assert cell.is_win is wins((cell.delay_s, cell.users)), cell
    measured = [cell for cell in grid.cells if cell.state != "not measured"]
    assert len(measured) <= len(grid.cells) / 2
    borders = {one.delay_s: (one.not_at_users, one.wins_from_users) for one in grid.borders}
    assert borders[0.0] == (None, None)  # without a delay the event loop only costs more
    assert borders[0.2] == (8, 12)
    assert borders[0.02] == (8, 12)


def test_both_sides_of_every_border_are_measured() -> None:
    sweep = Sweep(make_grid_plan(min_blocks=3, max_blocks=8, budget_s=1e6), noise=0.02)
    cells = {(cell.delay_s, cell.users): cell for cell in sweep.new.cells}
    for border in sweep.new.borders:
        for users in (border.wins_from_users, border.not_at_users):
            assert users is None or users == 1 or cells[border.delay_s, users].ratio is not None
    assert choose_new([sweep.new], sweep.counts) == []


def test_cells_far_from_the_border_are_measured_no_more_than_at_first() -> None:
    sweep = Sweep(make_grid_plan(min_blocks=3, max_blocks=8, budget_s=1e6), noise=0.05)
    assert sweep.counts[0.2, 64] == 3
    assert max(sweep.counts.values()) <= 8
    assert min(sweep.counts.values()) >= 3


def test_what_is_undecided_goes_on_until_it_is_narrow_or_measured_often_enough() -> None:
    plan = make_grid_plan(min_blocks=3, max_blocks=12, budget_s=1e6)
    sweep = Sweep(plan, noise=0.08, equal=True)
    extended = {cell for cell, blocks in sweep.counts.items() if blocks > 3}
    assert extended
    for cell in sweep.new.cells:
        if (cell.delay_s, cell.users) in extended:
            point, _, high = known(cell.ratio)
            is_narrow = high <= point * 1.05
            assert is_narrow or sweep.counts[cell.delay_s, cell.users] == 12


def test_equal_arms_win_hardly_anywhere() -> None:
    plan = make_grid_plan(min_blocks=5, max_blocks=10, budget_s=1e6)
    cells = [cell for cell in Sweep(plan, noise=0.05, equal=True).new.cells if cell.ratio]
    assert sum(cell.state == "wins" for cell in cells) <= 1 + 0.05 * len(cells)


def test_every_block_holds_every_arm_at_each_of_its_cells() -> None:
    sweep = Sweep(make_grid_plan(min_blocks=3, max_blocks=8, budget_s=1e6), noise=0.02)
    for number, block in enumerate(sweep.blocks):
        assert {place.block for place in block} == {number}
        by_level = Counter((place.scenario, place.level) for place in block)
        assert set(by_level.values()) == {3}
        assert len({(place.arm, place.scenario, place.level) for place in block}) == len(block)


def test_no_cells_are_begun_that_the_budget_would_not_let_end() -> None:
    # The coarse grid takes 3 blocks of 9 cells with 3 arms, a second each: 81 s.
    begun = Sweep(make_grid_plan(min_blocks=3, max_blocks=8, budget_s=81), noise=0.02, round_s=1.0)
    assert len(begun.counts) == 9
    some = Sweep(make_grid_plan(min_blocks=3, max_blocks=8, budget_s=110), noise=0.02, round_s=1.0)
    assert 9 < len(some.counts) <= 12
    assert some.now_s <= 110
    assert set(some.counts.values()) == {3}
    assert any(cell.is_win is None for cell in some.new.cells)


def test_the_control_has_no_border_to_look_for() -> None:
    sweep = Sweep(make_grid_plan(min_blocks=3, max_blocks=8, budget_s=1e6), noise=0.02)
    control = next(grid for grid in sweep.find_grids() if grid.candidate == "control")
    assert not any(cell.state == "wins" for cell in control.cells if cell.users == 64)


@pytest.mark.parametrize("blocks", [2, 5])
def test_a_cell_is_measured_in_the_least_number_of_blocks_before_it_is_judged(blocks: int) -> None:
    sweep = Sweep(make_grid_plan(min_blocks=blocks, max_blocks=blocks, budget_s=1e6), noise=0.02)
    assert set(sweep.counts.values()) == {blocks}
    first = [{(place.scenario, place.level) for place in block} for block in sweep.blocks[:blocks]]
    assert all(one == first[0] for one in first)
