"""Whether a round of the open model kept a latency objective."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from typing import TYPE_CHECKING

from portcompare.analyse.generator import find_overload
from portcompare.analyse.judging import fail_too_often
from portcompare.protocol import WRONG_BODY, WRONG_STATUS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from portcompare.analyse.generator import GeneratorLimits
    from portcompare.model import Round
    from portcompare.sweeps import Outcome

LEAST_ACHIEVED = 0.99
"""The part of the requests offered that a server must answer inside the window: one that answers fewer falls
behind for good, and only the shortness of the window keeps its latencies low."""

_DEVIATIONS = 2.0


def judge_objective(measured: Round, objective: Mapping[str, float], limits: GeneratorLimits) -> Outcome:
    """Say whether a server kept an objective in one round.

    Args:
        measured: The judged round, of the open model.
        objective: The most that each percentile may be, in seconds, by the names of the latency record.
        limits: What the load generator may have come to.

    Returns:
        "kept"; "missed" if a percentile was higher, an answer had a wrong status, more than 1% of the
        requests failed, or fewer than 99% of those offered were answered; "unknown" where the load generator
        was the limit, a body was wrong, or the round is void for another reason than those.
    """
    # A request that found no free connection in time says that the server was the limit, not the generator.
    if find_overload(replace(measured, dropped=0), limits) is not None or _has(measured, WRONG_BODY):
        return "unknown"
    if measured.latency_s is None or _fails(measured) or _falls_behind(measured, measured.latency_s.p50):
        return "missed"
    if any(getattr(measured.latency_s, name) > most_s for name, most_s in objective.items()):
        return "missed"
    return "kept" if measured.void is None else "unknown"


def _fails(measured: Round) -> bool:
    return fail_too_often(measured.requests, measured.errors) or _has(measured, WRONG_STATUS)


def _has(measured: Round, kind: str) -> bool:
    return any(found.startswith(kind) for found in measured.error_kinds)


def _falls_behind(measured: Round, under_way_s: float) -> bool:
    """Whether fewer were answered than offered, beyond what chance does.

    What is due shortly before the window's start is answered inside it, and what is due shortly before its
    end is not, each by the time that a request is under way: two independent numbers of arrivals, each with
    the variance of its mean.
    """
    offered_rps = measured.offered_rps or measured.level
    chance_rps = _DEVIATIONS * sqrt(2 * offered_rps * under_way_s) / measured.window_s
    return measured.rate_rps < LEAST_ACHIEVED * offered_rps - chance_rps
