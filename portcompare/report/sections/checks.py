"""The gates and claims of a plan, and what the comparisons show."""

from typing import Any

from portcompare import units
from portcompare.records.metrics import METRICS
from portcompare.records.results import CheckResult, ClaimResult, GateResult, Results, Subject
from portcompare.report.wording import NOT_KNOWN, TextTable, exact, interval, known, level_text, visible

_OUTCOMES = {"kept": "yes", "broken": "no"}
_CLAIMS_NOTE = (
    "A check is one comparison: a value divided by another, paired by block, or a value alone. It says yes"
    " if its whole 95% interval keeps the limit, no if the whole interval breaks it. A claim is true if all"
    " its checks say yes, false if all say no; it depends where some say yes and some no."
)


def build_gates(results: Results) -> dict[str, Any]:
    """What the section on the gates shows."""
    return {"tables": gate_tables(results)} if results.gates else {}


def build_claims(results: Results) -> dict[str, Any]:
    """What the section on the claims shows."""
    return {"tables": claim_tables(results)} if results.claims else {}


def claim_tables(results: Results) -> tuple[TextTable, ...]:
    """The tables of the claims."""
    if not results.claims:
        return ()
    return (
        TextTable(
            title="Claims",
            note=_CLAIMS_NOTE,
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
                "Limit",
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
        _subject(check.subject),
        _subject(check.reference) if check.reference else "",
        _value(check),
        _asked(check),
        _OUTCOMES.get(check.outcome, "cannot tell"),
        str(check.value.blocks),
    )


def _subject(one: Subject) -> str:
    if one.page is None:
        return visible(f"{one.scenario} at {one.level:g} on {one.arm}")
    meanwhile = f"{units.count(one.level, 'user')} meanwhile" if one.level else "idle"
    return visible(f"page {one.page}, {one.load}, {meanwhile} on {one.arm}")


def _value(check: CheckResult) -> str:
    value = check.value
    if value.point is None or value.interval is None:
        return NOT_KNOWN
    middle, low, high = (_show(one, check) for one in (value.point, *value.interval))
    return f"{middle} [{low}, {high}]"


def _asked(check: CheckResult) -> str:
    if check.at_least is not None:
        return f"at least {_show(check.at_least, check)}"
    return NOT_KNOWN if check.at_most is None else f"at most {_show(check.at_most, check)}"


def _show(value: float, check: CheckResult) -> str:
    if check.reference is not None:
        return units.ratio(value)
    return units.duration(value) if check.metric == "lcp" else METRICS[check.metric].show(value)


_GATES_NOTE = (
    "The whole interval decides: wholly on the right side of its limits a gate is kept, wholly on the wrong"
    " side of one it is broken."
)


def gate_tables(results: Results) -> tuple[TextTable, ...]:
    """The gates and their outcomes."""
    if not results.gates:
        return ()
    rows = tuple(_gate(results, gate) for gate in results.gates)
    header = ("Gate", "Must be", "Ratio", "95% interval", "Outcome", "Reason")
    return (TextTable(title=f"Gates: {gates_text(results)}", note=_GATES_NOTE, header=header, rows=rows),)


def gates_text(results: Results) -> str:
    """How many gates passed, in a clause."""
    missed = sum(not gate.passed for gate in results.gates)
    return f"{missed} of {len(results.gates)} not passed" if missed else f"{len(results.gates)} passed"


def _gate(results: Results, gate: GateResult) -> tuple[str, ...]:
    check, scenario = gate.check, gate.check.subject.scenario or ""
    place = f"{visible(scenario)}, {level_text(results, scenario, check.subject.level)}"
    over = " / baseline" if check.relative else ""
    other = over if check.against is None else f"{over} against {visible(check.against)}"
    meaning = "; the plan lets it pass" if gate.passed else "; so it does not pass"
    if check.outcome in ("kept", "broken"):
        meaning = ""
    metric = check.metric if check.metric == "lcp" else METRICS[check.metric].label
    return (
        f"{metric} of {visible(check.subject.arm)}{other} ({place})",
        _limits(check),
        known(check.value.point, units.ratio),
        interval(check.value),
        check.outcome,
        visible(check.reason) + meaning,
    )


def _limits(check: CheckResult) -> str:
    limits = (("at least", check.at_least), ("at most", check.at_most))
    return ", ".join(f"{what} {exact(limit)}x" for what, limit in limits if limit is not None)
