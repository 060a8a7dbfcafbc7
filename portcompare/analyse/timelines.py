"""The course of a run, slice by slice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portcompare.model import Round

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What a round did in one slice of its window.

    Attributes:
        at_s: The middle of the slice, in seconds since the first window of the run was opened.
        rate_rps: Successful requests per second.
        p99_s: The 99th percentile of their response times; None without a success.
    """

    at_s: float
    rate_rps: float
    p99_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A round on the time axis of its run.

    Attributes:
        round: The round.
        at_s: When its window was opened, in seconds since the first window of the run was.
        moments: Its slices; empty if they are not known.
    """

    round: Round
    at_s: float
    moments: tuple[Moment, ...]


def find_courses(rounds: Iterable[Round]) -> tuple[Course, ...]:
    """Lay the rounds of a run on one time axis.

    Args:
        rounds: All of them.

    Returns:
        One course for each, in order of time.
    """
    ordered = sorted(rounds, key=lambda one: one.started_at_s)
    return tuple(_course(one, one.started_at_s - ordered[0].started_at_s) for one in ordered)


def _course(one: Round, at_s: float) -> Course:
    if not one.slices:
        return Course(round=one, at_s=at_s, moments=())
    length_s = one.window_s / len(one.slices)
    return Course(
        round=one,
        at_s=at_s,
        moments=tuple(
            Moment(at_s=at_s + (number + 0.5) * length_s, rate_rps=each.requests / length_s, p99_s=each.p99_s)
            for number, each in enumerate(one.slices)
        ),
    )
