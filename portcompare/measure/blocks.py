"""Blocks: fresh servers, and a round of every arm at every undecided level and page, in random order."""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isinf
from random import Random
from statistics import fmean
from typing import TypeVar

from portcompare.plan import Plan
from portcompare.units import count, duration, share

Level = tuple[str, float]  # a scenario, and users (closed model) or requests per second (open model)
Item = TypeVar("Item")

EARLY_BLOCKS = 3
"""A level whose interval is narrow after so many blocks is done, even if `rounds.min_blocks` are more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a round stands in a run."""

    block: int  # from 0
    order: int  # the round's position in the block, from 0
    arm: str
    scenario: str
    level: float  # users (closed model) or requests per second (open model)
    attempt: int = 0  # how often the arm was measured at this level in this block before

    @property
    def at(self) -> Level:
        """Scenario and level."""
        return self.scenario, self.level


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePlace:
    """Where in a run pages are loaded."""

    block: int  # from 0
    order: int  # the visit's position among the visits of the block, from 0
    arm: str
    page: str
    users: int  # how many users of the page's scenario are served meanwhile; 0 for none

    @property
    def at(self) -> Level:
        """The visit as a level, for the timekeeper."""
        return f"page {self.page}", float(self.users)


class Timekeeper:
    """Keeps a run within its budget."""

    def __init__(self, deadline_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.deadline_s = deadline_s  # when the last round must have ended, by `clock`
        self.clock = clock
        self.is_up = False  # whether a round was not begun because it would have ended too late
        self.reason = ""  # why no more is measured, in a clause; empty until it is known
        self.beside_s = 0.0  # what each block takes beside its start and its rounds
        self.spent_s = 0.0  # on the whole blocks of a run that is resumed
        self._began_s = clock()
        self._starts_s: list[float] = []
        self._rounds_s: defaultdict[Level, list[float]] = defaultdict(list)
        self._is_first = False
        self._ended_s: float | None = None  # When the last round did

    @property
    def longest_s(self) -> dict[Level, float]:
        """How long the longest round of each level took."""
        return {known: max(took_s) for known, took_s in self._rounds_s.items()}

    def recall(self, longest_s: Mapping[Level, float], spent_s: float) -> None:
        """Take over from a run that is resumed how long its rounds and its whole blocks took."""
        self._rounds_s.update({level: [took_s] for level, took_s in longest_s.items()})
        self.spent_s = spent_s

    def begin_block(self) -> None:
        """Note that the servers of a block are being started."""
        self._began_s = self.clock()
        self._is_first = True

    def begin_round(self, level: Level, least_s: float = 0.0) -> bool:
        """Whether there is time for another round of a level; if so, it begins.

        `least_s`: how long it takes at least, if none of the level was measured before.
        """
        now_s = self.clock()
        if self._is_first:
            # To end the servers of the block before is part of it.
            self._starts_s.append(now_s - (self._ended_s or self._began_s))
            self._is_first = False
        longest_s = self.longest_s
        of_scenario_s = [took_s for (name, _), took_s in longest_s.items() if name == level[0]]
        needed_s = max(of_scenario_s or longest_s.values(), default=0.0)
        if level not in longest_s:
            needed_s = max(needed_s, least_s)
        self.is_up = now_s + needed_s > self.deadline_s
        self._began_s = now_s
        return not self.is_up

    def restart_round(self) -> None:
        """Count the time of the round under way from now: what it took until now will not come again."""
        self._began_s = self.clock()

    def end_round(self, level: Level, rounds: int = 1) -> None:
        """Note that so many rounds of a level have ended."""
        self._ended_s = self.clock()
        self._rounds_s[level].append((self._ended_s - self._began_s) / rounds)

    def left_s(self) -> float:
        """The time until the last round must have ended."""
        return self.deadline_s - self.clock()

    def choose(self, levels: Iterable[Level], arms: int) -> tuple[Level, ...]:
        """The levels of which another block ends in time."""
        # The first block's start contains the comparison of the responses, so the shortest start counts.
        left_s = self.left_s() - min(self._starts_s, default=0.0) - self.beside_s
        chosen: list[Level] = []
        for level in levels:
            needed_s = arms * fmean(self._rounds_s[level])
            if needed_s <= left_s:
                chosen.append(level)
                left_s -= needed_s
        return tuple(chosen)


def plan_blocks(
    plan: Plan,
    find_undecided: Callable[[int], Mapping[Level, float]],
    timekeeper: Timekeeper,
    *,
    measured: Sequence[Collection[Level]] = (),
) -> Iterator[tuple[Place, ...]]:
    """The blocks of a run, until every level is known well enough or the plan's limits are reached.

    Once there is not time for all that are undecided, it goes to those with the widest intervals.

    `find_undecided`: the widths of the intervals of levels that are undecided after so many blocks.
    `measured`: the levels of each block of a run that is resumed; it goes on after the last of them.
    """
    levels = tuple(level for level in plan.levels if not measured or level in measured[-1])
    for block in range(max(len(measured) - 1, 0), plan.rounds.max_blocks):
        if block >= len(measured):
            yield order_block(plan, block, levels)
        if timekeeper.is_up:
            timekeeper.reason = budget_ended(plan, block)
            return
        if block + 1 < min(EARLY_BLOCKS, plan.rounds.min_blocks):
            continue
        widths = find_undecided(block + 1)
        # Those without an interval come last: that more rounds would give them one is not known.
        wanted = sorted(
            (level for level in levels if level in widths),
            key=lambda level: (isinf(widths[level]), -widths[level]),
        )
        is_early = block + 1 < plan.rounds.min_blocks
        chosen = wanted if is_early else timekeeper.choose(wanted, len(plan.arms))
        levels = tuple(level for level in plan.levels if level in chosen)
        if is_early and plan.pages:
            continue  # its last blocks may have nothing but pages, which no interval ends
        if not wanted:
            timekeeper.reason = f"every interval is as narrow as {share(plan.rounds.precision)} of its ratio"
            return
        if not levels and block + 1 < plan.rounds.max_blocks:
            timekeeper.reason = nothing_fits(plan, "block")
            return
    timekeeper.reason = all_blocks(plan)


def order_block(plan: Plan, block: int, levels: Iterable[Level]) -> tuple[Place, ...]:
    """The rounds of a block in the random order in which they are measured."""
    return tuple(
        Place(block=block, order=order, arm=arm, scenario=scenario, level=level)
        for order, (arm, (scenario, level)) in enumerate(_shuffle(plan, f"{block}", levels))
    )


def order_visits(plan: Plan, block: int) -> tuple[PagePlace, ...]:
    """The visits of a block in the random order in which they are made."""
    conditions = [(name, users) for name, page in plan.pages.items() for users in page.conditions]
    return tuple(
        PagePlace(block=block, order=order, arm=arm, page=page, users=users)
        for order, (arm, (page, users)) in enumerate(_shuffle(plan, f"{block}/pages", conditions))
    )


def _shuffle(plan: Plan, part: str, levels: Iterable[Item]) -> Iterator[tuple[str, Item]]:
    """Levels in random order, and at each the arms one after the other in random order.

    What is paired is measured within seconds: a machine that changes slowly changes for all arms alike. The
    order depends on the plan's seed and the part of the run alone, so that a run can be repeated.
    """
    random = Random(f"{plan.rounds.seed}/{part}")  # noqa: S311 - an order, not a secret
    order = list(levels)
    random.shuffle(order)
    for level in order:
        arms = list(plan.arms)
        random.shuffle(arms)
        yield from ((arm.name, level) for arm in arms)


def budget_ended(plan: Plan, block: int) -> str:
    """Why a run ended in the middle of a block."""
    return f"the budget of {duration(plan.rounds.budget_s)} ended in block {block + 1}"


def nothing_fits(plan: Plan, what: str) -> str:
    """Why a run ended before the next block."""
    return f"no other {what} fits into the budget of {duration(plan.rounds.budget_s)}"


def all_blocks(plan: Plan) -> str:
    """Why a run ended after the last block."""
    return f"{count(plan.rounds.max_blocks, 'block')} are the most that the plan allows"
