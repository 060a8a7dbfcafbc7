"""Two finished runs as one record: what both measured is compared, and what was not the same is listed."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import product
from statistics import median
from typing import Any

from portcompare.analyse import conclusions
from portcompare.analyse.comparisons import (
    BlockValue,
    judge_ratio,
    pair_blocks,
    rounds_by_block,
    too_few_requests,
)
from portcompare.analyse.work import work_changes
from portcompare.records.estimates import DIFF_SCHEMA_VERSION, Altered, Change, Estimate, RunDiff, RunFacts
from portcompare.records.manifest import Manifest
from portcompare.records.metrics import HEADLINE_METRICS, MetricName, round_metrics
from portcompare.records.results import Results
from portcompare.records.rounds import BASELINE, CONTROL, Round
from portcompare.records.work import Work
from portcompare.stats.intervals import LEAST_BLOCKS, chance_beyond, reject, unpaired_ratio
from portcompare.units import LevelText, count

Margins = Mapping[MetricName, float]
Place = tuple[str, float, str]  # A scenario, a level, and who was measured there: a deployment, or "control"

Places = Mapping[Place, list[Round]]
Values = list[BlockValue]  # Of each block that has one

NONE = "none"

_MACHINE = ("cpu_model", "cpu_count", "memory_bytes")  # The keys of a manifest that identify a machine

_MEMORY_SHARE = 0.05
"""A kernel takes a little more or less of a machine's memory for itself after each update."""

_NOT_THE_QUESTION = ("seconds", "load.users", "load.rates")
"""Keys of a scenario that say how long and how much is measured, and not what."""

