"""What a whole run comes to: how many comparisons were made, which differences hold, and the control."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcompare.analyse.multiplicity import HEADLINE_METRICS, find_holding, headline_family
from portcompare.model import CONTROL
from portcompare.units import count

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from portcompare.changes import Change
    from portcompare.model import Comparison, Metric, Verdict
    from portcompare.units import LevelText

OF = "throughput and median response time"
_DIFFERENCES: tuple[Verdict, ...] = ("faster", "slower")


def find_headline(
    comparisons: Sequence[Comparison],
    margins: Mapping[Metric, float],
    level_text: LevelText,
    invalid_reasons: Collection[str],
) -> str:
    """Say first what can be relied on.

    Args:
        comparisons: The comparisons, the control's too.
        margins: The equivalence margin of each metric.
        level_text: Words a scenario's level, with its unit.
        invalid_reasons: Why the run must not be relied on; empty if it is valid.

    Returns:
        A sentence on the candidates and one on the control.
    """
    family = headline_family(comparisons)
    if not family:
        return "Nothing was compared."
    made = f"{count(len(family), 'comparison')} of {OF}"
    if invalid_reasons:
        found = f"This run is not valid: its {made} cannot be relied on."
    else:
        holding = find_holding(family, margins)
        told = "; ".join(
            tell_differences(name, [one for one in holding if one.candidate == name], level_text)
            for name in dict.fromkeys(one.candidate for one in holding)
        )
        found = tell_holding(made, len(holding), told)
    control = [one for one in comparisons if one.candidate == CONTROL and one.metric in HEADLINE_METRICS]
    return f"{found} {tell_control([one.verdict for one in control], 'be equivalent')}".rstrip()


def tell_holding(made: str, number: int, told: str) -> str:
    """Say how many differences hold, and which.

    Args:
        made: How many comparisons were made, in words.
        number: How many differences hold.
        told: Which; empty if none does.

    Returns:
        A sentence.
    """
    differences = f"{count(number, 'difference')} {'holds' if number == 1 else 'hold'}"
    found = differences if number else "no difference holds"
    return f"Of {made}, {found}, however many were looked for (Holm, 5%)" + (f": {told}." if told else ".")


def tell_control(verdicts: Sequence[Verdict | None], to_be: str) -> str:
    """Say what the control shows of how small a difference can be told.

    Args:
        verdicts: Those on the control.
        to_be: What it was to be shown: "be equivalent".

    Returns:
        A sentence; empty if there was no control.
    """
    equivalent = sum(verdict == "equivalent" for verdict in verdicts)
    shown = f"The control, the baseline measured again, was shown to {to_be}"
    if equivalent < len(verdicts):
        return f"{shown} in {equivalent} of {len(verdicts)}: too noisy for small differences."
    return f"{shown} everywhere." if verdicts else ""


def tell_differences(name: str, holding: Sequence[Comparison | Change], level_text: LevelText) -> str:
    """Say where one side differs.

    Args:
        name: Whose differences they are.
        holding: Its differences.
        level_text: Words a scenario's level, with its unit.

    Returns:
        Text such as "new is slower (fast, 1 user) and faster (slow, 8 users: p50 alone)".
    """
    parts = []
    for verdict in _DIFFERENCES:
        places: dict[tuple[str, float], list[Metric]] = {}
        for one in holding:
            if one.verdict == verdict:
                places.setdefault((one.scenario, one.level), []).append(one.metric)
        if places:
            texts = (
                f"{scenario}, {level_text(scenario, level)}"
                + ("" if len(metrics) == len(HEADLINE_METRICS) else f": {metrics[0]} alone")
                for (scenario, level), metrics in places.items()
            )
            parts.append(f"{verdict} ({'; '.join(texts)})")
    return f"{name} is {' and '.join(parts)}"
