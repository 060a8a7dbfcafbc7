"""What the searches for capacities come to: a headline, a sentence for each candidate, and the control."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcompare.analyse.capacity import half_width
from portcompare.analyse.headline import tell_control, tell_holding
from portcompare.analyse.multiplicity import reject
from portcompare.analyse.validity import THE_CONTROL
from portcompare.intervals import RatioInterval, chance_beyond, degrees_of_freedom
from portcompare.model import BASELINE, CONTROL, Conclusion
from portcompare.units import count, rate, ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from portcompare.sweeps import Capacity, Estimate

_SAYS = {
    "faster": "has a higher capacity than",
    "slower": "has a lower capacity than",
    "equivalent": "has the same capacity as",
    "inconclusive": "has a capacity that cannot be told from that of",
}


def find_capacity_headline(
    capacities: Sequence[Capacity], margin: float, invalid_reasons: Collection[str]
) -> str:
    """Say first what can be relied on.

    Args:
        capacities: The capacities, the control's too.
        margin: The equivalence margin of the throughput.
        invalid_reasons: Why the run must not be relied on; empty if it is valid.

    Returns:
        A sentence on the candidates and one on the control.
    """
    family = [one for one in capacities if one.arm not in (BASELINE, CONTROL) and one.ratio is not None]
    if not family:
        return "No capacity could be compared."
    made = f"{count(len(family), 'comparison')} of capacities"
    if invalid_reasons:
        found = f"This run is not valid: its {made} cannot be relied on."
    else:
        holding = _find_holding(family, margin)
        told = "; ".join(f"{one.arm} is {one.verdict} ({one.scenario}, {_ratio(one)})" for one in holding)
        found = tell_holding(made, len(holding), told)
    control = [one.verdict for one in capacities if one.arm == CONTROL]
    return f"{found} {tell_control(control, 'have the same capacity')}".rstrip()


def find_unlike_controls(capacities: Iterable[Capacity], margin: float) -> tuple[str, ...]:
    """Why capacities must not be relied on: the control, which is the baseline, has another or none.

    Args:
        capacities: The capacities, the control's too.
        margin: The equivalence margin of the throughput.

    Returns:
        The reasons; empty if there is none.
    """
    control = [one for one in capacities if one.arm == CONTROL]
    differing = _find_holding(control, margin)
    missing = [one for one in control if one.ratio is None]
    return (
        *(
            f"too noisy: {THE_CONTROL} came out {one.verdict} in capacity ({one.scenario}, {_ratio(one)})"
            for one in differing
        ),
        *(f"{THE_CONTROL} has no capacity to compare ({one.scenario}): {one.reason}" for one in missing),
    )


def conclude_capacities(capacities: Sequence[Capacity], baseline: str) -> tuple[Conclusion, ...]:
    """Say what each candidate gains.

    Args:
        capacities: The capacities.
        baseline: Name of the baseline's deployment.

    Returns:
        One conclusion for each scenario and candidate; none for the control.
    """
    others = {one.scenario: one for one in capacities if one.arm == BASELINE}
    return tuple(
        Conclusion(
            scenario=one.scenario, candidate=one.arm, text=_sentence(one, others[one.scenario], baseline)
        )
        for one in capacities
        if one.arm not in (BASELINE, CONTROL) and one.scenario in others
    )


def _sentence(one: Capacity, other: Capacity, baseline: str) -> str:
    if one.ratio is None or one.verdict not in _SAYS:
        return f"Nothing can be said of {one.arm} against {baseline}: {one.reason}."
    rates = f"{_rate(one)} against {_rate(other)}"
    return f"{one.arm} {_SAYS[one.verdict]} {baseline} ({rates}: {_ratio(one)})."


def _rate(one: Capacity) -> str:
    if one.rate_rps is None:
        return "none"
    return ("at least " if one.is_at_least else "") + rate(one.rate_rps.value)


def _ratio(one: Capacity) -> str:
    if one.ratio is None:
        return "no ratio"
    return f"{ratio(one.ratio.value)}{_interval(one.ratio, ratio)}"


def _interval(one: Estimate, show: Callable[[float], str]) -> str:
    if one.low is not None and one.high is not None:
        return f", 95% interval {show(one.low)} to {show(one.high)}"
    if one.low is not None:
        return f", 95% interval from {show(one.low)} on"
    return f", 95% interval up to {show(one.high)}" if one.high is not None else ""


def _find_holding(family: Sequence[Capacity], margin: float) -> tuple[Capacity, ...]:
    """The differences that hold together: the chance that any of them is false is at most 5%."""
    return reject(family, [_chance(one, margin) for one in family])


def _chance(one: Capacity, margin: float) -> float:
    """How often chance alone would show such a difference; 1 where the verdict is none."""
    if one.ratio is None or one.verdict not in ("faster", "slower"):
        return 1.0
    # An open end says nothing against the verdict: the other one is as far from the middle on a log scale.
    middle, width = one.ratio.value, half_width(one.ratio)
    interval = RatioInterval(ratio=middle, low=middle / width, high=middle * width)
    return chance_beyond(interval, degrees_of_freedom(one.blocks), margin)
