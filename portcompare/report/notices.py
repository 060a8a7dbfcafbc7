"""What must be said before any figure: that a run is invalid, partial or thin, and what to beware of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portcompare import units
from portcompare.analyse import find_undecided
from portcompare.report.differences import summary_text
from portcompare.report.gates import gates_text
from portcompare.report.wording import plan_value, visible

if TYPE_CHECKING:
    from portcompare.model import Results

FEW_BLOCKS = 5
"""Levels of fewer blocks are called out, unless they are known well enough to be done early: one side wins
all of four blocks by chance alone with a probability of 2 / 2**4 = 12%.

References:
    The sign test, https://en.wikipedia.org/wiki/Sign_test
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing to know before reading on.

    Attributes:
        grave: True if the figures must not be relied on as they stand.
        label: What kind of thing, in capitals.
        text: The thing.
    """

    grave: bool
    label: str
    text: str


def find_notices(results: Results) -> tuple[Notice, ...]:
    """Everything that belongs at the top of a report, the gravest first.

    Args:
        results: The run.

    Returns:
        The notices; empty for a complete and valid run without warnings.
    """
    notices: list[Notice] = []
    if not results.valid:
        reasons = "; ".join(results.invalid_reasons) or "no reason was recorded"
        notices.append(Notice(grave=True, label="NOT VALID", text=visible(reasons)))
    if results.partial:
        text = "the run was interrupted or broke off; this is what was measured until then"
        notices.append(Notice(grave=True, label="PARTIAL", text=text))
    if results.parity is None:
        text = "nothing proves that the deployments answer alike"
        notices.append(Notice(grave=True, label="ANSWERS NOT COMPARED", text=text))
    elif not results.parity.equal:
        found = units.count(sum(each.counts for each in results.parity.differences), "difference")
        text = f"{found} from the baseline's answers; a comparison of speed means little"
        notices.append(Notice(grave=True, label="ANSWERS DIFFER", text=text))
    if not all(gate.passed for gate in results.gates):
        notices.append(Notice(grave=True, label="GATES", text=gates_text(results)))
    few = [one for one in results.comparisons if one.ratio is not None and one.blocks < FEW_BLOCKS]
    rough = find_undecided(few, plan_value(results, "rounds", "precision") or 0.0, is_early=True)
    if rough:
        where = units.count(len(rough), "level")
        text = f"throughput and median rest on fewer than {FEW_BLOCKS} blocks at {where}; intervals are rough"
        notices.append(Notice(grave=False, label="FEW ROUNDS", text=text))
    notices += [Notice(grave=False, label="WARNING", text=visible(warning)) for warning in results.warnings]
    return tuple(notices)


def parity_text(results: Results) -> str:
    """The result of the parity check in one sentence.

    Args:
        results: The run.

    Returns:
        The sentence, without a full stop.
    """
    parity = results.parity
    if parity is None:
        return "Whether the answers are alike is not known: the run ended before it was checked"
    cases = units.count(parity.cases, "case")
    against = visible(", ".join(parity.deployments))
    if not parity.equal:
        found = units.count(sum(each.counts for each in parity.differences), "difference")
        return f"Not alike: {found} from the baseline in {cases} sent to {against}"
    besides = f"; {summary_text(parity)}" if parity.differences else ""
    return f"All answered alike: {cases} sent to the baseline and to {against}{besides}"
