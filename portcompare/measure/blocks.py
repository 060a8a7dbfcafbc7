"""Blocks: fresh servers, and one round of every arm at every level still undecided, in random order."""

from __future__ import annotations

from math import isinf
from random import Random
from typing import TYPE_CHECKING, TypeVar

from portcompare.measure.endings import all_blocks, ended_in_block, nothing_fits
from portcompare.measure.rounds import Place
from portcompare.units import share

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from portcompare.measure.timekeeper import Timekeeper
    from portcompare.plan import Plan

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
