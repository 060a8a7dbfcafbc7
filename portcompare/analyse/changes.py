"""Two finished runs: what both measured, the new divided by the old, unpaired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from portcompare.analyse.comparisons import requests_needed
from portcompare.analyse.pairing import pair_blocks, rounds_by_block
from portcompare.analyse.unpaired import unpaired_ratio
from portcompare.analyse.verdicts import judge
from portcompare.changes import Change
from portcompare.intervals import LEAST_BLOCKS
from portcompare.model import BASELINE, CONTROL, METRICS
from portcompare.units import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from portcompare.model import Metric, Round, Verdict

Place = tuple[str, float, str]
"""A scenario, a level, and who was measured there: a deployment, or "control"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Values:
    """What one run tells of a quantity.

    Attributes:
        blocks: A positive value for each block that has one.
        requests: How many requests a round usually had; 0 without a round.
    """

    blocks: Sequence[float]
    requests: float


def find_own_changes(
    old: Iterable[Round], new: Iterable[Round], margins: Mapping[Metric, float]
) -> tuple[Change, ...]:
    """Compare each deployment with itself, wherever both runs measured it.

    Args:
        old: The rounds of the earlier run; void ones are left out.
        new: The rounds of the later one, whose order the result has.
        margins: The equivalence margin of each metric.

    Returns:
        The changes; also of a deployment that is baseline in one run and candidate in the other.
    """
    then, now = _by_place(old), _by_place(new)
    return tuple(
        _change(place, metric, _own(then[place], metric), _own(now[place], metric), margins[metric])
        for place in now
        if place in then
        for metric in METRICS
    )


def find_relative_changes(
    old: Iterable[Round], new: Iterable[Round], margins: Mapping[Metric, float]
) -> tuple[Change, ...]:
    """Compare each candidate's ratio to the baseline with what it was.

    Inside either run the ratio is paired by block, so what the machine did then or does now cancels.

    Args:
        old: The rounds of the earlier run; void ones are left out.
        new: The rounds of the later one, whose order the result has.
        margins: The equivalence margin of each metric.

    Returns:
        The changes of the candidates and of the control; empty if the runs have not the same baseline.
    """
    old, new = list(old), list(new)
    baseline = _baseline(new)
    if baseline is None or _baseline(old) != baseline:
        return ()
    then, now = _by_place(old), _by_place(new)
    return tuple(
        _change(place, metric, _ratios(then, place, baseline, metric), _ratios(now, place, baseline, metric),
                margins[metric])
        for place in now
        if place in then and place[2] != baseline
        for metric in METRICS
    )  # fmt: skip


def _baseline(rounds: Iterable[Round]) -> str | None:
    return next((one.deployment for one in rounds if one.arm == BASELINE), None)


def _by_place(rounds: Iterable[Round]) -> dict[Place, list[Round]]:
    places: dict[Place, list[Round]] = {}
    for one in rounds:
        who = CONTROL if one.arm == CONTROL else one.deployment
        places.setdefault((one.scenario, one.level, who), []).append(one)
    return places


def _own(rounds: Iterable[Round], metric: Metric) -> _Values:
    return _values(rounds_by_block(metric, rounds).values())


def _ratios(places: Mapping[Place, list[Round]], place: Place, baseline: str, metric: Metric) -> _Values:
    scenario, level, who = place
    arms = {
        BASELINE: places.get((scenario, level, baseline), []),
        CONTROL: places.get((scenario, level, CONTROL), []),
        who: places[place],
    }
    return _values((pair.ratio, pair.requests) for pair in pair_blocks(metric, arms, who).values())


def _values(known: Iterable[tuple[float, int]]) -> _Values:
    """From each block's value and its requests."""
    each = list(known)
    return _Values(
        blocks=[value for value, _ in each], requests=median([requests for _, requests in each] or [0])
    )


def _change(place: Place, metric: Metric, old: _Values, new: _Values, margin: float) -> Change:
    scenario, level, deployment = place
    ratio = low = high = degrees = None
    too_few = _too_few(metric, old, new)
    if too_few is not None:
        verdict, reason = too_few
    else:
        found = unpaired_ratio(old.blocks, new.blocks)
        verdict, reason = judge(metric, found.interval, margin)
        ratio, low, high = found.interval.ratio, found.interval.low, found.interval.high
        degrees = found.degrees_of_freedom
    return Change(
        scenario=scenario,
        level=level,
        metric=metric,
        deployment=deployment,
        old_blocks=len(old.blocks),
        new_blocks=len(new.blocks),
        ratio=ratio,
        low=low,
        high=high,
        degrees_of_freedom=degrees,
        verdict=verdict,
        reason=reason,
    )


def _too_few(metric: Metric, old: _Values, new: _Values) -> tuple[Verdict, str] | None:
    """Why the values cannot carry a verdict; None if they can."""
    for run, values in (("old", old), ("new", new)):
        if len(values.blocks) < LEAST_BLOCKS:
            found = f"{count(len(values.blocks), 'block')} of the {run} run with a value that counts"
            return "invalid", f"{found}; an interval needs {LEAST_BLOCKS}"
    needed, usual = requests_needed(metric), min(old.requests, new.requests)
    if usual < needed:
        return "inconclusive", f"{usual:g} requests a round are too few for a {metric}, which needs {needed}"
    return None
