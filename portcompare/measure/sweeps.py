"""Sweeps: which cells of a break-even grid to measure next, or which rates in the search of a capacity."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import exp, inf, log, sqrt
from random import Random
from statistics import fmean

from portcompare.measure.blocks import (
    Level,
    Place,
    Timekeeper,
    all_blocks,
    budget_ended,
    nothing_fits,
    order_block,
)
from portcompare.plan import BreakEvenGrid, Plan
from portcompare.records.rounds import CONTROL
from portcompare.records.sweeps import RESOLUTION, Bracket, BreakEven, BreakEvenCell
from portcompare.units import share

Cell = tuple[float, int]  # delay in seconds, and users
Counts = Mapping[Cell, int]
SearchKey = tuple[int, str, str]  # block, scenario and arm
FindBracket = Callable[[SearchKey], Bracket]
FIRST_STEP = 2.0  # the factor by which the first block climbs from the lowest rate
LATER_STEP = 1.1  # the factor by which later blocks move away from what the blocks before them found
LEAST_REQUESTS = 100  # of a round, so that 1% of them is one


def plan_break_even(
    plan: Plan,
    grid: BreakEvenGrid,
    find_grids: Callable[[], Iterable[BreakEven]],
    timekeeper: Timekeeper,
    *,
    measured: Sequence[Collection[Level]] = (),
) -> Iterator[tuple[Place, ...]]:
    """The blocks of a break-even sweep, until the border is known or the plan's limits are reached.

    New cells get `rounds.min_blocks` blocks before anything is concluded from them; then those undecided get
    more, up to `rounds.max_blocks` each. `measured`: as in `plan_blocks`.
    """
    began_s = timekeeper.clock() - timekeeper.spent_s
    names = {delay_s: name for name, delay_s in grid.delays_s.items()}
    known = [sorted((grid.delays_s[name], int(users)) for name, users in levels) for levels in measured]
    counts = Counter(cell for cells in known for cell in cells)
    cells, number = known[-1] if known else choose_coarse(grid), len(known)
    blocks = max(plan.rounds.min_blocks - min(counts[cell] for cell in cells), 0)
    while cells:
        levels = [(names[delay_s], users) for delay_s, users in cells]
        for _ in range(blocks):
            yield order_block(plan, number, levels)
            if timekeeper.is_up:
                timekeeper.reason = budget_ended(plan, number)
                return
            number += 1
            counts.update(cells)
        grids = [one for one in find_grids() if one.candidate != CONTROL]
        windows_s = sum(plan.window_s(names[delay_s]) * times for (delay_s, _), times in counts.items())
        left_s = timekeeper.left_s() * windows_s / max(timekeeper.clock() - began_s, 1e-9)
        cells, blocks = choose_new(grids, counts), plan.rounds.min_blocks
        if not cells:
            cells, blocks = choose_undecided(grids, counts, plan), 1
        if not cells:
            timekeeper.reason = "every cell along a border is decided, or was measured often enough"
            return
        # As many as there is time for, those of the shortest rounds first.
        cells.sort(key=lambda cell: plan.window_s(names[cell[0]]))
        needed_s = accumulate(plan.window_s(names[delay_s]) * blocks for delay_s, _ in cells)
        cells = [cell for cell, cell_s in zip(cells, needed_s, strict=True) if cell_s <= left_s]
    timekeeper.reason = nothing_fits(plan, "cell")


def choose_coarse(grid: BreakEvenGrid) -> list[Cell]:
    """The cells to begin with."""
    delays_s, users = tuple(grid.delays_s.values()), grid.levels
    rows, columns = ({0, len(side) // 2, len(side) - 1} for side in (delays_s, users))
    return [(delays_s[row], users[column]) for row in sorted(rows) for column in sorted(columns)]


def choose_new(grids: Iterable[BreakEven], counts: Counts) -> list[Cell]:
    """Cells along a border that no block has measured yet.

    Along each row and column, wherever two known cells disagree and only unknown ones lie between them: the
    middle one of these; if there are none, those of the two that are known only by their neighbours.
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

    They go on until it is, also when it has left 1 meanwhile: to stop there would be to stop at every lucky
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


def _lines(cells: Sequence[BreakEvenCell]) -> Iterator[list[BreakEvenCell]]:
    """The rows and columns of a grid."""
    for delay_s in dict.fromkeys(cell.delay_s for cell in cells):
        yield [cell for cell in cells if cell.delay_s == delay_s]
    for users in dict.fromkeys(cell.users for cell in cells):
        yield [cell for cell in cells if cell.users == users]


def _place(cell: BreakEvenCell) -> Cell:
    return cell.delay_s, cell.users


def find_start(quantile: float, window_s: float) -> float:
    """The lowest rate, in requests/s, at which a round has enough requests: 100, or for a p99.9 1,000."""
    return max(LEAST_REQUESTS, 1 / (1 - quantile)) / window_s


