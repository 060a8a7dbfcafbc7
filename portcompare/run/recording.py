"""What a run has measured so far: kept as it comes, analysed when asked, written so that nothing is lost."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from portcompare.analyse import (
    GeneratorLimits,
    Limits,
    compare,
    compare_pages,
    conclude,
    conclude_capacities,
    conclude_pages,
    find_bracket,
    find_break_even,
    find_capacities,
    find_capacity_headline,
    find_headline,
    find_invalid_reasons,
    find_knees,
    find_spectra,
    find_undecided,
    find_unknowns,
    find_unlike_controls,
    find_unsure_searches,
    find_warnings,
    judge_claims,
    judge_objective,
    judge_round,
    judge_visit,
    summarise,
    summarise_pages,
)
from portcompare.errors import Problem
from portcompare.masking import mask_plan
from portcompare.parity import combine_parity
from portcompare.records.pages import Pages
from portcompare.records.results import SCHEMA_VERSION, Results
from portcompare.records.run_summary import RUNS
from portcompare.records.sweeps import Sweeps, Trial
from portcompare.report import RESULTS_FILE, Interval, histogram_path, write_histogram_log, write_results
from portcompare.run.checks import judge_gates
from portcompare.stats.bounds import find_bound

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from portcompare.measure import MeasuredRound
    from portcompare.plan import Plan
    from portcompare.records.manifest import Ceiling, Manifest
    from portcompare.records.pages import PageVisit
    from portcompare.records.parity import Parity
    from portcompare.records.rounds import Round
    from portcompare.records.sweeps import Bracket, BreakEven, Capacity, Outcome


SAVE_EVERY_S = 3.0
"""A run that is killed has lost about so much, a little more if it has many rounds; one that is interrupted
or breaks off, nothing."""

SAVING_SHARE = 0.01
"""To save takes at most about this part of the run, however many rounds there are."""


class Recording:
    """A run in the making."""

    def __init__(
        self,
        plan: Plan,
        manifest: Manifest,
        folder: Path,
        started_at: datetime,
        began_s: float,
        *,
        stored: Mapping[str, Results] | None = None,
    ) -> None:
        """Begin a recording.

        `began_s`: when its time began to count, in seconds of `time.monotonic()`.
        """
        self.folder = folder  # Where it is written
        self._plan = plan
        self._manifest = manifest
        self._started_at = started_at
        self._began_s = began_s
        self._stored = stored or {}
        self._served = {served.name: served for served in manifest.deployments}
        self._generator_limits = GeneratorLimits(**plan.generator.model_dump())
        self._rounds: list[Round] = []
        self._histograms: dict[tuple[str, float, str], list[str]] = {}
        self._visits: list[PageVisit] = []
        self._ended: set[tuple[int, str, str]] = set()
        self._warnings: dict[str, None] = {}
        self._parity: Parity | None = None
        self.stop_reason = self.browser = ""  # What loads the pages; empty as long as none was loaded
        self._saved_s = self._saving_s = 0.0

    def add_parity(self, parity: Parity) -> None:
        """Keep a check of the answers."""
        self._parity = parity if self._parity is None else combine_parity(self._parity, parity)

    def add_warning(self, warning: str) -> None:
        """Keep what a careful reader should know, once."""
        self._warnings[warning] = None

    def add_round(self, measured: MeasuredRound) -> None:
        """Judge and keep a round, and write its histogram."""
        one = measured.round
        judged = judge_round(one, self._find_limits(one), self._generator_limits)
        if judged.scenario in self._plan.searches and self._judge_objective(judged) == "missed":
            judged = replace(
                judged, discarded=None
            )  # a server that fails at this rate is what was looked for
        self._rounds.append(judged)
        if judged.discarded is None:
            key = (judged.scenario, judged.level, judged.arm)
            self._histograms.setdefault(key, []).append(measured.histogram)
        path = histogram_path(self.folder, scenario=one.scenario, level=one.level, arm=one.arm)
        interval = Interval(
            start_s=one.load.started_at_s, length_s=one.load.window_s, histogram=measured.histogram
        )
        write_histogram_log(path, [interval])

    def _find_limits(self, one: Round) -> Limits:
        scenario = self._plan.scenarios[one.scenario]
        served = self._served[one.deployment]
        ceiling = served.ceiling_of(one.scenario)
        return Limits(
            concurrency=scenario.load.concurrency(one.level),
            offered_rps=one.load.offered_rps,
            slots=ceiling.slots,
            delay_s=scenario.delay_s,
            server_cpus=len(served.cpus),
            slot_noun=ceiling.noun,
        )

    def add_visit(self, visit: PageVisit) -> None:
        """Judge a visit, and keep it."""
        self._visits.append(judge_visit(visit))

    def find_undecided(self, blocks: int) -> dict[tuple[str, float], float]:
        """What is not yet known well enough."""
        rounds = self._plan.rounds
        comparisons = compare(self._rounds, rounds.margins)
        return find_undecided(comparisons, rounds.precision, is_early=blocks < rounds.min_blocks)

    def find_grids(self) -> tuple[BreakEven, ...]:
        """What is known of the plan's break-even grid."""
        grid = self._plan.break_even
        if grid is None:
            return ()
        comparisons = compare(self._in_plan_order(), self._plan.rounds.margins)
        return find_break_even(comparisons, grid.delays_s, grid.levels)

    def find_bracket(self, block: int, scenario: str, arm: str) -> Bracket:
        """What a search has found."""
        trials = (
            Trial(rate_rps=one.level, outcome=self._judge_objective(one), discarded=one.discarded)
            for one in self._rounds
            if (one.block, one.scenario, one.arm) == (block, scenario, arm)
        )
        return find_bracket(trials, is_over=(block, scenario, arm) in self._ended)

    def note_end(self, block: int, scenario: str, arm: str) -> None:
        """Note that a search found nothing more to try."""
        self._ended.add((block, scenario, arm))

    def find_unsure_searches(self) -> frozenset[str]:
        """The scenarios whose capacities are not yet known well enough."""
        return find_unsure_searches(self._find_capacities(), self._plan.rounds.precision)

    def _find_capacities(self) -> tuple[Capacity, ...]:
        scenarios, arms = list(self._plan.searches), [arm.name for arm in self._plan.arms]
        searches = sorted(
            (one for one in self._rounds if one.scenario in scenarios),
            key=lambda one: (scenarios.index(one.scenario), arms.index(one.arm)),
        )
        margin = self._plan.rounds.margins["throughput"]
        return find_capacities(searches, self._judge_objective, self._ended, margin)

    def _judge_objective(self, one: Round) -> Outcome:
        return judge_objective(one, self._plan.searches[one.scenario].limits_s, self._generator_limits)

    def results(self, *, partial: bool) -> Results:
        """Analyse what was measured so far.

        `partial`: true unless the run has come to its end.
        """
        margins = self._plan.rounds.margins
        ordered = self._in_plan_order()
        comparisons = compare(ordered, margins)
        summaries = summarise(
            ordered,
            comparisons,
            lambda one, cpu_s: find_bound(cpu_s, self._find_limits(one)),
            self._plan.cost.per_core_hour if self._plan.cost else None,
        )
        capacities = self._find_capacities()
        searched = self._plan.searches.keys()
        pages = self._find_pages()
        invalid_reasons = (
            *find_invalid_reasons(
                self._rounds, comparisons, margins, self._parity, self._plan.level_text, searched=searched
            ),
            *find_unlike_controls(capacities, margins["throughput"]),
        )
        fixed = [one for one in self._rounds if one.scenario not in searched]
        results = Results(
            schema_version=SCHEMA_VERSION,
            name=self._plan.name,
            started_at=self._started_at.isoformat(timespec="seconds"),
            duration_s=time.monotonic() - self._began_s,
            measured_s=sum(one.load.window_s for one in self._rounds),
            partial=partial,
            valid=not invalid_reasons,
            invalid_reasons=invalid_reasons,
            stop_reason=self.stop_reason,
            warnings=(
                *find_warnings(fixed, comparisons, margins, self._plan.level_text),
                *self._find_unlike(),
                *find_unknowns(self._manifest),
                *self._warnings,
                *(self._parity.warnings if self._parity is not None else ()),
            ),
            headline=(
                find_capacity_headline(capacities, margins["throughput"], invalid_reasons)
                if searched
                else find_headline(comparisons, margins, self._plan.level_text, invalid_reasons)
            ),
            plan=mask_plan(self._plan.as_json()),
            manifest=self._manifest,
            parity=self._parity,
            rounds=tuple(self._rounds),
            comparisons=comparisons,
            summaries=summaries,
            conclusions=(
                *conclude(comparisons, summaries, self._plan.level_text),
                *conclude_capacities(capacities, self._plan.baseline),
                *conclude_pages(pages),
            ),
            sweeps=Sweeps(
                knees=find_knees(ordered),
                capacities=capacities,
                break_even=self.find_grids(),
            ),
            spectra=find_spectra(summaries, self._histograms),
            pages=pages,
            claims=judge_claims(
                self._plan.claims, self._rounds, self._visits, is_reliable=not (partial or invalid_reasons)
            ),
        )
        return replace(results, gates=judge_gates(self._plan, results, self._stored))

    def _find_pages(self) -> Pages:
        pages, arms = list(self._plan.pages), [arm.name for arm in self._plan.arms]
        ordered = sorted(
            self._visits,
            key=lambda one: (pages.index(one.page), one.users, arms.index(one.arm), one.block),
        )
        return Pages(
            browser=self.browser,
            visits=tuple(self._visits),
            summaries=summarise_pages(ordered, self._ceiling_of_page),
            comparisons=compare_pages(ordered, self._plan.rounds.margins["p50"]),
        )

    def _ceiling_of_page(self, deployment: str, page: str) -> Ceiling:
        return self._served[deployment].ceiling_of(self._plan.pages[page].scenario)

    def _find_unlike(self) -> tuple[str, ...]:
        differences = self._manifest.differences
        return (f"not alike besides app and server: {'; '.join(differences)}",) if differences else ()

    def _in_plan_order(self) -> list[Round]:
        """The rounds as a reader expects them, not in the random order in which they were measured."""
        levels = [(scenario, float(level)) for scenario, level in self._plan.levels]
        arms = [arm.name for arm in self._plan.arms]
        return sorted(
            (one for one in self._rounds if one.scenario not in self._plan.searches),
            key=lambda one: (levels.index((one.scenario, one.level)), arms.index(one.arm), one.block),
        )

    def save_now_and_then(self) -> None:
        """Write what was measured so far, unless that was done a moment ago: it takes time from the run."""
        if time.monotonic() - self._saved_s > max(SAVE_EVERY_S, self._saving_s / SAVING_SHARE):
            self.save(partial=True)

    def save(self, *, partial: bool) -> Results:
        """Analyse and write what was measured so far.

        `partial`: true unless the run has come to its end.
        """
        began_s = time.monotonic()
        results = self.results(partial=partial)
        write_results(results, self.folder / RESULTS_FILE)
        self._saved_s = time.monotonic()
        self._saving_s = self._saved_s - began_s
        return results


GENERATOR_LOG = "loadgen.log"


def name_run_folder(name: str, started_at: datetime) -> Path:
    """The folder that a run is written to if none is asked for."""
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    return RUNS / f"{started_at:%Y%m%dT%H%M%S}-{safe}"


def make_run_folder(folder: Path) -> list[Problem]:
    """Make the folder that a run is written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        remedy = "name a folder that you may write to with --out DIR"
        return [Problem(where=f"--out {folder}", found=f"cannot be written: {error.strerror}", remedy=remedy)]
    if (folder / RESULTS_FILE).exists():
        remedy = "name another folder, or remove that one"
        return [
            Problem(where=f"--out {folder}", found=f"holds a run already ({RESULTS_FILE})", remedy=remedy)
        ]
    return []


def remove_empty_run_folder(folder: Path) -> None:
    """Remove a run's folder in which nothing has been measured."""
    if not folder.is_dir():
        return
    (folder / GENERATOR_LOG).unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()
