"""Two finished runs: what both measured, the new divided by the old, unpaired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from portcompare.analyse.comparisons import metric_of, requests_needed
from portcompare.analyse.unpaired import unpaired_ratio
from portcompare.analyse.verdicts import judge
from portcompare.changes import Change
from portcompare.intervals import LEAST_BLOCKS
from portcompare.model import BASELINE, CONTROL, METRICS
from portcompare.units import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

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
    known = list(_known(rounds, metric))
    return _values([value for _, value in known], [one for one, _ in known])


def _ratios(places: Mapping[Place, list[Round]], place: Place, baseline: str, metric: Metric) -> _Values:
    scenario, level, _ = place
    own = {one.block: (one, value) for one, value in _known(places[place], metric)}
    base = {
        one.block: (one, value) for one, value in _known(places.get((scenario, level, baseline), ()), metric)
    }
    both = [block for block in own if block in base]
    return _values(
        [own[block][1] / base[block][1] for block in both],
        [one for block in both for one, _ in (own[block], base[block])],
    )


def _known(rounds: Iterable[Round], metric: Metric) -> Iterator[tuple[Round, float]]:
    for one in rounds:
        value = metric_of(one, metric)
        if one.void is None and value is not None:
            yield one, value


def _values(blocks: Iterable[float], rounds: Iterable[Round]) -> _Values:
    return _Values(blocks=tuple(blocks), requests=median([one.requests for one in rounds] or [0]))


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
