"""What a run comes to: conclusions, verdicts at a glance, notices, and the outcomes of gates and claims."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from portcompare import units
from portcompare.analyse.comparisons import find_undecided
from portcompare.records.metrics import METRICS
from portcompare.records.results import CheckResult, GateResult, Results, Subject
from portcompare.report.sections import screen
from portcompare.report.sections.responses import fault_texts, summary_text
from portcompare.report.wording import (
    NOT_KNOWN,
    TextTable,
    describe_steadiness,
    exact,
    interval,
    known,
    level_text,
    plan_value,
    shortened,
    visible,
)

_LONGEST_NOTICE = 110  # One line of a page; the whole text is folded below it

FEW_BLOCKS = 5
"""Levels of fewer blocks are called out, unless they are known well enough to be done early: one side wins
all of four blocks by chance alone with a probability of 2 / 2**4 = 12%.

References:
    The sign test, https://en.wikipedia.org/wiki/Sign_test
"""


def build(results: Results) -> dict[str, Any]:
    """What the section on the conclusions shows."""
    steadiness = results.manifest.steadiness
    by_scenario: dict[str, list[str]] = {}
    for one in results.conclusions:
        by_scenario.setdefault(visible(one.scenario), []).append(visible(one.text))
    return {
        "groups": screen.find_groups(results),
        "sweeps": list(screen.sweep_lines(results)),
        "conclusions": by_scenario,
        "parity": screen.parity_line(results.parity),
        "expectation": steadiness and describe_steadiness(steadiness),
        "notices": [
            (notice, shortened(notice.text, _LONGEST_NOTICE))
            for notice in find_notices(results)
            if not notice.grave
        ],
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing to know before reading on."""

    grave: bool  # True if the figures must not be relied on as they stand
    label: str  # What kind of thing, in capitals
    text: str  # The thing


def find_notices(results: Results) -> tuple[Notice, ...]:
    """Everything that belongs at the top of a report, the gravest first."""
    grave: dict[str, str] = {}
    faults = results.parity.faults if results.parity is not None else ()
    if faults:
        grave["FAULT OF THE PLAN"] = "; ".join(fault_texts(each)[0] for each in faults)
    if not results.valid:
        grave["NOT VALID"] = visible("; ".join(results.invalid_reasons)) or "no reason was recorded"
    if results.partial:
        grave["PARTIAL"] = "the run was interrupted or broke off; this is what was measured until then"
    if results.parity is None:
        grave["RESPONSES NOT COMPARED"] = "nothing proves that the deployments respond alike"
    elif not results.parity.equal:
        text = f"{summary_text(results.parity)}; a comparison of speed means little"
        grave["RESPONSES DIFFER"] = text
    if not all(gate.passed for gate in results.gates):
        grave["GATES"] = gates_text(results)
    notices = [Notice(grave=True, label=label, text=text) for label, text in grave.items()]
    compared = [one for one in results.comparisons if one.ratio.point is not None]
    few = [one for one in compared if one.ratio.blocks < FEW_BLOCKS]
    rough = find_undecided(few, plan_value(results, "rounds", "precision") or 0.0, is_early=True)
    if rough:
        where = units.count(len(rough), "level")
        text = f"rough intervals at {where}: fewer than {FEW_BLOCKS} starts of the servers"
        notices.append(Notice(grave=False, label="FEW ROUNDS", text=text))
    warnings = [Notice(grave=False, label="WARNING", text=visible(warning)) for warning in results.warnings]
    return (*notices, *warnings)


_OUTCOMES = {"kept": "yes", "broken": "no"}
_CLAIMS_NOTE = (
    "A check is one comparison: a value divided by another, paired by block, or a value alone. It says yes"
    " if its whole 95% interval keeps the limit, no if the whole interval breaks it. A claim is true if all"
    " its checks say yes, false if all say no; it depends where some say yes and some no."
)


def claim_tables(results: Results) -> tuple[TextTable, ...]:
    """The tables of the claims."""
    if not results.claims:
        return ()
    where, found = ("Claim", "Where", "Metric", "Of", "Divided by"), ("Found, 95% interval", "Limit", "So")
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
            header=(*where, *found, "Blocks"),
            rows=tuple(
                (
                    visible(one.name),
                    visible(check.name),
                    check.metric,
                    _subject(check.subject),
                    _subject(check.reference) if check.reference else "",
                    *_value_and_limit(check),
                    _OUTCOMES.get(check.outcome, "cannot tell"),
                    str(check.value.blocks),
                )
                for one in results.claims
                for check in one.checks
            ),
        ),
    )


def _subject(one: Subject) -> str:
    if one.page is None:
        return visible(f"{one.scenario} at {one.level:g} on {one.arm}")
    meanwhile = f"{units.count(one.level, 'user')} meanwhile" if one.level else "idle"
    return visible(f"page {one.page}, {one.load}, {meanwhile} on {one.arm}")


def _value_and_limit(check: CheckResult) -> tuple[str, str]:
    show = units.duration if check.metric == "lcp" else METRICS[check.metric].show
    if check.reference is not None:
        show = units.ratio
    found, limit = check.value, _limits(check, show)
    if found.point is None or found.interval is None:
        return NOT_KNOWN, limit
    low, high = map(show, found.interval)
    return f"{show(found.point)} [{low}, {high}]", limit


def _limits(check: CheckResult, show: Callable[[float], str]) -> str:
    limits = (("at least", check.at_least), ("at most", check.at_most))
    return ", ".join(f"{what} {show(limit)}" for what, limit in limits if limit is not None)


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
    metric = check.metric if check.metric == "lcp" else METRICS[check.metric].label
    over = " / baseline" if check.relative else ""
    against = "" if check.against is None else f" against {visible(check.against)}"
    place = f"{visible(scenario)}, {level_text(results, scenario, check.subject.level)}"
    meaning = "; the plan lets it pass" if gate.passed else "; so it does not pass"
    return (
        f"{metric} of {visible(check.subject.arm)}{over}{against} ({place})",
        _limits(check, lambda limit: f"{exact(limit)}x"),
        known(check.value.point, units.ratio),
        interval(check.value),
        check.outcome,
        visible(check.reason) + ("" if check.outcome in _OUTCOMES else meaning),
    )
