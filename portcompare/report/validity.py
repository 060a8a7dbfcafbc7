"""What speaks for and against a run: the control, the load generator, void rounds."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from portcompare import units
from portcompare.model import CONTROL
from portcompare.report.rows import comparison_cells, comparison_rows
from portcompare.report.wording import NOT_KNOWN, known, level_text, percent, plan_value, visible

if TYPE_CHECKING:
    from portcompare.model import Results
    from portcompare.report.method import Facts

VOID_HEADER = ("Block", "Scenario", "Level", "Arm", "Why it does not count")


def trust_facts(results: Results) -> Facts:
    """How far a run can be trusted.

    Args:
        results: The run.

    Returns:
        Pairs of a term and what holds for it.
    """
    reasons = visible("; ".join(results.invalid_reasons)) or "no reason was recorded"
    return (
        ("This run", "is valid: nothing speaks against it" if results.valid else f"is NOT VALID: {reasons}"),
        ("Control", _control(results)),
        ("Load generator", _generator(results)),
        ("Void rounds", _void(results)),
        ("Unsteady windows", _unsteady(results)),
    )


def control_rows(results: Results) -> tuple[tuple[str, ...], ...]:
    """The comparisons of the baseline with itself.

    Args:
        results: The run.

    Returns:
        Rows below `COMPARISON_HEADER`.
    """
    rows = zip(results.comparisons, comparison_rows(results), strict=True)
    return tuple(comparison_cells(row) for one, row in rows if one.candidate == CONTROL)


def void_rows(results: Results) -> tuple[tuple[str, ...], ...]:
    """The rounds that do not count.

    Args:
        results: The run.

    Returns:
        Rows below `VOID_HEADER`.
    """
    return tuple(
        (
            f"{one.block + 1:,}",
            visible(one.scenario),
            level_text(results, one.scenario, one.level),
            visible(one.arm),
            visible(one.void),
        )
        for one in results.rounds
        if one.void is not None
    )


def _control(results: Results) -> str:
    verdicts = Counter(one.verdict for one in results.comparisons if one.candidate == CONTROL)
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
    cpu = units.share(max(one.generator_cpu_ratio for one in results.rounds))
    stall = units.duration(max(one.stall_max_s for one in results.rounds))
    text = (
        f"at most {cpu} of a CPU in any round ({known(limits.get('max_cpu_ratio'), percent)} allowed),"
        f" stood still for {stall} at most ({known(limits.get('max_stall_s'), units.duration)} allowed)"
    )
    lags = [one.lag_p99_s for one in results.rounds if one.lag_p99_s is not None]
    if lags:
        allowed = known(limits.get("max_lag_s"), units.duration)
        text += f", {units.duration(max(lags))} late at most for 1% of the requests ({allowed} allowed)"
    return text


def _void(results: Results) -> str:
    reasons = Counter(visible(one.void) for one in results.rounds if one.void is not None)
    if not reasons:
        return f"none of {len(results.rounds):,}"
    found = "; ".join(f"{number:,} times {reason}" for reason, number in reasons.most_common())
    return f"{reasons.total():,} of {len(results.rounds):,}: {found}"


def _unsteady(results: Results) -> str:
    unsteady = sum(not one.steady for one in results.rounds if one.void is None)
    return f"{unsteady:,} opened before answers came at a steady rate" if unsteady else "none"
