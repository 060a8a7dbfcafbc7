"""Whether the machine, or an arm beside it, became faster or slower from block to block."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, log
from typing import TYPE_CHECKING

import numpy as np
import scipy  # its parts are loaded when they are first used

from portcompare.analyse.multiplicity import reject
from portcompare.analyse.pairing import pair_blocks, rounds_by_block
from portcompare.model import BASELINE, Metric
from portcompare.units import count, share

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from portcompare.model import Round
    from portcompare.units import LevelText

LEAST_BLOCKS = 5
"""With fewer a trend cannot be told from noise."""

_MACHINE = (
    "drift: the machine changed while it was measured; ratios are paired by block and bear that, "
    "absolute figures do not:"
)
_ARMS = "drift: these ratios to the baseline changed from block to block, so no single one holds for the run:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A straight line through the logarithms of values, one a block.

    Attributes:
        blocks: How many values it rests on.
        ratio: The line's value at the last block divided by that at the first.
        chance: How often noise alone would make it as steep, up or down: the p-value.
    """

    blocks: int
    ratio: float
    chance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Test:
    arm: str
    metric: Metric
    where: str
    margin: float
    trend: Trend

    @property
    def matters(self) -> bool:
        return abs(log(self.trend.ratio)) > log(1 + self.margin)

    def __str__(self) -> str:
        subject = "the baseline's" if self.arm == BASELINE else f"{self.arm}'s"
        how = f"{'+' if self.trend.ratio > 1 else ''}{share(self.trend.ratio - 1)}"
        return f"{subject} {self.metric} {how} over {count(self.trend.blocks, 'block')} {self.where}"


def find_trend(values: Mapping[int, float]) -> Trend | None:
    """Lay a least-squares line through the logarithms of values.

    Its slope is tested by Student's t and not by ranks: five blocks have 120 orders, none of which is rare
    enough once several levels and arms are tested.

    Args:
        values: A positive value for each block, by the block's number.

    Returns:
        The trend; None with fewer than five blocks.

    References:
        Draper and Smith, "Applied Regression Analysis", third edition, 1998, chapter 1.
    """
    if len(values) < LEAST_BLOCKS:
        return None
    blocks = np.array(list(values), dtype=float)
    logs = np.log(np.array(list(values.values()), dtype=float))
    places, heights = blocks - blocks.mean(), logs - logs.mean()
    spread = float(places @ places)
    slope = float(places @ heights) / spread
    rest = heights - slope * places
    freedom = len(values) - 2
    error = (float(rest @ rest) / freedom / spread) ** 0.5
    errors = abs(slope) / error if error else inf
    return Trend(
        blocks=len(values),
        ratio=exp(slope * float(np.ptp(blocks))),
        chance=2 * float(scipy.special.stdtr(freedom, -errors)) if slope else 1.0,
    )


def describe_drifts(
    rounds: Sequence[Round], margins: Mapping[Metric, float], level_text: LevelText
) -> tuple[str, ...]:
    """Tell of drifts over the blocks that are both sure and large enough to matter.

    At each level the baseline's own values are tested, for the machine, and every other arm's ratios to them.
    It is the throughput that is tested, or in the open model, where that is given, the median response time.

    Args:
        rounds: The judged rounds of all arms; void ones are left out.
        margins: The equivalence margin of each metric: what a drift over the whole run must exceed.
        level_text: Words a scenario's level, with its unit.

    Returns:
        A sentence for the machine and one for the arms, where there is something to say. All tests together
        raise a false alarm in at most 5% of the runs (Holm).
    """
    tests = list(_tests(rounds, margins, level_text))
    found = [one for one in reject(tests, [one.trend.chance for one in tests]) if one.matters]
    machine = [str(one) for one in found if one.arm == BASELINE]
    arms = [str(one) for one in found if one.arm != BASELINE]
    return tuple(
        f"{sentence} {'; '.join(drifts)}"
        for sentence, drifts in ((_MACHINE, machine), (_ARMS, arms))
        if drifts
    )


def _tests(
    rounds: Sequence[Round], margins: Mapping[Metric, float], level_text: LevelText
) -> Iterator[_Test]:
    levels: dict[tuple[str, float, Metric], dict[str, list[Round]]] = {}
    for one in rounds:
        metric: Metric = "throughput" if one.offered_rps is None else "p50"
        levels.setdefault((one.scenario, one.level, metric), {}).setdefault(one.arm, []).append(one)
    for (scenario, level, metric), arms in levels.items():
        for arm in arms:
            if arm == BASELINE:
                own = rounds_by_block(metric, arms[arm])
                trend = find_trend({block: value for block, (value, _) in own.items()})
            else:
                pairs = pair_blocks(metric, arms, arm)
                trend = find_trend({block: pair.ratio for block, pair in pairs.items()})
            if trend is not None:
                where = f"({scenario}, {level_text(scenario, level)})"
                yield _Test(arm=arm, metric=metric, where=where, margin=margins[metric], trend=trend)
