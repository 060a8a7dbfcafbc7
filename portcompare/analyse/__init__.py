"""Analysis: from what was measured to the results of a run. Pure: no files, processes, clocks or network."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from portcompare.analyse import conclusions, validity
from portcompare.analyse.break_even import find_grids
from portcompare.analyse.capacity import find_knees, find_plan_capacities
from portcompare.analyse.checks import judge_claims, judge_gates
from portcompare.analyse.comparisons import compare
from portcompare.analyse.pages import find_pages
from portcompare.analyse.rounds import find_limits, order_rounds
from portcompare.analyse.summaries import find_spectra, summarise
from portcompare.masking import mask_plan
from portcompare.plan import Plan
from portcompare.records.manifest import Manifest
from portcompare.records.pages import PageVisit
from portcompare.records.parity import Parity
from portcompare.records.results import SCHEMA_VERSION, Results
from portcompare.records.rounds import Round
from portcompare.records.sweeps import Sweeps
from portcompare.stats.bounds import find_bound


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """What is known of a run besides what was measured."""

    started_at: str  # ISO 8601, UTC
    duration_s: float  # How long it has taken until now
    partial: bool = True  # Whether it has not come to its end
    stop_reason: str = ""  # Why no more was measured; empty until it is known
    warnings: Collection[str] = ()  # What a careful reader should know
    browser: str = ""  # Name and version of what loaded the pages; empty if none was loaded
    ended_searches: Collection[tuple[int, str, str]] = ()  # By block, scenario and arm
    # The latencies of each round by its block and its place in that, encoded, in microseconds
    histograms: Mapping[tuple[int, int], str] = field(default_factory=dict)
    # The finished runs that gates compare with, by the names that the plan gives them
    stored: Mapping[str, Results] = field(default_factory=dict)


def analyse(
    plan: Plan,
    manifest: Manifest,
    rounds: Sequence[Round],
    visits: Sequence[PageVisit],
    parity: Parity | None,
    *,
    state: RunState,
) -> Results:
    """Analyse what was measured of a plan.

    `rounds`, `visits`: as they were judged when they were recorded.
    `parity`: whether the responses are alike; None if that was not checked.
    """
    margins, searched = plan.rounds.margins, plan.searches.keys()
    ordered = order_rounds(plan, rounds)
    fixed = [one for one in rounds if one.scenario not in searched]
    comparisons = compare(ordered, margins)
    summaries = summarise(
        ordered,
        comparisons,
        lambda one, cpu_s: find_bound(cpu_s, find_limits(plan, manifest, one)),
        plan.cost.per_core_hour if plan.cost else None,
    )
    capacities = find_plan_capacities(plan, rounds, state.ended_searches)
    pages = find_pages(plan, manifest, visits, state.browser)
    invalid_reasons = (
        *validity.find_invalid_reasons(
            rounds, comparisons, margins, parity, plan.level_text, searched=searched
        ),
        *validity.find_unlike_controls(capacities, margins["throughput"]),
    )
    unlike = "; ".join(manifest.differences)
    results = Results(
        schema_version=SCHEMA_VERSION,
        name=plan.name,
        started_at=state.started_at,
        duration_s=state.duration_s,
        measured_s=sum((one.load.window_s for one in rounds), 0.0),
        partial=state.partial,
        valid=not invalid_reasons,
        invalid_reasons=invalid_reasons,
        stop_reason=state.stop_reason,
        warnings=(
            *validity.find_warnings(fixed, comparisons, margins, plan.level_text),
            *([f"not alike besides app and server: {unlike}"] if unlike else []),
            *validity.find_unknowns(manifest),
            *state.warnings,
            *(parity.warnings if parity is not None else ()),
        ),
        headline=(
            conclusions.find_capacity_headline(capacities, margins["throughput"], invalid_reasons)
            if searched
            else conclusions.find_headline(comparisons, margins, plan.level_text, invalid_reasons)
        ),
        plan=mask_plan(plan.as_json()),
        manifest=manifest,
        parity=parity,
        rounds=tuple(rounds),
        comparisons=comparisons,
        summaries=summaries,
        conclusions=(
            *conclusions.conclude(comparisons, summaries, plan.level_text),
            *conclusions.conclude_capacities(capacities, plan.baseline),
            *conclusions.conclude_pages(pages),
        ),
        sweeps=Sweeps(knees=find_knees(ordered), capacities=capacities, break_even=find_grids(plan, rounds)),
        spectra=find_spectra(summaries, rounds, state.histograms),
        pages=pages,
        claims=judge_claims(plan.claims, rounds, visits, is_reliable=not (state.partial or invalid_reasons)),
    )
    return replace(results, gates=judge_gates(plan, results, state.stored))
