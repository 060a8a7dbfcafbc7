"""How a run goes, which depends on what its plan asks for: levels, a break-even grid, or a search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from portcompare import units
from portcompare.analyse import early_precision
from portcompare.report.wording import known, level_text, objective_text, percent, plan_value, seconds_text

if TYPE_CHECKING:
    from portcompare.model import Results


def describe_blocks(results: Results) -> str:
    """How many blocks there were, and how many there may be.

    Args:
        results: The run.

    Returns:
        A clause.
    """
    measured = len({one.block for one in results.rounds})
    least, most = (known(plan_value(results, "rounds", key), str) for key in ("min_blocks", "max_blocks"))
    whose = " of each cell that is measured" if _kind(results) == "grid" else ""
    return (
        f"{measured:,} measured, each on servers started afresh; the plan asks for {least} to {most}{whose}"
    )


def describe_levels(results: Results, scenario: str) -> str:
    """At which levels a scenario was measured, or what was searched and where.

    Args:
        results: The run.
        scenario: Name of the scenario.

    Returns:
        Text such as "1 user, 64 users".
    """
    if _is_searched(results, scenario):
        tried_rps = {one.level for one in results.rounds if one.scenario == scenario}
        tried = f"from {units.rate(min(tried_rps))} to {units.rate(max(tried_rps))}" if tried_rps else "none"
        return (
            f"the highest rate that keeps {objective_text(results, scenario)} is searched, tried were {tried}"
        )
    levels = dict.fromkeys(one.level for one in results.summaries if one.scenario == scenario)
    return ", ".join(level_text(results, scenario, level) for level in levels) or "no level"


def describe_order(results: Results) -> str:
    """What was measured after what.

    Args:
        results: The run.

    Returns:
        A clause.
    """
    seed = known(plan_value(results, "rounds", "seed"), str)
    if _kind(results) == "search":
        text = "in each block all arms search side by side, one round of each in turn, in random order"
    else:
        what = "cells" if _kind(results) == "grid" else "undecided levels"
        text = f"in each block its {what} in random order, at each of them the arms in random order"
    return f"{text}; seed {seed}"


def describe_warmup(results: Results) -> str:
    """When a window opens: each user's first answer is waited for in the closed model alone.

    Args:
        results: The run.

    Returns:
        A clause.
    """
    least, longest = (
        known(plan_value(results, "rounds", key), seconds_text) for key in ("warmup_s", "warmup_max_s")
    )
    models = {plan_value(results, "scenarios", name, "load", "model") for name in _scenarios(results)}
    unsteady = units.count(sum(not one.steady and one.void is None for one in results.rounds), "window")
    text = (
        f"at least {least} before each window, and until answers come at a steady rate (MSER-5);"
        f" {unsteady} opened without that"
    )
    if models == {"open"}:
        return text
    of_closed = " of the closed model" if "open" in models else ""
    return f"{text}; a round{of_closed} whose users have not all had an answer after {longest} is void"


def describe_precision(results: Results) -> str:
    """When something is known well enough.

    Args:
        results: The run.

    Returns:
        A clause.
    """
    asked = plan_value(results, "rounds", "precision")
    precision, finer = known(asked, percent), known(asked, lambda value: percent(early_precision(value)))
    least = known(plan_value(results, "rounds", "min_blocks"), str)
    done = {
        "levels": "a level is done when its intervals reach",
        "grid": "a cell whose interval lay around 1 is measured on until the interval reaches",
        "search": "a scenario is done when the intervals of its capacities' ratios reach",
    }
    early = f", or {finer} with fewer than {least} blocks" if _kind(results) == "levels" else ""
    return f"{done[_kind(results)]} at most {precision} from the ratio{early}"


def _kind(results: Results) -> Literal["levels", "grid", "search"]:
    if plan_value(results, "break_even"):
        return "grid"
    return "search" if any(_is_searched(results, name) for name in _scenarios(results)) else "levels"


def _is_searched(results: Results, scenario: str) -> bool:
    return bool(plan_value(results, "scenarios", scenario, "load", "objective"))


def _scenarios(results: Results) -> tuple[str, ...]:
    return tuple(results.plan.get("scenarios", {}))