_NOT_FREED = (
    "The runs have not the same baseline, so nothing here is freed of what the machine did between them."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A finished run."""

    folder: str  # Where it was read from
    results: Results  # The run


def diff_runs(old: Run, new: Run, margins: Margins, level_text: LevelText) -> RunDiff:
    """Compare two finished runs."""
    machines, conditions = compare_conditions(old.results.manifest, new.results.manifest)
    left_out = find_unlike_scenarios(old.results, new.results)
    then, now = (_by_place(run.results, left_out) for run in (old, new))
    before, after = _facts(old), _facts(new)
    works = _work(old.results, left_out), _work(new.results, left_out)
    counted = partial(work_changes, works[0], works[1], margins["instructions"])
    changes = (*_changes(then, now, _own_values, margins), *counted())
    relative: tuple[Change, ...] = ()
    if before.baseline == after.baseline:
        ratios = partial(_ratios, baseline=after.baseline)
        found = _changes(then, now, ratios, margins)
        relative = tuple(one for one in found if one.deployment != after.baseline)
        relative += tuple(counted(baseline=after.baseline))
    return RunDiff(
        schema_version=DIFF_SCHEMA_VERSION,
        old=before,
        new=after,
        headline=find_diff_headline(
            changes, relative, margins, level_text, valid=before.valid and after.valid
        ),
        machines=machines,
        conditions=conditions,
        plans=find_altered(dict(flatten(old.results.plan)), dict(flatten(new.results.plan))),
        not_compared=tuple(f"{name}: {why}" for name, why in left_out.items()),
        changes=changes,
        relative_changes=relative,
    )


def _work(run: Results, left_out: Collection[str]) -> Work | None:
    """What was counted of scenarios that are compared."""
    if run.work is None:
        return None
    return replace(run.work, counts=tuple(one for one in run.work.counts if one.scenario not in left_out))


def _by_place(run: Results, left_out: Collection[str]) -> dict[Place, list[Round]]:
    """The rounds at given levels, as a reader expects them."""
    measured = {
        (one.scenario, one.level, one.arm): CONTROL if one.arm == CONTROL else one.deployment
        for one in run.summaries
        if one.scenario not in left_out
    }
    places: dict[Place, list[Round]] = {(*key[:2], who): [] for key, who in measured.items()}
    for one in run.rounds:
        key = (one.scenario, one.level, one.arm)
        if key in measured:
            places[(*key[:2], measured[key])].append(one)
    return places


def _own_values(places: Places, place: Place, metric: MetricName) -> Values:
    return list(rounds_by_block(metric, places[place]).values())


def _ratios(places: Places, place: Place, metric: MetricName, baseline: str) -> Values:
    """The ratios to the baseline, paired by block: what the machine did in either run cancels."""
    scenario, level, who = place
    arms = {
        arm: places.get((scenario, level, one), []) for arm, one in ((BASELINE, baseline), (CONTROL, CONTROL))
    }
    return list(pair_blocks(metric, arms | {who: places[place]}, who).values())


def _changes(
    then: Places, now: Places, values_of: Callable[[Places, Place, MetricName], Values], margins: Margins
) -> Iterator[Change]:
    """Compare each place with itself in every metric, wherever both runs measured it."""
    for place, metric in product(now, round_metrics()):
        if place not in then:
            continue
        old, new = values_of(then, place, metric), values_of(now, place, metric)
        ratio, degrees = _too_few(metric, old, new), None
        if ratio is None:
            found, degrees = unpaired_ratio([value for value, _ in old], [value for value, _ in new])
            ratio = judge_ratio(metric, found, margins[metric])
        scenario, level, deployment = place
        yield Change(
            scenario=scenario,
            level=level,
            metric=metric,
            deployment=deployment,
            old_blocks=len(old),
            new_blocks=len(new),
            degrees_of_freedom=degrees,
            ratio=replace(ratio, blocks=min(len(old), len(new))),
        )


def _too_few(metric: MetricName, old: Values, new: Values) -> Estimate | None:
    """Why the values cannot carry a verdict; None if they can."""
    for run, values in (("old", old), ("new", new)):
        if len(values) < LEAST_BLOCKS:
            found = f"{count(len(values), 'block')} of the {run} run with a value that counts"
            return Estimate(verdict="invalid", reason=f"{found}; an interval needs {LEAST_BLOCKS}")
    return too_few_requests(metric, min(median(requests for _, requests in values) for values in (old, new)))


def find_diff_headline(
    changes: Sequence[Change],
    relative_changes: Sequence[Change],
    margins: Margins,
    level_text: LevelText,
    *,
    valid: bool,
) -> str:
    """Say first what can be relied on."""
    if not valid:
        return "Not both runs are valid: what is compared here cannot be relied on."
    own = _describe(f"of {conclusions.HEADLINE_SUBJECT}, new with old", changes, margins, level_text)
    if not relative_changes:
        return f"{own} {_NOT_FREED}"
    freed = "of their ratios to the baseline, freed of what the machine did"
    relative = _describe(freed, relative_changes, margins, level_text)
    control = [
        one for one in relative_changes if one.deployment == CONTROL and one.metric in HEADLINE_METRICS
    ]
    shown = conclusions.describe_control([one.ratio.verdict for one in control], "be the same")
    return f"{own} {relative} {shown}".rstrip()


def _describe(what: str, changes: Sequence[Change], margins: Margins, level_text: LevelText) -> str:
    compared = [one for one in changes if one.metric in HEADLINE_METRICS and one.deployment != CONTROL]
    family = [one for one in compared if one.ratio.point is not None]
    if not family:
        return f"Nothing {what} can be compared."
    chances = [chance_beyond(one.ratio, one.degrees_of_freedom or 1.0, margins[one.metric]) for one in family]
    holding = reject(family, chances)
    differences = conclusions.describe_differences([(one.deployment, one) for one in holding], level_text)
    made = f"{count(len(family), 'comparison')} {what}"
    return conclusions.describe_holding(made, len(holding), differences)


def list_conditions(manifest: Manifest) -> dict[str, str]:
    """Flatten a manifest, without what was measured: the ceilings that are given follow from the plan."""
    facts = asdict(manifest)
    for served in ("deployments", "upstreams"):
        facts[served] = {one.pop("name"): one for one in facts[served]}
        for one in facts[served].values():
            del one["ceilings"]
    for left_out in ("differences", "load_average", "steadiness"):
        del facts[left_out]
    return dict(flatten(facts))


def compare_conditions(old: Manifest, new: Manifest) -> tuple[tuple[Altered, ...], tuple[Altered, ...]]:
    """What differs between two manifests: of the machines, and all else."""
    altered = find_altered(list_conditions(old), list_conditions(new))
    least, most = sorted((old.memory_bytes, new.memory_bytes))
    same = {"memory_bytes"} if most <= (1 + _MEMORY_SHARE) * least else set()
    machine = tuple(one for one in altered if one.what in _MACHINE and one.what not in same)
    return machine, tuple(one for one in altered if one.what not in _MACHINE)


def find_unlike_scenarios(old: Results, new: Results) -> dict[str, str]:
    """The scenarios of both runs that do not send the same, or whose figures are not comparable, and why."""
    then, now = (_scenarios(run) for run in (old, new))
    found = {}
    for name in now.keys() & then.keys():
        if any(key.startswith("load.objective.") for key in then[name] | now[name]):
            found[name] = "its rate is searched, and the reports show what was found"
        elif altered := find_altered(then[name], now[name]):
            what = "; ".join(f"{one.what} was {one.old} and is {one.new}" for one in altered)
            found[name] = f"it does not send the same: {what}"
    return {name: found[name] for name in now if name in found}


def _scenarios(run: Results) -> dict[str, dict[str, str]]:
    scenarios: Any = run.plan.get("scenarios")
    if not isinstance(scenarios, Mapping):
        return {}
    return {
        name: {key: value for key, value in flatten(scenario) if key not in _NOT_THE_QUESTION}
        for name, scenario in scenarios.items()
    }


def find_altered(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[Altered, ...]:
    """What is not the same in two flat tables."""
    return tuple(
        Altered(what=name, old=old.get(name, NONE), new=new.get(name, NONE))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    )


def flatten(value: Any, path: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401 - whatever a record holds
    """Name each single value of nested tables."""
    if isinstance(value, list | tuple) and any(isinstance(each, Mapping) for each in value):
        value = dict(enumerate(value))
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from flatten(each, f"{path}.{key}" if path else str(key))
    else:
        yield path, " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


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
