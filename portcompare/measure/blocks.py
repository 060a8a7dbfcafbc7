"""Blocks: fresh servers, and one round of every arm at every level still undecided, in random order."""

from __future__ import annotations

import time
from collections import defaultdict
from math import isinf
from random import Random
from statistics import fmean
from typing import TYPE_CHECKING, TypeVar

from portcompare.measure.rounds import Place
from portcompare.units import count, duration, share

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from portcompare.plan import Plan


if TYPE_CHECKING:
    Level_timekeeper = tuple[str, float]


class Timekeeper:
    """Keeps a run within its budget."""

    def __init__(self, deadline_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.deadline_s = deadline_s  # When the last round must have ended, by `clock`
        self.clock = clock  # Tells seconds
        self.is_up = False  # Whether a round was not begun because it would have ended too late
        self.reason = ""  # Why no more is measured, in a clause; empty until it is known
        self.beside_s = 0.0  # What each block takes beside its start and its rounds
        self._began_s = clock()
        self._starts_s: list[float] = []
        self._rounds_s: defaultdict[Level_timekeeper, list[float]] = defaultdict(list)
        self._is_first = False

    def begin_block(self) -> None:
        """Note that the servers of a block are being started."""
        self._began_s = self.clock()
        self._is_first = True

    def begin_round(self, place: Place) -> bool:
        """Note that a round is about to begin, if there is time for it."""
        now_s = self.clock()
        if self._is_first:
            self._starts_s.append(now_s - self._began_s)
            self._is_first = False
        longest_s = {level: max(took_s) for level, took_s in self._rounds_s.items()}
        like_it_s = [took_s for (name, _), took_s in longest_s.items() if name == place.scenario]
        self.is_up = now_s + max(like_it_s or longest_s.values(), default=0.0) > self.deadline_s
        self._began_s = now_s
        return not self.is_up

    def end_round(self, place: Place) -> None:
        """Note that a round has ended."""
        self._rounds_s[place.scenario, place.level].append(self.clock() - self._began_s)

    def choose(self, levels: Iterable[Level_timekeeper], arms: int) -> tuple[Level_timekeeper, ...]:
        """The levels of which another block ends in time."""
        # The first block's start holds the comparison of the answers as well.
        left_s = self.deadline_s - self.clock() - min(self._starts_s) - self.beside_s
        chosen: list[Level_timekeeper] = []
        for level in levels:
            needed_s = arms * fmean(self._rounds_s[level])
            if needed_s <= left_s:
                chosen.append(level)
                left_s -= needed_s
        return tuple(chosen)


def ended_in_block(plan: Plan, block: int) -> str:
    """Say that time was up in the middle of a block."""
    return f"the budget of {duration(plan.rounds.budget_s)} ended in block {block + 1}"


def nothing_fits(plan: Plan, what: str) -> str:
    """Say that there is time for no more."""
    return f"no other {what} fits into the budget of {duration(plan.rounds.budget_s)}"


def all_blocks(plan: Plan) -> str:
    """Say that as many blocks were measured as the plan allows."""
    return f"{count(plan.rounds.max_blocks, 'block')} are the most that the plan allows"


if TYPE_CHECKING:
    Level = tuple[str, float]

Item = TypeVar("Item")

EARLY_BLOCKS = 3
"""From so many blocks on a level that is known very well is done, even if `rounds.min_blocks` are more."""


def order_block(plan: Plan, block: int, levels: Iterable[tuple[str, float]]) -> tuple[Place, ...]:
    """The rounds of a block in the random order in which they are measured.

    Levels come in random order, and at each level the arms one after the other in random order: what is
    paired is measured within seconds, so that a machine that changes slowly changes for all arms alike. The
    order depends on the plan's seed and the block's number alone, so that a run can be repeated.
    """
    random = Random(f"{plan.rounds.seed}/{block}")  # noqa: S311 - an order, not a secret
    rounds = [
        (arm.name, scenario, level)
        for scenario, level in shuffled(random, levels)
        for arm in shuffled(random, plan.arms)
    ]
    return tuple(
        Place(block=block, order=order, arm=arm, scenario=scenario, level=level)
        for order, (arm, scenario, level) in enumerate(rounds)
    )


def shuffled(random: Random, items: Iterable[Item]) -> list[Item]:
    """Items in random order."""
    order = list(items)
    random.shuffle(order)
    return order


def plan_blocks(
    plan: Plan, find_undecided: Callable[[int], Mapping[Level, float]], timekeeper: Timekeeper
) -> Iterator[tuple[Place, ...]]:
    """The blocks of a run, until every level is known well enough or the plan's limits are reached.

    Once there is not time for all that are undecided, it goes to those with the widest intervals.
    """
    levels = plan.levels
    for block in range(plan.rounds.max_blocks):
        yield order_block(plan, block, levels)
        if timekeeper.is_up:
            timekeeper.reason = ended_in_block(plan, block)
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
