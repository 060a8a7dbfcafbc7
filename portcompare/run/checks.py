"""A plan's gates, and the stored runs that they compare with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcompare.analyse import Run, diff_runs, find_unlike_scenarios, judge_gate
from portcompare.errors import InputError, Problem
from portcompare.records.rounds import BASELINE, CONTROL
from portcompare.report import RESULTS_FILE, read_results

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from portcompare.plan import Gate, Plan
    from portcompare.records.changes import RunDiff
    from portcompare.records.checks import GateResult
    from portcompare.records.results import Results


def read_stored_runs(plan: Plan, problems: list[Problem]) -> dict[str, Results]:
    """Read the runs that gates compare with, before anything is measured in vain."""
    stored: dict[str, Results] = {}
    for place, gate in enumerate(plan.gates):
        if gate.against is None:
            continue
        where = plan.where("gates", str(place), "against")
        try:
            if gate.against not in stored:
                stored[gate.against] = read_results(plan.path.parent / gate.against / RESULTS_FILE)
        except InputError as error:
            found = "; ".join(f"{one.where}: {one.found}" for one in error.problems)
            problems.append(Problem(where=where, found=found, remedy="name the folder of a finished run"))
        else:
            problems += _unfit(plan, where, gate, stored[gate.against])
    return stored


def judge_gates(plan: Plan, results: Results, stored: Mapping[str, Results]) -> tuple[GateResult, ...]:
    """Decide a plan's gates."""
    unreliable = None
    if results.partial:
        unreliable = "the run is partial"
    elif not results.valid:
        unreliable = "the run is not valid"
    diffs = {} if unreliable else {name: _diff(plan, results, name, run) for name, run in stored.items()}
    found = []
    for gate in plan.gates:
        why_not = unreliable
        if gate.against is not None and gate.against in diffs:
            diff = diffs[gate.against]
            changes = diff.relative_changes if gate.relative else diff.changes
            compared = {(one.scenario, one.level, one.metric, one.deployment): one.ratio for one in changes}
            why_not = _why_not(diff, results, stored[gate.against], gate)
        elif gate.against is None:
            compared = {
                (one.scenario, one.level, one.metric, one.candidate): one.ratio for one in results.comparisons
            }
        else:
            compared = {}
        found += [judge_gate(gate, level, compared, why_not) for level in _levels(plan, gate)]
    return tuple(found)


def _diff(plan: Plan, results: Results, name: str, stored: Results) -> RunDiff:
    old, new = Run(folder=name, results=stored), Run(folder=str(plan.path), results=results)
    return diff_runs(old, new, plan.rounds.margins, plan.level_text)


def _levels(plan: Plan, gate: Gate) -> Iterator[float]:
    levels = plan.scenarios[gate.scenario].load.levels if gate.level is None else (gate.level,)
    return map(float, levels)


def _why_not(diff: RunDiff, results: Results, stored: Results, gate: Gate) -> str | None:
    """Why a stored run cannot be compared with; None if it can."""
    if diff.machines:
        what = "; ".join(f"{one.what} was {one.old} and is {one.new}" for one in diff.machines)
        return f"the stored run was made on another machine: {what}"
    return find_unlike_scenarios(stored, results).get(gate.scenario)


def _unfit(plan: Plan, where: str, gate: Gate, run: Results) -> Iterator[Problem]:
    """What keeps a stored run from being compared with."""
    another = "name another run, or measure it again"
    if run.partial:
        yield Problem(where=where, found="that run is partial", remedy=another)
    if not run.valid:
        reasons = "; ".join(run.invalid_reasons)
        yield Problem(where=where, found=f"that run is not valid: {reasons}", remedy=another)
    baseline = next((one.deployment for one in run.rounds if one.arm == BASELINE), None)
    if gate.relative and baseline != plan.baseline:
        found = f"the baseline of that run is {baseline!r}, not {plan.baseline!r}"
        yield Problem(where=where, found=found, remedy=another)
    measured = {
        (one.scenario, one.level)
        for one in run.rounds
        if one.deployment == gate.candidate and one.arm != CONTROL
    }
    for level in _levels(plan, gate):
        if (gate.scenario, level) not in measured:
            place = f"{gate.scenario}, {plan.level_text(gate.scenario, level)}"
            found = f"that run did not measure {gate.candidate} ({place})"
            yield Problem(where=where, found=found, remedy=another)
