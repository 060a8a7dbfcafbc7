"""The knee of a sweep over levels: where more load brings no more rate."""

from __future__ import annotations

from math import log
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from portcompare.intervals import LEAST_BLOCKS, paired_ratio
from portcompare.sweeps import Estimate, Knee

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from portcompare.model import Round

    ByLevel = Mapping[float, Mapping[int, float]]

LEAST_LEVELS = 3
"""A light load, one at the ceiling, and one that shows that it is the ceiling."""

MOST_GAIN = 0.1
"""The ceiling counts as reached if, over the last doubling of the load, one percent more load brought less
than this many percent more rate (the elasticity). 0.1 means 7% for twice the load; 1 is proportional."""


def find_knees(rounds: Iterable[Round]) -> tuple[Knee, ...]:
    """Find the knee of every arm in every scenario that was measured at three levels or more.

    It is the load at which the two asymptotes of the rate meet: the line along which the rate rises while
    nobody waits for anybody, through the lowest level, and the ceiling, the highest of the levels' rates. In
    the closed model that is N* = X_max R_0 users, with R_0 the response time and think time at the lowest
    level (N_1 / X_1, by Little's law); in the open model it is the ceiling itself. Rates alone are needed.

    Args:
        rounds: The judged rounds; void ones are left out.

    Returns:
        The knees, in the order in which scenarios and arms first appear.

    References:
        Denning and Buzen, "The Operational Analysis of Queueing Network Models", ACM Computing Surveys 10
        (3), 1978, for the asymptotes and the saturation point N*.
    """
    knees = [
        _find_knee(scenario, arm, by_level)
        for (scenario, arm), by_level in rates_by_level(rounds).items()
        if len(by_level) >= LEAST_LEVELS
    ]
    return tuple(knee for knee in knees if knee is not None)


def rates_by_level(rounds: Iterable[Round]) -> dict[tuple[str, str], dict[float, dict[int, float]]]:
    """The rates of each scenario and arm, by level and block.

    Args:
        rounds: The judged rounds; void ones are left out.

    Returns:
        Requests per second; the levels of each in rising order.
    """
    found: dict[tuple[str, str], dict[float, dict[int, float]]] = {}
    for one in sorted(rounds, key=lambda one: one.level):
        if one.void is None and one.rate_rps > 0:
            by_level = found.setdefault((one.scenario, one.arm), {})
            by_level.setdefault(one.level, {})[one.block] = one.rate_rps
    return found


def _find_knee(scenario: str, arm: str, by_level: ByLevel) -> Knee | None:
    rates_rps = {level: median(by_block.values()) for level, by_block in by_level.items()}
    lowest, highest = min(rates_rps), max(rates_rps)
    top = max(rates_rps, key=lambda level: rates_rps[level])
    blocks = sorted(by_level[lowest].keys() & by_level[top].keys())
    if not blocks:
        return None
    is_reached = _gain(rates_rps) < MOST_GAIN
    return Knee(
        scenario=scenario,
        arm=arm,
        levels=len(by_level),
        blocks=len(blocks),
        load=_meeting_point(lowest, by_level[lowest], by_level[top], blocks)
        if is_reached
        else Estimate(value=highest, low=None, high=None),
        rate_rps=rates_rps[top],
        is_reached=is_reached,
    )


def _gain(rates_rps: Mapping[float, float]) -> float:
    """The elasticity of the rate over the last doubling of the load; 1 if the levels do not span one."""
    highest = max(rates_rps)
    before = max((level for level in rates_rps if level <= highest / 2), default=None)
    if before is None:
        return 1.0
    return log(rates_rps[highest] / rates_rps[before]) / log(highest / before)


def _meeting_point(
    lowest: float, light: Mapping[int, float], ceiling: Mapping[int, float], blocks: Sequence[int]
) -> Estimate:
    """Where the asymptotes meet, block by block."""
    light_rps, ceiling_rps = [light[block] for block in blocks], [ceiling[block] for block in blocks]
    if len(blocks) < LEAST_BLOCKS:
        return Estimate(value=lowest * ceiling_rps[0] / light_rps[0], low=None, high=None)
    interval = paired_ratio(light_rps, ceiling_rps)
    value, low, high = (lowest * np.array([interval.ratio, interval.low, interval.high])).tolist()
    return Estimate(value=value, low=low, high=high)
