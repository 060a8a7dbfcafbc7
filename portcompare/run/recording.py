"""What a run has measured so far: kept as it comes, written so that nothing is lost, and gone on with."""

import shlex
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from portcompare.analyse import Measured, analyse
from portcompare.analyse.diff import compare_conditions, find_altered, flatten
from portcompare.analyse.rounds import judge, judge_visit
from portcompare.errors import Problem, refuse
from portcompare.masking import mask_passwords, mask_plan
from portcompare.measure.blocks import Level
from portcompare.measure.rounds import MeasuredRound
from portcompare.parity.outcome import combine_parity, mask_parity
from portcompare.plan import Plan
from portcompare.plan.types import Origins
from portcompare.records.estimates import Altered
from portcompare.records.manifest import Manifest
from portcompare.records.pages import PageVisit
from portcompare.records.parity import Parity
from portcompare.records.results import RESULTS_FILE, Results
from portcompare.records.rounds import WorkerChange
from portcompare.records.work import Work
from portcompare.report.formats.data import HISTOGRAM_FOLDER, append_round
from portcompare.report.formats.results_file import read_results, write_results
from portcompare.run.journal import JOURNAL_FILE, Begun, Entry, append_entry, cut_torn_line, read_entries
from portcompare.units import duration

NO_END = "no end was recorded: it was killed, or is still running"


@dataclass(kw_only=True)
class Recording(Measured):
    """A run in the making, and where it is written."""

    folder: Path
    began_s: float  # When its time began to count, in seconds of `time.monotonic()`
    generators: int = 1  # Processes that generate the load
    blocks: int = 0  # How many have come to their end,
    spent_s: float = 0.0  # how much of the run's time they took,
    longest_s: dict[Level, float] = field(default_factory=dict)  # and the longest round of each level by then

    def begin(self) -> None:
        """Write the results, of nothing so far, and begin the journal."""
        self.save(partial=True)
        begun = Begun(
            plan=mask_plan(self.plan.given_as_json()),
            plan_path=str(self.plan.path.absolute()),
            generators=self.generators,
            manifest=self.manifest,
            started_at=self.started_at.isoformat(),
        )
        self._keep(begun=begun)

    def resume(self) -> None:
        """Go on with a run that its journal has: what belongs to no whole block is to be measured again."""
        cut_torn_line(self.folder)
        self._keep(resumed_at=datetime.now(UTC).isoformat(timespec="seconds"))
        shutil.rmtree(self.folder / HISTOGRAM_FOLDER, ignore_errors=True)
        for one in self.rounds:
            append_round(self.folder, one, self.histograms[one.block, one.order])
        self.save(partial=True)

    def add_parity(self, parity: Parity) -> None:
        """Keep a check of the responses."""
        self._keep(parity=mask_parity(parity))

    def add_warning(self, warning: str) -> None:
        """Keep what a careful reader should know."""
        self._keep(warning=mask_passwords(warning))

    def add_work(self, work: Work) -> None:
        """Keep the instructions that were counted."""
        self._keep(work=work)

    def amend_manifest(self, manifest: Manifest) -> None:
        """Keep what has become known of the deployments."""
        self._keep(manifest=manifest)

    def add_worker(self, change: WorkerChange) -> None:
        """Keep what happened to a load worker."""
        self._keep(worker=change)

    def add_round(self, measured: MeasuredRound) -> None:
        """Judge and keep a round, and append its latencies to the log of its arm and level."""
        one = judge(self.plan, self.manifest, measured.round)
        self._keep(round=one, histogram=measured.histogram)
        append_round(self.folder, one, measured.histogram)

    def add_visit(self, visit: PageVisit) -> None:
        """Judge a visit, and keep it."""
        self._keep(visit=judge_visit(visit), browser=self.browser)

    def end_block(self, number: int, longest_s: Mapping[Level, float]) -> None:
        """Note that a block has come to its end."""
        self._keep(
            blocks=number + 1, longest_s=tuple((*level, took_s) for level, took_s in longest_s.items())
        )

    def _keep(self, **found: Any) -> None:  # noqa: ANN401 - a field of an entry
        entry = Entry(elapsed_s=time.monotonic() - self.began_s, **found)
        self.recall(entry)  # first: what cannot be written is kept here at least
        append_entry(self.folder, entry)

    def recall(self, entry: Entry) -> None:
        """Take over what a line of the journal holds."""
        if entry.parity is not None:
            self.parity = entry.parity if self.parity is None else combine_parity(self.parity, entry.parity)
        if entry.warning:
            self.warnings[entry.warning] = None
        if entry.worker is not None:
            self.workers.append(entry.worker)
        if entry.round is not None:
            self.rounds.append(entry.round)
            self.histograms[entry.round.block, entry.round.order] = entry.histogram
        if entry.visit is not None:
            self.visits.append(entry.visit)
        if entry.blocks:
            self.blocks, self.spent_s = entry.blocks, entry.elapsed_s
            self.longest_s = {(name, level): took_s for name, level, took_s in entry.longest_s}
            # All of its searches have ended.
            searched = (one for one in self.rounds if one.scenario in self.plan.searches)
            self.ended_searches |= {(one.block, one.scenario, one.arm) for one in searched}
        if entry.resumed_at:
            self.resumed_at += (entry.resumed_at,)
            self.rounds = [one for one in self.rounds if one.block < self.blocks]
            self.visits = [one for one in self.visits if one.block < self.blocks]
        self.manifest = entry.manifest or self.manifest
        self.work = entry.work or self.work
        self.browser = entry.browser or self.browser

    def results(self, *, partial: bool) -> Results:
        """Analyse what was measured so far; `partial` unless the run has come to its end."""
        return analyse(self, duration_s=time.monotonic() - self.began_s, partial=partial)

    def save(self, *, partial: bool) -> Results:
        """Analyse and write what was measured so far; `partial` unless the run has come to its end."""
        results = self.results(partial=partial)
        write_results(results, self.folder / RESULTS_FILE)
        if not partial:
            (self.folder / JOURNAL_FILE).unlink(missing_ok=True)
        return results


def recall_run(folder: Path) -> Recording:
    """Make the recording of a run of its journal; raises InputError if that cannot be read."""
    first, *others = [*read_entries(folder)] or [Entry()]
    begun = first.begun
    if begun is None:
        raise refuse(str(folder / JOURNAL_FILE), "has no beginning", "restore the file, or measure again")
    origins = Origins(plan=Path(begun.plan_path))
    try:
        plan = Plan.model_validate(begun.plan | {"origins": origins}, strict=False)
    except ValidationError as error:
        found = f"holds a plan that this portcompare cannot read: {error.errors()[0]['msg']}"
        remedy = f"read it with the portcompare that made it, {begun.manifest.portcompare}, or measure again"
        raise refuse(str(folder / JOURNAL_FILE), found, remedy) from None
    recording = Recording(
        plan=plan,
        manifest=begun.manifest,
        folder=folder,
        started_at=datetime.fromisoformat(begun.started_at),
        began_s=time.monotonic() - (others or [first])[-1].elapsed_s,
        generators=begun.generators,
    )
    for entry in others:
        recording.recall(entry)
    return recording


def read_run(folder: Path) -> Results:
    """Read a run; the results of one that was killed are made of its journal, and written.

    Raises InputError: its files cannot be read.
    Raises OSError: the results cannot be written.
    """
    results = read_results(folder / RESULTS_FILE)
    if results.partial and results.stop_reason in ("", NO_END) and (folder / JOURNAL_FILE).exists():
        recording = recall_run(folder)
        recording.stop_reason = NO_END
        results = recording.save(partial=True)
    return results


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
