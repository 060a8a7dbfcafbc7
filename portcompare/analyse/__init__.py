"""Analysis: from what was measured to the results of a run. Pure: no files, processes, clocks or network."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from portcompare.analyse import conclusions, validity
from portcompare.analyse.advice import find_advice
from portcompare.analyse.answer import find_answer
from portcompare.analyse.checks import judge_claims, judge_gates
from portcompare.analyse.comparisons import compare
from portcompare.analyse.pages import find_pages
from portcompare.analyse.rounds import find_limits, order_rounds
from portcompare.analyse.summaries import find_spectra, rank, summarise
from portcompare.analyse.sweeps import find_grids, find_knees, find_plan_capacities
from portcompare.analyse.work import compare_work, work_comparisons
from portcompare.masking import mask_plan
from portcompare.plan import Plan
from portcompare.records.manifest import Manifest
from portcompare.records.pages import PageVisit
from portcompare.records.parity import Parity
from portcompare.records.results import SCHEMA_VERSION, Results
from portcompare.records.rounds import Round, WorkerChange
from portcompare.records.sweeps import Sweeps
from portcompare.records.work import Work
from portcompare.stats.bounds import find_bound


@dataclass(kw_only=True)
class Measured:
    """A run in the making: what was measured of a plan so far."""

    plan: Plan
    manifest: Manifest
    started_at: datetime
    rounds: list[Round] = field(default_factory=list)  # Each was judged when it was recorded
    # The latencies of each round by its block and its place in that, encoded, in microseconds
    histograms: dict[tuple[int, int], str] = field(default_factory=dict)
    visits: list[PageVisit] = field(default_factory=list)  # Judged as well
    parity: Parity | None = None  # None before the first check
    work: Work | None = None  # None where nothing was counted
    ended_searches: set[tuple[int, str, str]] = field(default_factory=set)  # By block, scenario and arm
    # Load workers that were lost, joined or refused
    workers: list[WorkerChange] = field(default_factory=list)
    warnings: dict[str, None] = field(default_factory=dict)  # Each once, in the order in which they came
    stop_reason: str = ""  # Why no more was measured; empty until it is known
    resumed_at: tuple[str, ...] = ()  # As in the results
    browser: str = ""  # Name and version of what loads the pages; empty as long as none was loaded
    # The finished runs that gates compare with, by the names that the plan gives them
    stored: Mapping[str, Results] = field(default_factory=dict)


def analyse(measured: Measured, *, duration_s: float, partial: bool) -> Results:
    """Analyse what was measured in `duration_s` until now; `partial`: whether it has not come to its end."""
    plan, manifest, rounds, parity = measured.plan, measured.manifest, measured.rounds, measured.parity
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
    closed = [name for name, one in plan.scenarios.items() if one.load.model == "closed"]
    summaries = rank(summaries, closed, margins["throughput"])
    work = measured.work and compare_work(measured.work, plan.baseline, margins["instructions"])
    capacities = find_plan_capacities(plan, rounds, measured.ended_searches)
    pages = find_pages(plan, manifest, measured.visits, measured.browser)
    is_alike = parity is not None and parity.verdict == "alike"
    wrong = conclusions.find_wrong_under_load(
        rounds, measured.visits, plan.level_text, searched, is_alike=is_alike
    )
    invalid_reasons = (
        *(["responses under load were wrong"] if wrong else []),
        *validity.find_invalid_reasons(
            rounds, comparisons, margins, parity, plan.level_text, searched=searched
        ),
        *validity.find_unlike_controls(capacities, margins["throughput"]),
    )
    unlike = "; ".join(manifest.differences)
    results = Results(
        schema_version=SCHEMA_VERSION,
        name=plan.name,
        started_at=measured.started_at.isoformat(timespec="seconds"),
        resumed_at=measured.resumed_at,
        duration_s=duration_s,
        measured_s=sum((one.load.window_s for one in rounds), 0.0),
        partial=partial,
        valid=not invalid_reasons,
        invalid_reasons=invalid_reasons,
        stop_reason=measured.stop_reason,
        warnings=(
            *validity.find_warnings(fixed, comparisons, margins, plan.level_text),
            *([f"not alike besides app and server: {unlike}"] if unlike else []),
            *validity.find_unknowns(manifest),
            *validity.describe_workers(measured.workers, rounds, measured.visits),
            *measured.warnings,
            *(parity.warnings if parity is not None else ()),
        ),
        headline=wrong or find_answer(plan, comparisons, capacities, invalid_reasons),
        evidence=(
            conclusions.find_capacity_evidence(capacities, margins["throughput"], invalid_reasons)
            if searched
            else conclusions.find_evidence(comparisons, margins, plan.level_text, invalid_reasons)
        ),
        plan=mask_plan(plan.as_json()),
        manifest=manifest,
        parity=parity,
        rounds=tuple(rounds),
        workers=tuple(measured.workers),
        comparisons=(*comparisons, *work_comparisons(work)),
        summaries=summaries,
        conclusions=(
            *conclusions.conclude(comparisons, summaries, plan.level_text),
            *conclusions.conclude_capacities(capacities, plan.baseline),
            *conclusions.conclude_pages(pages),
        ),
        sweeps=Sweeps(knees=find_knees(ordered), capacities=capacities, break_even=find_grids(plan, rounds)),
        spectra=find_spectra(summaries, rounds, measured.histograms),
        pages=pages,
        claims=judge_claims(
            plan.claims, rounds, measured.visits, is_reliable=not (partial or invalid_reasons)
        ),
        work=work,
    )
    gates = judge_gates(plan, results, measured.stored)
    return replace(results, gates=gates, advice=find_advice(plan, results))
