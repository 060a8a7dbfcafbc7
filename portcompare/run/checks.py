"""The stored runs that a plan's gates compare with: read before anything is measured in vain."""

from collections.abc import Iterator

from portcompare.analyse.checks import levels_of
from portcompare.errors import InputError, Problem
from portcompare.plan import Gate, Plan
from portcompare.records.results import RESULTS_FILE, Results
from portcompare.records.rounds import BASELINE, CONTROL
from portcompare.report.formats.results_file import read_results


def read_stored_runs(plan: Plan, problems: list[Problem]) -> dict[str, Results]:
    """Read the runs that gates compare with; what is wrong with them is added to the problems."""
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
            remedy = "name another run, or measure it again"
            unfit = _why_unfit(plan, gate, stored[gate.against])
            problems += [Problem(where=where, found=found, remedy=remedy) for found in unfit]
    return stored


def _why_unfit(plan: Plan, gate: Gate, run: Results) -> Iterator[str]:
    """What keeps a stored run from being compared with."""
    if run.partial:
        yield "that run is partial"
    if not run.valid:
        yield f"that run is not valid: {'; '.join(run.invalid_reasons)}"
    baseline = next((one.deployment for one in run.rounds if one.arm == BASELINE), None)
    if gate.relative and baseline != plan.baseline:
        yield f"the baseline of that run is {baseline!r}, not {plan.baseline!r}"
    measured = {
        (one.scenario, one.level)
        for one in run.rounds
        if one.deployment == gate.candidate and one.arm != CONTROL
    }
    for level in levels_of(plan, gate):
        if (gate.scenario, level) not in measured:
            place = f"{gate.scenario}, {plan.level_text(gate.scenario, level)}"
            yield f"that run did not measure {gate.candidate} ({place})"
