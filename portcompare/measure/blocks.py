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
    """Keeps a run within its budget.

    Attributes:
        deadline_s: When the last round must have ended, by `clock`.
        clock: Tells seconds.
        is_up: Whether a round was not begun because it would have ended too late.
        reason: Why no more is measured, in a clause; empty until it is known.
        beside_s: What each block takes beside its start and its rounds.
    """

    def __init__(self, deadline_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.deadline_s = deadline_s
        self.clock = clock
        self.is_up = False
        self.reason = ""
        self.beside_s = 0.0
        self._began_s = clock()
        self._starts_s: list[float] = []
        self._rounds_s: defaultdict[Level_timekeeper, list[float]] = defaultdict(list)
        self._is_first = False

    def begin_block(self) -> None:
        """Note that the servers of a block are being started."""
        self._began_s = self.clock()
        self._is_first = True

    def begin_round(self, place: Place) -> bool:
        """Note that a round is about to begin, if there is time for it.

        Args:
            place: The round.

        Returns:
            False if it would end too late, going by the longest of its scenario, or else of all.
        """
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
        """Note that a round has ended.

        Args:
            place: The round.
        """
        self._rounds_s[place.scenario, place.level].append(self.clock() - self._began_s)

    def choose(self, levels: Iterable[Level_timekeeper], arms: int) -> tuple[Level_timekeeper, ...]:
        """The levels of which another block ends in time.

        Args:
            levels: Those that are wanted, the most wanted first; each was measured before.
            arms: How many arms a block has.

        Returns:
            As many as there is time for; empty if there is none.
        """
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
    """Say that time was up in the middle of a block.

    Args:
        plan: The plan.
        block: Number of the block, from 0.

    Returns:
        A clause.
    """
    return f"the budget of {duration(plan.rounds.budget_s)} ended in block {block + 1}"


def nothing_fits(plan: Plan, what: str) -> str:
    """Say that there is time for no more.

    Args:
        plan: The plan.
        what: What there is no time for.

    Returns:
        A clause.
    """
    return f"no other {what} fits into the budget of {duration(plan.rounds.budget_s)}"


def all_blocks(plan: Plan) -> str:
    """Say that as many blocks were measured as the plan allows.

    Args:
        plan: The plan.

    Returns:
        A clause.
    """
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

    Args:
        plan: The plan.
        block: Number of the block, from 0.
        levels: Scenario and level still undecided.

    Returns:
        A round of every arm at each of these levels.
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
    """Items in random order.

    Args:
        random: Where chance comes from.
        items: The items; they stay as they are.

    Returns:
        All of them.
    """
    order = list(items)
    random.shuffle(order)
    return order


def plan_blocks(
    plan: Plan, find_undecided: Callable[[int], Mapping[Level, float]], timekeeper: Timekeeper
) -> Iterator[tuple[Place, ...]]:
    """The blocks of a run, until every level is known well enough or the plan's limits are reached.

    Once there is not time for all that are undecided, it goes to those with the widest intervals.

    Args:
        plan: The plan.
        find_undecided: Asked after each block from the third on, or from `rounds.min_blocks` on if these are
            fewer: told how many were measured, it tells the levels still undecided, and how wide their
            intervals are.
        timekeeper: Knows how long rounds take, and when time is up.

    Yields:
        The rounds of the next block in their order.
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
