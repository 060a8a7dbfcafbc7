"""What people claim, and what the comparisons say of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcompare import units
from portcompare.report.tables import TextTable
from portcompare.report.wording import NOT_KNOWN, visible

if TYPE_CHECKING:
    from portcompare.claims import CheckResult, ClaimResult
    from portcompare.model import Results

_HOLDS = {True: "yes", False: "no", None: "cannot tell"}
_NOTE = (
    "A check is one comparison: a value divided by another, paired by block, or a value alone. It says yes"
    " where its whole 95% interval is as asked, no where the whole interval is not. A claim is true if all"
    " its checks say yes, false if all say no; it depends where some say yes and some no."
)


def claim_tables(results: Results) -> tuple[TextTable, ...]:
    """The tables of the claims.

    Args:
        results: The run.

    Returns:
        One of the verdicts and one of the checks behind them; none if the plan makes no claims.
    """
    if not results.claims:
        return ()
    return (
        TextTable(
            title="Claims",
            note=_NOTE,
            header=("Claim", "Verdict", "Because"),
            rows=tuple((visible(one.text), one.verdict, visible(one.reason)) for one in results.claims),
        ),
        TextTable(
            title="Checks of the claims",
            note="A value that is divided by nothing is in its own unit.",
            header=(
                "Claim",
                "Where",
                "Metric",
                "Of",
                "Divided by",
                "Found, 95% interval",
                "Asked",
                "So",
                "Blocks",
            ),
            rows=tuple(_check(one, check) for one in results.claims for check in one.checks),
        ),
    )


def _check(one: ClaimResult, check: CheckResult) -> tuple[str, ...]:
    return (
        visible(one.name),
        visible(check.name),
        check.metric,
        visible(check.subject),
        visible(check.reference or ""),
        _value(check),
        _asked(check),
        _HOLDS[check.holds],
        str(check.blocks),
    )


def _value(check: CheckResult) -> str:
    value = check.value
    if value is None or value.low is None or value.high is None:
        return NOT_KNOWN
    middle, low, high = (_show(one, check) for one in (value.value, value.low, value.high))
    return f"{middle} [{low}, {high}]"


def _asked(check: CheckResult) -> str:
    if check.at_least is not None:
        return f"at least {_show(check.at_least, check)}"
    return NOT_KNOWN if check.at_most is None else f"at most {_show(check.at_most, check)}"


def _show(value: float, check: CheckResult) -> str:
    if check.reference is not None:
        return units.ratio(value)
    return units.rate(value) if check.metric == "throughput" else units.duration(value)
