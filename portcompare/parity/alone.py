"""Asking cases that differ once more on fresh servers: do they differ with nothing written before them?"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from portcompare.model import BASELINE, CONTROL
from portcompare.parity.check import place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

    from portcompare.differences import Parity
    from portcompare.parity.asker import Asker
    from portcompare.parity.check import ParityOutcome

    # Serves the arms of these names afresh, the baseline and the control too.
    ServeAfresh = Callable[[frozenset[str]], AbstractContextManager[Asker]]

READING = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110, section 9.2.1), among those that applications have."""

MOST_STARTS = 10
"""A start of all servers takes seconds."""


def ask_alone(outcome: ParityOutcome, arms: frozenset[str], serve_afresh: ServeAfresh) -> Parity:
    """Find out which differences come from what was asked before.

    Cases that only read are asked on one start of the servers, since none leaves anything to the next; each
    of the others has a start of its own.

    Args:
        outcome: The check, in which all cases were asked one after the other.
        arms: The names of the arms that can be served afresh.
        serve_afresh: Serves some of them, beside baseline and control.

    Returns:
        The check; differences that a case does not show alone are marked, and a warning says how many of the
        cases that differ were not asked again.
    """
    parity = outcome.parity
    differing: defaultdict[str, set[str]] = defaultdict(set)
    for each in parity.differences:
        if each.counts and each.deployment in arms - {BASELINE, CONTROL}:
            differing[each.case].add(each.deployment)
    reading = [name for name in differing if outcome.asked[name].method in READING]
    starts = [reading] * bool(reading) + [[name] for name in differing if name not in reading]
    alone: set[tuple[str, str, str, str]] = set()
    for names in starts[:MOST_STARTS]:
        with serve_afresh(frozenset().union(*(differing[name] for name in names))) as asker:
            alone |= {place_of(each) for name in names for each in asker.ask(outcome.asked[name])}
    asked = {name for names in starts[:MOST_STARTS] for name in names}
    return replace(
        parity,
        differences=tuple(
            replace(each, from_order=True)
            if each.case in asked and each.deployment in differing[each.case] and place_of(each) not in alone
            else each
            for each in parity.differences
        ),
        warnings=(*parity.warnings, *_tell_unknown(len(differing) - len(asked))),
    )


def _tell_unknown(cases: int) -> Iterable[str]:
    if cases:
        yield (
            f"of the cases that differ, {cases} were not asked again on fresh servers: whether that comes "
            "from what was asked before is not known"
        )
