"""Whether a run may be relied on, and what a careful reader should know of it."""

from __future__ import annotations

from collections import Counter
from math import sqrt
from typing import TYPE_CHECKING

from portcompare.analyse.change_points import describe_changes
from portcompare.analyse.drift import describe_drifts
from portcompare.analyse.multiplicity import HEADLINE_METRICS, find_holding
from portcompare.model import CONTROL
from portcompare.units import count, share

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from portcompare.differences import Parity
    from portcompare.model import Comparison, Metric, Round
    from portcompare.units import LevelText

_REMEDY = (
    "Close other programs, measure longer rounds (rounds.seconds) and more blocks (rounds.min_blocks, "
    "rounds.max_blocks), or use a machine with more CPUs"
)
_NOT_COMPARED = "nothing was compared: no level was measured both on the baseline and on another"
THE_CONTROL = "the control, the baseline measured again,"

MOST_VOID = 0.2
"""A run of whose rounds more than this part are void is not valid as a whole."""


def find_invalid_reasons(
    rounds: Sequence[Round],
    comparisons: Iterable[Comparison],
    margins: Mapping[Metric, float],
    parity: Parity | None,
    level_text: LevelText,
    *,
    searched: Collection[str] = (),
) -> tuple[str, ...]:
    """Why a run must not be relied on.

    Args:
        rounds: The judged rounds.
        comparisons: The comparisons, the control's too.
        margins: The equivalence margin of each metric.
        parity: The answers.
        level_text: Words a scenario's level, with its unit.
        searched: The scenarios whose rates were searched: to try rates that are too high is part of that,
            so how many of their rounds are void says nothing.

    Returns:
        The reasons; empty if the run is valid.
    """
    fixed = [one for one in rounds if one.scenario not in searched]
    comparisons = tuple(comparisons)
    return (
        *([] if rounds else ["nothing was measured"]),
        *([_NOT_COMPARED] if fixed and not comparisons else []),
        *_invalid_reasons(fixed, comparisons, margins, parity, level_text),
    )


def find_warnings(
    rounds: Sequence[Round],
    comparisons: Iterable[Comparison],
    margins: Mapping[Metric, float],
    level_text: LevelText,
) -> tuple[str, ...]:
    """What does not make a run invalid, but its figures less sure.

    Args:
        rounds: The judged rounds.
        comparisons: The comparisons, the control's too.
        margins: The equivalence margin of each metric.
        level_text: Words a scenario's level, with its unit.

    Returns:
        The warnings; empty if there is nothing to say.
    """
    control = tuple(_control(comparisons))
    holding = _holding(control, margins)
    single = [one for one in control if one.verdict in ("faster", "slower") and one not in holding]
    maybe_chance = (
        f"{THE_CONTROL} came out {_differences(single, level_text)}. "
        f"Among {count(len(control), 'comparison')} this may be chance (Holm, 5%), "
        "and so may be what a candidate shows there"
    )
    unsure = [
        f"{one.metric} {share(_least_told(one.low, one.high, margins[one.metric]))} {_where(one, level_text)}"
        for one in control
        if one.verdict == "inconclusive" and one.low is not None and one.high is not None
    ]
    noise = (
        f"too noisy: {THE_CONTROL} cannot be shown to be equivalent, so only differences larger than these "
        f"can be told here today: {'; '.join(unsure)}. {_REMEDY}"
    )
    void = [one for one in rounds if one.void is not None]
    reasons = dict.fromkeys(f"{one.arm} {_where(one, level_text)}: {one.void}" for one in void)
    unsteady = Counter(f"{one.arm} {_where(one, level_text)}" for one in rounds if not one.steady)
    return (
        *([noise] if unsure else []),
        *([maybe_chance] if single else []),
        *(f"void round: {reason}" for reason in reasons),
        *(
            f"not steady after the longest warm-up: {where}, {count(n, 'round')}"
            for where, n in unsteady.items()
        ),
        *describe_drifts(rounds, margins, level_text),
        *describe_changes(rounds, margins, level_text),
    )


def _invalid_reasons(
    rounds: Sequence[Round],
    comparisons: Iterable[Comparison],
    margins: Mapping[Metric, float],
    parity: Parity | None,
    level_text: LevelText,
) -> Iterator[str]:
    if parity is not None and not parity.equal:
        places = sum(each.counts for each in parity.differences)
        yield f"the answers differ in {count(places, 'place')}" if places else "no answers were compared"
    void = sum(one.void is not None for one in rounds)
    if void > MOST_VOID * len(rounds):
        yield f"{void} of {len(rounds)} rounds are void"
    control = tuple(_control(comparisons))
    holding = _holding(control, margins)
    if holding:
        yield f"too noisy: {THE_CONTROL} came out {_differences(holding, level_text)}. {_REMEDY}"
    missing = [f"{one.metric} {_where(one, level_text)}" for one in control if one.verdict == "invalid"]
    if missing:
        yield f"{THE_CONTROL} has too few valid rounds: {'; '.join(missing)}"


def _least_told(low: float, high: float, margin: float) -> float:
    """The least relative difference whose interval, if it is as wide, lies wholly beyond the margin."""
    return (1 + margin) * sqrt(high / low) - 1


def _holding(control: Iterable[Comparison], margins: Mapping[Metric, float]) -> tuple[Comparison, ...]:
    """In what the control differs however many comparisons were made: some of many do so by chance."""
    return find_holding([one for one in control if one.ratio is not None], margins)


def _differences(told: Iterable[Comparison], level_text: LevelText) -> str:
    return "; ".join(f"{one.verdict} in {one.metric} {_where(one, level_text)}" for one in told)


def _control(comparisons: Iterable[Comparison]) -> Iterator[Comparison]:
    return (one for one in comparisons if one.candidate == CONTROL and one.metric in HEADLINE_METRICS)


def _where(one: Comparison | Round, level_text: LevelText) -> str:
    return f"({one.scenario}, {level_text(one.scenario, one.level)})"
