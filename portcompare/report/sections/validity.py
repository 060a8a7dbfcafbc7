"""What speaks for and against a run: the control, the load generator, discarded rounds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from portcompare import units
from portcompare.analyse.comparisons import find_undecided
from portcompare.records.rounds import CONTROL
from portcompare.report.rows import comparison_cells, comparison_rows
from portcompare.report.sections.answers import summary_text
from portcompare.report.sections.checks import gates_text
from portcompare.report.wording import NOT_KNOWN, known, level_text, percent, plan_value, visible

if TYPE_CHECKING:
    from portcompare.records.results import Results
    from portcompare.report.sections.method import Facts


DISCARDED_HEADER = ("Block", "Scenario", "Level", "Arm", "Why it does not count")


def trust_facts(results: Results) -> Facts:
    """How far a run can be trusted."""
    reasons = visible("; ".join(results.invalid_reasons)) or "no reason was recorded"
    return (
        ("This run", "is valid: nothing speaks against it" if results.valid else f"is NOT VALID: {reasons}"),
        ("Control", _control(results)),
        ("Load generator", _generator(results)),
        ("Discarded rounds", _discarded(results)),
        ("Unsteady windows", _unsteady(results)),
    )


def control_rows(results: Results) -> tuple[tuple[str, ...], ...]:
    """The comparisons of the baseline with itself."""
    rows = zip(results.comparisons, comparison_rows(results), strict=True)
    return tuple(comparison_cells(row) for one, row in rows if one.candidate == CONTROL)


def discarded_rows(results: Results) -> tuple[tuple[str, ...], ...]:
    """The rounds that do not count."""
    return tuple(
        (
            f"{one.block + 1:,}",
            visible(one.scenario),
            level_text(results, one.scenario, one.level),
            visible(one.arm),
            visible(one.discarded),
        )
        for one in results.rounds
        if one.discarded is not None
    )


def _control(results: Results) -> str:
    verdicts = Counter(one.ratio.verdict for one in results.comparisons if one.candidate == CONTROL)
    if not verdicts:
        return NOT_KNOWN
    found = ", ".join(f"{number} {verdict}" for verdict, number in verdicts.most_common())
    return (
        f"the baseline measured again, in {units.count(verdicts.total(), 'comparison')} with itself: {found}"
    )


def _generator(results: Results) -> str:
    if not results.rounds:
        return NOT_KNOWN
    limits = plan_value(results, "generator") or {}
    cpu = units.share(max(one.load.generator_cpu_ratio for one in results.rounds))
    stall = units.duration(max(one.load.stall_max_s for one in results.rounds))
    text = (
        f"at most {cpu} of a CPU in any round ({known(limits.get('max_cpu_ratio'), percent)} allowed),"
        f" stood still for {stall} at most ({known(limits.get('max_stall_s'), units.duration)} allowed)"
    )
    lags = [one.load.lag_p99_s for one in results.rounds if one.load.lag_p99_s is not None]
    if lags:
        allowed = known(limits.get("max_lag_s"), units.duration)
        text += f", {units.duration(max(lags))} late at most for 1% of the requests ({allowed} allowed)"
    return text


def _discarded(results: Results) -> str:
    reasons = Counter(visible(one.discarded) for one in results.rounds if one.discarded is not None)
    if not reasons:
        return f"none of {len(results.rounds):,}"
    found = "; ".join(f"{number:,} times {reason}" for reason, number in reasons.most_common())
    return f"{reasons.total():,} of {len(results.rounds):,}: {found}"


def _unsteady(results: Results) -> str:
    unsteady = sum(not one.load.steady for one in results.rounds if one.discarded is None)
    return f"{unsteady:,} opened before answers came at a steady rate" if unsteady else "none"


FEW_BLOCKS = 5
"""Levels of fewer blocks are called out, unless they are known well enough to be done early: one side wins
all of four blocks by chance alone with a probability of 2 / 2**4 = 12%.

References:
    The sign test, https://en.wikipedia.org/wiki/Sign_test
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing to know before reading on."""

    grave: bool  # True if the figures must not be relied on as they stand
    label: str  # What kind of thing, in capitals
    text: str  # The thing


def find_notices(results: Results) -> tuple[Notice, ...]:
    """Everything that belongs at the top of a report, the gravest first."""
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
    few = [
        one for one in results.comparisons if one.ratio.point is not None and one.ratio.blocks < FEW_BLOCKS
    ]
    rough = find_undecided(few, plan_value(results, "rounds", "precision") or 0.0, is_early=True)
    if rough:
        where = units.count(len(rough), "level")
        text = f"throughput and median rest on fewer than {FEW_BLOCKS} blocks at {where}; intervals are rough"
        notices.append(Notice(grave=False, label="FEW ROUNDS", text=text))
    notices += [Notice(grave=False, label="WARNING", text=visible(warning)) for warning in results.warnings]
    return tuple(notices)


def parity_text(results: Results) -> str:
    """The result of the parity check in one sentence."""
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
