"""Which rounds count: each gets its bound, and the reason why it is void, if it is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from portcompare.analyse.generator import find_overload
from portcompare.bounds import exceeds_bound, find_bound
from portcompare.protocol import WRONG_BODY, WRONG_STATUS
from portcompare.units import share

if TYPE_CHECKING:
    from portcompare.analyse.generator import GeneratorLimits
    from portcompare.bounds import Limits
    from portcompare.model import Round

MOST_FAILURES = 0.01
"""The greatest part of requests that may fail for want of an answer; a wrong answer voids a round at once."""

_WRONG = (WRONG_STATUS, WRONG_BODY)


def judge_round(measured: Round, limits: Limits, generator: GeneratorLimits) -> Round:
    """Judge a round by itself.

    Args:
        measured: The round as it was measured.
        limits: What limits it.
        generator: What the load generator may have come to in it.

    Returns:
        The round with its bound, and void if something is wrong with it.
    """
    bound = find_bound(measured.cpu_s_per_request, limits) if measured.requests else None
    return replace(measured, bound=bound, void=measured.void or _find_fault(measured, limits, generator))


def _find_fault(measured: Round, limits: Limits, generator: GeneratorLimits) -> str | None:
    if not measured.requests:
        return "no request succeeded" + _listed(measured.error_kinds)
    wrong = {kind: count for kind, count in measured.error_kinds.items() if kind.startswith(_WRONG)}
    if wrong:
        return "answers were wrong" + _listed(wrong)
    overload = find_overload(measured, generator)
    if overload:
        return overload
    if measured.errors > MOST_FAILURES * (measured.requests + measured.errors):
        return f"more than {share(MOST_FAILURES)} of the requests failed" + _listed(measured.error_kinds)
    return exceeds_bound(measured, limits)


def _listed(kinds: dict[str, int]) -> str:
    return ": " + ", ".join(f"{count} x {kind}" for kind, count in kinds.items()) if kinds else ""
