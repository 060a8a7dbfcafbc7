"""Blocks: fresh servers, and one round of every arm at every level still undecided, in random order."""

from __future__ import annotations

import time
from random import Random
from typing import TYPE_CHECKING, TypeVar

from portcompare.measure.rounds import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from portcompare.plan import Plan

Item = TypeVar("Item")


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
        for scenario, level in _shuffled(random, levels)
        for arm in _shuffled(random, plan.arms)
    ]
    return tuple(
        Place(block=block, order=order, arm=arm, scenario=scenario, level=level)
        for order, (arm, scenario, level) in enumerate(rounds)
    )


def _shuffled(random: Random, items: Iterable[Item]) -> list[Item]:
    shuffled = list(items)
    random.shuffle(shuffled)
    return shuffled


def plan_blocks(
    plan: Plan,
    find_undecided: Callable[[], frozenset[tuple[str, float]]],
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[tuple[Place, ...]]:
    """The blocks of a run, until every level is known well enough or the plan's limits are reached.

    Args:
        plan: The plan.
        find_undecided: Asked after each block from `rounds.min_blocks` on for the levels still undecided.
        clock: Tells seconds.

    Yields:
        The rounds of the next block in their order.
    """
    began_s = clock()
    levels = plan.levels
    for block in range(plan.rounds.max_blocks):
        block_began_s = clock()
        yield order_block(plan, block, levels)
        now_s = clock()
        if block + 1 < plan.rounds.min_blocks:
            continue
        undecided = find_undecided()
        left = tuple(level for level in levels if level in undecided)
        next_s = (now_s - block_began_s) * _windows_s(plan, left) / _windows_s(plan, levels)
        if not left or now_s - began_s + next_s > plan.rounds.budget_s:
            return
        levels = left


def _windows_s(plan: Plan, levels: Iterable[tuple[str, float]]) -> float:
    """The windows of one round at each level, added up: what the length of a block goes by."""
    return sum(plan.window_s(scenario) for scenario, _ in levels)