def find_limit(connections: int, delay_s: float) -> float:
    """The highest rate, in requests/s, at which no request waits for a connection; infinite without a delay.

    The number of requests under way is Poisson with mean a = rate x delay, and practically never exceeds
    a + 3 sqrt(a). Source: Little, "A proof for the queuing formula L = lambda W", Operations Research 9 (3),
    1961.
    """
    if not delay_s:
        return inf
    return (sqrt(connections + 2.25) - 1.5) ** 2 / delay_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """One arm's search in one scenario and block."""

    scenario: str
    arm: str
    start_rps: float  # the first rate to try
    step: float  # the factor by which to move while the capacity is not bracketed
    least_rps: float
    most_rps: float


def propose_rate(search: Search, bracket: Bracket) -> float | None:
    """The next rate in requests/s: a doubtful one again, then outwards by steps, then the bracket's middle.

    To three digits; None if the search is over.
    """
    kept, failed = bracket.kept_rps, bracket.failed_rps
    if bracket.doubtful_rps is not None:
        return bracket.doubtful_rps
    if kept is None:
        wanted = search.start_rps if failed is None else failed / search.step
    elif failed is None:
        wanted = kept * search.step
    elif failed > kept * RESOLUTION:
        wanted = sqrt(kept * failed)
    else:
        return None
    rate_rps = float(f"{min(max(wanted, search.least_rps), search.most_rps):.3g}")
    return None if rate_rps in (kept, failed) else rate_rps


def plan_searches(
    plan: Plan,
    find_bracket: FindBracket,
    find_undecided: Callable[[], frozenset[str]],
    ended: set[SearchKey],
    timekeeper: Timekeeper,
    *,
    measured: Sequence[Collection[Level]] = (),
) -> Iterator[Iterator[Place]]:
    """The blocks of a search, until the capacities are known well enough or the plan's limits are reached.

    `ended`: receives each search that found nothing more to try. `measured`: as in `plan_blocks`.
    """
    searched = {name for name, _ in measured[-1]} if measured else plan.searches
    scenarios = tuple(name for name in plan.searches if name in searched)
    for block in range(max(len(measured) - 1, 0), plan.rounds.max_blocks):
        began_s = timekeeper.clock()
        if block >= len(measured):
            yield _search_block(plan, block, scenarios, find_bracket, ended)
        took_s = timekeeper.clock() - began_s
        if timekeeper.is_up:
            timekeeper.reason = budget_ended(plan, block)
            return
        if block + 1 < plan.rounds.min_blocks:
            continue
        undecided = find_undecided()
        scenarios = tuple(name for name in scenarios if name in undecided)
        # The next block is taken to last as long as this one: all but the first begin near the capacity.
        if not scenarios:
            timekeeper.reason = f"every capacity is known within {share(plan.rounds.precision)}"
            return
        is_last = block + 1 == plan.rounds.max_blocks
        if took_s > timekeeper.left_s() and not is_last:
            timekeeper.reason = nothing_fits(plan, "block")
            return
    timekeeper.reason = all_blocks(plan)


def _search_block(
    plan: Plan, block: int, scenarios: tuple[str, ...], find_bracket: FindBracket, ended: set[SearchKey]
) -> Iterator[Place]:
    """The rounds of a block: all arms search side by side, one round of each at a time, in random order."""
    random = Random(f"{plan.rounds.seed}/{block}")  # noqa: S311 - an order, not a secret
    searches = [
        _begin_search(plan, (block, name, arm.name), find_bracket, random)
        for name in scenarios
        for arm in plan.arms
    ]
    attempts: Counter[tuple[str, str, float]] = Counter()
    while searches:
        random.shuffle(searches)
        for search in tuple(searches):
            key = (block, search.scenario, search.arm)
            rate_rps = propose_rate(search, find_bracket(key))
            if rate_rps is None:
                searches.remove(search)
                ended.add(key)
                continue
            tried = (search.scenario, search.arm, rate_rps)
            yield Place(
                block=block,
                order=attempts.total(),
                arm=search.arm,
                scenario=search.scenario,
                level=rate_rps,
                attempt=attempts[tried],
            )
            attempts[tried] += 1


def _begin_search(plan: Plan, key: SearchKey, find_bracket: FindBracket, random: Random) -> Search:
    """Begin at the rate that the blocks before found; in the first block at the lowest rate."""
    block, name, arm = key
    scenario = plan.scenarios[name]
    least_rps = find_start(plan.searches[name].quantile, plan.window_s(name))
    known = [find_bracket((before, name, arm)).estimate_rps for before in range(block)]
    found = [log(rate_rps) for rate_rps in known if rate_rps is not None]
    # Anywhere within a bracket's width: so where the ends of brackets fall is chance, and averages out.
    shift = RESOLUTION ** random.uniform(-0.5, 0.5)
    return Search(
        scenario=name,
        arm=arm,
        start_rps=exp(fmean(found)) * shift if found else least_rps,
        step=LATER_STEP if found else FIRST_STEP,
        least_rps=least_rps,
        most_rps=find_limit(scenario.load.concurrency(least_rps), scenario.delay_s),
    )
