"""What a check comes to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from portcompare.differences import SEVERITIES, Parity
from portcompare.model import BASELINE, Expectation, RequestSpec
from portcompare.parity.cases import identity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from portcompare.differences import Difference
    from portcompare.parity.asker import Asker, Examined

MOST_DIFFERENCES = 20
"""So many differences of one case and deployment are listed: an array in another order has one an element."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityOutcome:
    """What was found, and what every answer under load must look like.

    Attributes:
        parity: The record for the results.
        asked: Each case by its name, in the order in which they were asked.
        expectations: What each arm answered, by the request without its name.
        unused: Which of the plan's allowances no answer has needed, in words.
    """

    parity: Parity
    asked: Mapping[str, RequestSpec]
    expectations: Mapping[RequestSpec, Mapping[str, Expectation | None]]
    unused: tuple[str, ...] = ()

    def expectation(self, request: RequestSpec, arm: str = BASELINE) -> Expectation | None:
        """What an arm's answers to a scenario's request must look like.

        Args:
            request: The scenario's request; its name does not matter.
            arm: Name of the arm; one that was not asked is held to what the baseline answered.

        Returns:
            What it answered; None if that was no case, was not answered, or was answered with another status
            the second time.
        """
        known = self.expectations.get(identity(request), {})
        return known.get(arm, known.get(BASELINE))


def sum_up(
    asker: Asker,
    examined: Sequence[Examined],
    *,
    at_last: Sequence[Examined] = (),
    seeds: tuple[str, ...] = (),
) -> ParityOutcome:
    """Put together what all cases have shown.

    Args:
        asker: Who has asked them all.
        examined: What they have shown, in the order in which they were asked; each has a name of its own.
        at_last: What those that the load asks have shown once more, after all others.
        seeds: What generated cases were made from.

    Returns:
        The differences, and what to expect under load. Nothing asked, or nobody to compare, is not equal.
    """
    listed, unlisted = _select(examined)
    parity = Parity(
        equal=bool(examined) and bool(asker.arms) and not any(each.counts for each in listed),
        cases=len(examined),
        deployments=asker.arms,
        differences=tuple(sort_differences(listed)),
        masked=tuple(place for one in examined for place in one.masked),
        seeds=seeds,
        warnings=(*_warn_of_logins(asker), *_warn_of_unlisted(unlisted)),
    )
    return ParityOutcome(
        parity=parity,
        asked={one.case.name: one.case for one in examined},
        expectations=_expect(examined, at_last),
        unused=tuple(_tell_unused(asker)),
    )


def _expect(
    examined: Iterable[Examined], at_last: Iterable[Examined]
) -> dict[RequestSpec, Mapping[str, Expectation | None]]:
    """What to expect under load; where an answer has changed with what others wrote, only its status."""
    expectations = {identity(one.case): one.expectations for one in examined}
    for one in at_last:
        before = expectations[identity(one.case)]
        expectations[identity(one.case)] = {
            arm: _what_stays(before.get(arm), later) for arm, later in one.expectations.items()
        }
    return expectations


def _what_stays(before: Expectation | None, later: Expectation | None) -> Expectation | None:
    if before is None or later is None or before.status != later.status:
        return None
    return later if before == later else only_status(later)


def only_status(expected: Expectation) -> Expectation:
    """What to expect of answers of which only the status is known beforehand.

    Args:
        expected: What is known of one of them.

    Returns:
        Its status.
    """
    return Expectation(status=expected.status, body_base64=None)


def sort_differences(differences: Iterable[Difference]) -> list[Difference]:
    """Put differences in the order in which they matter.

    Args:
        differences: In the order in which they were found.

    Returns:
        What is not allowed first, and the most severe first.
    """
    return sorted(differences, key=lambda each: (bool(each.allowed), SEVERITIES.index(each.severity)))


def place_of(each: Difference) -> tuple[str, str, str, str]:
    """What makes a difference the same in another check, where the servers' addresses are others.

    Args:
        each: The difference.

    Returns:
        Case, deployment, kind and pointer.
    """
    return each.case, each.deployment, each.kind, each.pointer


def _select(examined: Iterable[Examined]) -> tuple[list[Difference], Counter[tuple[str, str]]]:
    """What is listed, and how much more there is of each case and deployment."""
    listed: list[Difference] = []
    seen: Counter[tuple[str, str]] = Counter()
    for one in examined:
        for each in sort_differences(one.differences):
            seen[each.case, each.deployment] += 1
            if seen[each.case, each.deployment] <= MOST_DIFFERENCES:
                listed.append(each)
    return listed, Counter({key: n - MOST_DIFFERENCES for key, n in seen.items() if n > MOST_DIFFERENCES})


def _warn_of_logins(asker: Asker) -> Iterator[str]:
    """What fails at the baseline is wrong in the plan, and all behind it seems to differ for that alone."""
    for said in asker.failed_logins:
        yield (
            f"nobody can log in to the baseline, so nothing behind that was compared: {said}; correct the "
            "scenario's login in the plan"
        )


def _warn_of_unlisted(unlisted: Counter[tuple[str, str]]) -> Iterator[str]:
    for (case, deployment), number in unlisted.items():
        yield f"{case} at {deployment}: {number} more differences are not listed"


def _tell_unused(asker: Asker) -> Iterator[str]:
    for one in asker.unused_allowances:
        yield (
            f"parity.allow {one.reason!r} (case {one.case!r}, deployment {one.deployment!r}, "
            f"kind {one.kind!r}, pointer {one.pointer!r}) allows what no answer shows: remove it, "
            "or correct its patterns"
        )
