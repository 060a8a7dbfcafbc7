"""What the answers of all servers to one case come to."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from portcompare.model import BASELINE, CONTROL, Expectation
from portcompare.parity.answer import Answer
from portcompare.parity.compare import compare_answers
from portcompare.parity.findings import Finding
from portcompare.parity.noise import Noise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portcompare.model import RequestSpec

Answers = Mapping[str, tuple[Answer, ...]]
"""The answers of each arm to one case, in the order in which it was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A finding that counts.

    Attributes:
        arm: Whose answer differs.
        finding: In what.
        again: False if the first answer shows it, True if only a later one does.
    """

    arm: str
    finding: Finding
    again: bool


def find_noise(case: RequestSpec, answers: Answers) -> Noise:
    """Find what differs by itself: among the baseline's answers, or between them and the control's.

    Args:
        case: What was asked.
        answers: The answers. Two whose statuses differ say nothing: all else follows from that.

    Returns:
        The noise.
    """
    baseline = answers[BASELINE]
    pairs = [(baseline[0], other) for other in baseline[1:]]
    pairs += zip(baseline, answers.get(CONTROL, ()), strict=False)
    return Noise.of(finding for one, other in pairs for finding in compare_answers(case, one, other))


def judge(case: RequestSpec, answers: Answers, noise: Noise) -> Iterator[Judged]:
    """Find where servers differ from the baseline in what does not differ by itself.

    Args:
        case: What was asked.
        answers: The answers: first ones are compared with first ones, second ones with second ones.
        noise: What differs by itself.

    Yields:
        What counts, each place once an arm. The baseline's own where it does not answer; the control's where
        their statuses differ, and then none of those who answer as the control does.
    """
    control = answers.get(CONTROL)
    for arm, candidate in answers.items():
        told: set[object] = set()
        for turn, (ours, theirs) in enumerate(zip(answers[BASELINE], candidate, strict=True)):
            if arm == BASELINE and ours.status is not None:
                continue
            like_control = control is not None and arm != CONTROL and theirs.status == control[turn].status
            for finding in compare_answers(case, ours, theirs):
                excused = finding.kind == "status" and like_control and theirs.status is not None
                if finding.place not in told and not excused and not noise.hides(finding):
                    told.add(finding.place)
                    yield Judged(arm=arm, finding=finding, again=turn > 0)


def expect(case: RequestSpec, answers: tuple[Answer, ...], noise: Noise) -> Expectation | None:
    """What every answer of a server to a case must look like under load.

    It is held to its own answers, which are what the baseline answers but for what the plan allows.

    Args:
        case: What was asked.
        answers: Its answers.
        noise: What differs by itself.

    Returns:
        What it answered; None if it did not, or not always with one status.
    """
    first, *others = answers
    if first.status is None or any(other.status != first.status for other in others):
        return None
    pointers = noise.masks()
    if case.method == "HEAD":
        is_checked = not first.body
    else:
        is_checked = pointers is not None and not (pointers and first.header("content-encoding"))
    return Expectation(
        status=first.status,
        body_base64=b64encode(first.portable_body).decode() if is_checked else None,
        masked=pointers or () if is_checked else (),
        own_address=is_checked and first.portable_body != first.body,
    )
