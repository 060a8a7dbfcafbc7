"""Which cells of a break-even grid to measure next: a few of all, then those along the border."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

from portcompare.measure.blocks import ended_in_block, nothing_fits, order_block
from portcompare.records.rounds import CONTROL

Number = TypeVar("Number", int, float)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from portcompare.measure.blocks import Timekeeper
    from portcompare.measure.rounds import Place
    from portcompare.plan import BreakEvenGrid, Plan
    from portcompare.records.sweeps import BreakEven, BreakEvenCell

    Cell = tuple[float, int]
    Counts = Mapping[Cell, int]


def plan_break_even(
    plan: Plan,
    grid: BreakEvenGrid,
    find_grids: Callable[[], Iterable[BreakEven]],
    timekeeper: Timekeeper,
) -> Iterator[tuple[Place, ...]]:
    """The blocks of a break-even sweep, until the border is known or the plan's limits are reached.

    New cells are measured in `rounds.min_blocks` blocks before anything is concluded from them; afterwards
    those that are undecided get one block after the other, up to `rounds.max_blocks` each.
    """
    began_s = timekeeper.clock()
    counts: Counter[Cell] = Counter()
    names = {delay_s: name for name, delay_s in grid.delays_s.items()}
    cells, blocks = choose_coarse(grid), plan.rounds.min_blocks
    number = 0
    while cells:
        levels = [(names[delay_s], users) for delay_s, users in cells]
        for _ in range(blocks):
            yield order_block(plan, number, levels)
            if timekeeper.is_up:
                timekeeper.reason = ended_in_block(plan, number)
                return
            number += 1
            counts.update(cells)
        grids = [one for one in find_grids() if one.candidate != CONTROL]
        windows_s = sum(plan.window_s(names[delay_s]) * times for (delay_s, _), times in counts.items())
        now_s = timekeeper.clock()
        left_s = (timekeeper.deadline_s - now_s) * windows_s / max(now_s - began_s, 1e-9)
        cells, blocks = choose_new(grids, counts), plan.rounds.min_blocks
        if not cells:
            cells, blocks = choose_undecided(grids, counts, plan), 1
        wanted = len(cells)
        cells = _affordable(cells, left_s / blocks, lambda cell: plan.window_s(names[cell[0]]))
        if not wanted:
            timekeeper.reason = "every cell along a border is decided, or was measured often enough"
        elif not cells:
            timekeeper.reason = nothing_fits(plan, "cell")


def choose_coarse(grid: BreakEvenGrid) -> list[Cell]:
    """The cells to begin with."""
    delays_s, users = tuple(grid.delays_s.values()), grid.levels
    return [(delay_s, level) for delay_s in _spread(delays_s) for level in _spread(users)]


def choose_new(grids: Iterable[BreakEven], counts: Counts) -> list[Cell]:
    """Cells that no block has held yet, but which a border runs through.

    Along each row and column, wherever two cells that are known disagree and are neighbours or have only
    unknown ones between them: the middle one of these; without any, those of the two that are known only by
    their own neighbours.
    """
    chosen: dict[Cell, None] = {}
    for grid in grids:
        for line in _lines(grid.cells):
            known = [place for place, cell in enumerate(line) if cell.is_win is not None]
            for low, high in pairwise(known):
                if line[low].is_win == line[high].is_win:
                    continue
                between = [cell for cell in line[low + 1 : high] if not counts.get(_place(cell))]
                ends = [cell for cell in (line[low], line[high]) if not counts.get(_place(cell))]
                wanted = [between[len(between) // 2]] if between else ends
                chosen.update(dict.fromkeys(map(_place, wanted)))
    return sorted(chosen)


def choose_undecided(grids: Iterable[BreakEven], counts: Counts, plan: Plan) -> list[Cell]:
    """Cells whose interval lay around 1 after their first blocks, and is not yet as narrow as the plan asks.

    They go on until it is, also when it has left 1 meanwhile: whoever stopped there would stop at every lucky
    moment.
    """
    least, most, precision = plan.rounds.min_blocks, plan.rounds.max_blocks, plan.rounds.precision
    return sorted(
        {
            _place(cell)
            for grid in grids
            for cell in grid.cells
            if cell.state == "undecided" or counts.get(_place(cell), 0) > least
            if counts.get(_place(cell), 0) < most
            if cell.ratio.point is None
            or cell.ratio.high is None
            or cell.ratio.high > cell.ratio.point * (1 + precision)
        }
    )


def _spread(values: Sequence[Number]) -> list[Number]:
    return sorted({values[0], values[len(values) // 2], values[-1]})


def _affordable(cells: Sequence[Cell], left_s: float, window_s: Callable[[Cell], float]) -> list[Cell]:
    """As many of the cells as there is time for, those of the shortest rounds first."""
    chosen, needed_s = [], 0.0
    for cell in sorted(cells, key=window_s):
        needed_s += window_s(cell)
        if needed_s <= left_s:
            chosen.append(cell)
    return chosen


def _lines(cells: Sequence[BreakEvenCell]) -> Iterator[list[BreakEvenCell]]:
    """The rows and columns of a grid."""
    for delay_s in dict.fromkeys(cell.delay_s for cell in cells):
        yield [cell for cell in cells if cell.delay_s == delay_s]
    for users in dict.fromkeys(cell.users for cell in cells):
        yield [cell for cell in cells if cell.users == users]


def _place(cell: BreakEvenCell) -> Cell:
    return cell.delay_s, cell.users
