"""What the comparison of two runs comes to, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcompare.analyse.headline import OF, tell_control, tell_differences, tell_holding
from portcompare.analyse.multiplicity import HEADLINE_METRICS, reject
from portcompare.intervals import RatioInterval, chance_beyond
from portcompare.model import CONTROL
from portcompare.units import count

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from portcompare.changes import Change
    from portcompare.model import Metric
    from portcompare.units import LevelText

NOT_FREED = (
    "The runs have not the same baseline, so nothing here is freed of what the machine did between them."
)


def find_diff_headline(
    changes: Sequence[Change],
    relative_changes: Sequence[Change],
    margins: Mapping[Metric, float],
    level_text: LevelText,
    *,
    valid: bool,
) -> str:
    """Say first what can be relied on.

    Args:
        changes: Each deployment against itself.
        relative_changes: Each candidate's ratio to the baseline against what it was.
        margins: The equivalence margin of each metric.
        level_text: Words a scenario's level, with its unit.
        valid: Whether both runs are.

    Returns:
        A sentence on the figures themselves, one on the ratios to the baseline, and one on the control's.
    """
    if not valid:
        return "Not both runs are valid: what is compared here cannot be relied on."
    own = _tell(f"of {OF}, new with old", changes, margins, level_text)
    if not relative_changes:
        return f"{own} {NOT_FREED}"
    relative = _tell(
        "of their ratios to the baseline, freed of what the machine did",
        relative_changes,
        margins,
        level_text,
    )
    control = [
        one.verdict
        for one in relative_changes
        if one.deployment == CONTROL and one.metric in HEADLINE_METRICS
    ]
    return f"{own} {relative} {tell_control(control, 'be the same')}".rstrip()


def _tell(
    what: str, changes: Sequence[Change], margins: Mapping[Metric, float], level_text: LevelText
) -> str:
    family = [
        one
        for one in changes
        if one.metric in HEADLINE_METRICS and one.deployment != CONTROL and one.ratio is not None
    ]
    if not family:
        return f"Nothing {what} can be compared."
    holding = reject(family, [_chance(one, margins[one.metric]) for one in family])
    told = "; ".join(
        tell_differences(name, [one for one in holding if one.deployment == name], level_text)
        for name in dict.fromkeys(one.deployment for one in holding)
    )
    return tell_holding(f"{count(len(family), 'comparison')} {what}", len(holding), told)


def _chance(one: Change, margin: float) -> float:
    if one.ratio is None or one.low is None or one.high is None or one.degrees_of_freedom is None:
        return 1.0
    interval = RatioInterval(ratio=one.ratio, low=one.low, high=one.high)
    return chance_beyond(interval, one.degrees_of_freedom, margin)
