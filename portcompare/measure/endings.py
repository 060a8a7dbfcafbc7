"""Why a run ends that was not interrupted: the same reasons whatever it measures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcompare.units import count, duration

if TYPE_CHECKING:
    from portcompare.plan import Plan


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
