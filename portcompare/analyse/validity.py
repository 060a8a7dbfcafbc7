"""Whether a run may be relied on, and what a careful reader should know of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcompare.model import CONTROL
from portcompare.units import count, share

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from portcompare.model import Comparison, Metric, Parity, Round, Verdict

    LevelText = Callable[[str, float], str]

CONTROL_METRICS: frozenset[Metric] = frozenset({"throughput", "p50"})

_CALM = "Close what else runs, or measure longer (rounds.seconds, rounds.min_blocks)"
_NOISE = (
    "this machine is noisy: two instances of the baseline cannot be shown to be equivalent, so smaller "
    "differences than these cannot be told here:"
)
_NOISY = f"this machine is too noisy now. {_CALM}"
_REASONS: dict[Verdict, str] = {
    "faster": _NOISY,
    "slower": _NOISY,
    "invalid": "too few of its rounds are valid",
}

MOST_VOID = 0.2
"""A run of whose rounds more than this part are void is not valid as a whole."""


def find_invalid_reasons(
    rounds: Sequence[Round],
    comparisons: Iterable[Comparison],
    parity: Parity | None,
    level_text: LevelText,
) -> tuple[str, ...]:
    """Why a run must not be relied on.

    Args:
        rounds: The judged rounds.
        comparisons: The comparisons, the control's too.
        parity: The answers.
        level_text: Words a scenario's level, with its unit.

    Returns:
        The reasons; empty if the run is valid.
    """
    return tuple(_invalid_reasons(rounds, comparisons, parity, level_text))


def find_warnings(
    rounds: Sequence[Round], comparisons: Iterable[Comparison], level_text: LevelText
) -> tuple[str, ...]:
    """What does not make a run invalid, but its figures less sure.

    Args:
        rounds: The judged rounds.
        comparisons: The comparisons, the control's too.
        level_text: Words a scenario's level, with its unit.

    Returns:
        The warnings; empty if there is nothing to say.
    """
    unsure = [
        f"{one.metric} {share(one.low)} to {share(one.high)} {_where(one, level_text)}"
        for one in _control(comparisons)
        if one.verdict == "inconclusive" and one.low is not None and one.high is not None
    ]
    warnings = [f"{_NOISE} {'; '.join(unsure)}. {_CALM}"] if unsure else []
    void = [one for one in rounds if one.void is not None]
    reasons = dict.fromkeys(f"{one.arm} {_where(one, level_text)}: {one.void}" for one in void)
    return (*warnings, *(f"void round: {reason}" for reason in reasons))


def _invalid_reasons(
    rounds: Sequence[Round],
    comparisons: Iterable[Comparison],
    parity: Parity | None,
    level_text: LevelText,
) -> Iterator[str]:
    if parity is not None and not parity.equal:
        places = len(parity.differences)
        yield f"the answers differ in {count(places, 'place')}" if places else "no answers were compared"
    if not rounds:
        yield "nothing was measured"
    void = sum(one.void is not None for one in rounds)
    if void > MOST_VOID * len(rounds):
        yield f"{void} of {len(rounds)} rounds are void"
    for one in _control(comparisons):
        if one.verdict in _REASONS:
            came_out = f"came out {one.verdict} in {one.metric} {_where(one, level_text)}"
            yield f"the control, a second instance of the baseline, {came_out}: {_REASONS[one.verdict]}"


def _control(comparisons: Iterable[Comparison]) -> Iterator[Comparison]:
    return (one for one in comparisons if one.candidate == CONTROL and one.metric in CONTROL_METRICS)


def _where(one: Comparison | Round, level_text: LevelText) -> str:
    return f"({one.scenario}, {level_text(one.scenario, one.level)})"
