"""What it comes to, in one plain sentence for each scenario and candidate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcompare.model import BASELINE, CONTROL, Conclusion
from portcompare.units import ratio, share

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from portcompare.model import Comparison, Summary, Verdict
    from portcompare.units import LevelText

_SAYS = {
    "faster": "serves more requests than",
    "slower": "serves fewer requests than",
    "equivalent": "serves as many requests as",
    "inconclusive": "serves requests at a rate that cannot be told from that of",
}

_OPPOSITE: dict[Verdict, Verdict] = {"faster": "slower", "slower": "faster"}


def conclude(
    comparisons: Iterable[Comparison],
    summaries: Sequence[Summary],
    level_text: LevelText,
) -> tuple[Conclusion, ...]:
    """Say what each candidate gains, level by level.

    Args:
        comparisons: The comparisons.
        summaries: The summaries, for the bounds.
        level_text: Words a scenario's level, with its unit.

    Returns:
        One conclusion for each scenario and candidate; none for the control.
    """
    found = {(one.scenario, one.candidate, one.level, one.metric): one for one in comparisons}
    subjects = dict.fromkeys(
        (one.scenario, one.candidate) for one in found.values() if one.candidate != CONTROL
    )
    return tuple(
        Conclusion(
            scenario=scenario,
            candidate=candidate,
            text=" ".join(
                _sentence(
                    level_text(scenario, throughput.level),
                    throughput,
                    found[scenario, candidate, throughput.level, "p50"],
                    found[scenario, candidate, throughput.level, "p95"],
                    _baseline(summaries, scenario, throughput.level),
                )
                for throughput in sorted(
                    (
                        one
                        for one in found.values()
                        if (one.scenario, one.candidate, one.metric) == (scenario, candidate, "throughput")
                    ),
                    key=lambda one: one.level,
                )
            ),
        )
        for scenario, candidate in subjects
    )


def _baseline(summaries: Sequence[Summary], scenario: str, level: float) -> Summary:
    return next(one for one in summaries if (one.scenario, one.level, one.arm) == (scenario, level, BASELINE))


def _sentence(
    level: str, throughput: Comparison, median: Comparison, tail: Comparison, baseline: Summary
) -> str:
    at = f"At {level}"
    name, other = throughput.candidate, baseline.deployment
    if throughput.ratio is None or throughput.low is None or throughput.high is None:
        return f"{at} nothing can be said of {name}: {throughput.reason}."
    measured = f"{ratio(throughput.ratio)}, 95% interval {ratio(throughput.low)} to {ratio(throughput.high)}"
    text = f"{at} {name} {_SAYS[throughput.verdict]} {other} ({measured})"
    if median.ratio is not None and median.verdict in _OPPOSITE:
        text += f", and its median response time is {_times(median.ratio)} the other's"
        # Equal rates of a closed load mean equal mean response times: a better median can hide a worse tail.
        if tail.ratio is not None and tail.verdict == _OPPOSITE[median.verdict]:
            text += f", but its p95 is {_times(tail.ratio)} it: not all users are served alike"
    if baseline.bound_share is not None and baseline.bound is not None and throughput.verdict == "faster":
        text += (
            f"; {other} is at {share(min(baseline.bound_share, 1.0))} of its bound: {baseline.bound.reason}"
        )
    return text + "."


def _times(value: float) -> str:
    """A part of something, or so many times it."""
    return f"{share(value)} of" if value < 1 else ratio(value)
