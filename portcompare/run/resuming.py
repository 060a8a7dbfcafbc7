"""Whether a run that was interrupted or broke off can go on."""

import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

from portcompare.analyse.diff import compare_conditions, find_altered, flatten
from portcompare.errors import Problem, refuse
from portcompare.masking import mask_plan
from portcompare.plan import Plan
from portcompare.records.estimates import Altered
from portcompare.records.manifest import Manifest
from portcompare.records.results import RESULTS_FILE
from portcompare.report.formats.results_file import read_results
from portcompare.run.recording import Recording, recall_run
from portcompare.units import duration

_MOST_SHOWN = 5


def read_resumable(folder: Path) -> Recording:
    """Read what an interrupted run has measured; raises InputError if it cannot be resumed."""
    if not (folder / RESULTS_FILE).exists():
        remedy = "name the folder of a run that was interrupted or broke off"
        raise refuse(f"--resume {folder}", f"there is no {RESULTS_FILE} in it", remedy)
    if not read_results(folder / RESULTS_FILE).partial:
        remedy = (
            f"portcompare report {shlex.quote(str(folder))} shows it; without --resume it is measured afresh"
        )
        raise refuse(f"--resume {folder}", "the run has come to its end: there is nothing to resume", remedy)
    return recall_run(folder)


def find_plan_changes(earlier: Recording, plan: Plan, generators: int) -> Iterator[Problem]:
    """Find what keeps a plan from completing a run; its budget may be another."""
    old, new = (
        {"load-generator processes": str(earlier.generators)},
        {"load-generator processes": str(generators)},
    )
    old |= dict(flatten(mask_plan(earlier.plan.as_json())))
    new |= dict(flatten(mask_plan(plan.as_json())))
    old["rounds.budget_s"] = new["rounds.budget_s"]
    remedy = "restore the plan, and give the options that the run was begun with; or measure afresh"
    yield from _describe(earlier, "the plan is not that of the run", find_altered(old, new), remedy)
    if plan.rounds.budget_s <= earlier.spent_s:
        spent, budget = duration(earlier.spent_s), duration(plan.rounds.budget_s)
        found = f"{spent} are spent already, and the budget is {budget}"
        yield Problem(where=f"--resume {earlier.folder}", found=found, remedy="give more by --budget")


def find_condition_changes(earlier: Recording, manifest: Manifest) -> Iterator[Problem]:
    """Find what keeps a machine and its programs from completing a run."""
    machine, others = compare_conditions(earlier.manifest, manifest)
    remedy = "restore that, or measure afresh: figures of unlike conditions cannot be compared"
    yield from _describe(earlier, "the conditions are not those of the run", (*machine, *others), remedy)


def _describe(earlier: Recording, what: str, altered: Iterable[Altered], remedy: str) -> Iterator[Problem]:
    changes = [f"{one.what} was {one.old} and is {one.new}" for one in altered]
    if changes:
        shown = "; ".join(changes[:_MOST_SHOWN])
        more = f"; and {len(changes) - _MOST_SHOWN} more" if len(changes) > _MOST_SHOWN else ""
        yield Problem(where=f"--resume {earlier.folder}", found=f"{what}: {shown}{more}", remedy=remedy)
