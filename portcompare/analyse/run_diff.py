"""Two finished runs as one record: what both asked alike is compared, and what was not the same is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from portcompare.analyse.changes import find_own_changes, find_relative_changes
from portcompare.analyse.conditions import compare_conditions, find_altered, flatten
from portcompare.analyse.diff_headline import find_diff_headline
from portcompare.changes import DIFF_SCHEMA_VERSION, RunDiff, RunFacts
from portcompare.model import BASELINE, Results

if TYPE_CHECKING:
    from collections.abc import Collection

    from portcompare.model import Metric, Round
    from portcompare.units import LevelText

_NOT_THE_QUESTION = ("seconds", "load.users", "load.rates")
"""Keys of a scenario that say how long and how much is asked, and not what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A finished run.

    Attributes:
        folder: Where it was read from.
        results: The run.
    """

    folder: str
    results: Results


def diff_runs(old: Run, new: Run, margins: Mapping[Metric, float], level_text: LevelText) -> RunDiff:
    """Compare two finished runs.

    Args:
        old: The earlier one.
        new: The later one.
        margins: The equivalence margin of each metric, the later run's.
        level_text: Words a scenario's level, with its unit.

    Returns:
        The comparison; without any change where the runs have no scenario, level and deployment in common.
    """
    machines, conditions = compare_conditions(old.results.manifest, new.results.manifest)
    left_out = find_unlike_scenarios(old.results, new.results)
    then, now = (_ordered(run.results, left_out) for run in (old, new))
    changes = find_own_changes(then, now, margins)
    relative = find_relative_changes(then, now, margins)
    valid = old.results.valid and new.results.valid
    return RunDiff(
        schema_version=DIFF_SCHEMA_VERSION,
        old=_facts(old),
        new=_facts(new),
        headline=find_diff_headline(changes, relative, margins, level_text, valid=valid),
        machines=machines,
        conditions=conditions,
        plans=find_altered(dict(flatten(old.results.plan)), dict(flatten(new.results.plan))),
        not_compared=tuple(f"{name}: {why}" for name, why in left_out.items()),
        changes=changes,
        relative_changes=relative,
    )


def find_unlike_scenarios(old: Results, new: Results) -> dict[str, str]:
    """The scenarios of both runs that do not ask the same, or whose figures are not comparable.

    Args:
        old: The earlier run.
        new: The later one.

    Returns:
        Why each of them cannot be compared, by its name.
    """
    then, now = (_scenarios(run) for run in (old, new))
    found = {}
    for name in now:
        if name not in then:
            continue
        if any(key.startswith("load.objective.") for key in then[name] | now[name]):
            found[name] = "its rate is searched, and the reports tell what was found"
            continue
        altered = find_altered(then[name], now[name])
        if altered:
            what = "; ".join(f"{one.what} was {one.old} and is {one.new}" for one in altered)
            found[name] = f"it does not ask the same: {what}"
    return found


def _scenarios(run: Results) -> dict[str, dict[str, str]]:
    scenarios: Any = run.plan.get("scenarios")
    if not isinstance(scenarios, Mapping):
        return {}
    return {
        name: {key: value for key, value in flatten(scenario) if key not in _NOT_THE_QUESTION}
        for name, scenario in scenarios.items()
    }


def _ordered(run: Results, left_out: Collection[str]) -> list[Round]:
    """The rounds at given levels, as a reader expects them."""
    order = {(one.scenario, one.level, one.arm): place for place, one in enumerate(run.summaries)}
    kept = [
        one
        for one in run.rounds
        if (one.scenario, one.level, one.arm) in order and one.scenario not in left_out
    ]
    return sorted(kept, key=lambda one: order[one.scenario, one.level, one.arm])


def _facts(run: Run) -> RunFacts:
    results = run.results
    baseline = next((one.deployment for one in results.summaries if one.arm == BASELINE), "")
    return RunFacts(
        folder=run.folder,
        name=results.name,
        started_at=results.started_at,
        baseline=baseline or str(results.plan.get("baseline", "")),
        partial=results.partial,
        valid=results.valid,
        invalid_reasons=results.invalid_reasons,
    )
