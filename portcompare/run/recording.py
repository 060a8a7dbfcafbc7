"""What a run has measured so far: kept as it comes, and written so that nothing is lost."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from portcompare.analyse import RunState, analyse
from portcompare.analyse.rounds import judge, judge_visit
from portcompare.measure.rounds import MeasuredRound
from portcompare.parity.checker import combine_parity
from portcompare.plan import Plan
from portcompare.records.manifest import Manifest
from portcompare.records.pages import PageVisit
from portcompare.records.parity import Parity
from portcompare.records.results import RESULTS_FILE, Results
from portcompare.records.rounds import Round
from portcompare.report.formats.histograms import Interval, histogram_path, write_histogram_log
from portcompare.report.formats.results_file import write_results

SAVE_EVERY_S = 3.0
"""A run that is killed has lost about so much, a little more if it has many rounds; one that is interrupted
or breaks off, nothing."""

SAVING_SHARE = 0.01
"""To save takes at most about this part of the run, however many rounds there are."""


@dataclass(kw_only=True)
class Recording:
    """A run in the making."""

    plan: Plan
    manifest: Manifest
    folder: Path  # Where it is written
    started_at: datetime
    began_s: float  # When its time began to count, in seconds of `time.monotonic()`
    stored: Mapping[str, Results] = field(default_factory=dict)  # The runs that gates compare with, by name
    rounds: list[Round] = field(default_factory=list)
    histograms: dict[tuple[int, int], str] = field(default_factory=dict)  # By a round's block and order
    visits: list[PageVisit] = field(default_factory=list)
    parity: Parity | None = None  # None before the first check
    ended_searches: set[tuple[int, str, str]] = field(default_factory=set)  # By block, scenario and arm
    warnings: dict[str, None] = field(default_factory=dict)  # Each once, in the order in which they came
    stop_reason: str = ""
    browser: str = ""  # What loads the pages; empty as long as none was loaded
    _saved_s: float = 0.0
    _saving_s: float = 0.0

    def add_parity(self, parity: Parity) -> None:
        """Keep a check of the responses."""
        self.parity = parity if self.parity is None else combine_parity(self.parity, parity)

    def add_warning(self, warning: str) -> None:
        """Keep what a careful reader should know."""
        self.warnings[warning] = None

    def add_round(self, measured: MeasuredRound) -> None:
        """Judge and keep a round, and append its latencies to the log of its arm and level."""
        one = measured.round
        self.rounds.append(judge(self.plan, self.manifest, one))
        self.histograms[one.block, one.order] = measured.histogram
        path = histogram_path(self.folder, scenario=one.scenario, level=one.level, arm=one.arm)
        interval = Interval(
            start_s=one.load.started_at_s, length_s=one.load.window_s, histogram=measured.histogram
        )
        write_histogram_log(path, [interval])

    def add_visit(self, visit: PageVisit) -> None:
        """Judge a visit, and keep it."""
        self.visits.append(judge_visit(visit))

    def results(self, *, partial: bool) -> Results:
        """Analyse what was measured so far; `partial` unless the run has come to its end."""
        state = RunState(
            started_at=self.started_at.isoformat(timespec="seconds"),
            duration_s=time.monotonic() - self.began_s,
            partial=partial,
            stop_reason=self.stop_reason,
            warnings=tuple(self.warnings),
            browser=self.browser,
            ended_searches=self.ended_searches,
            histograms=self.histograms,
            stored=self.stored,
        )
        return analyse(self.plan, self.manifest, self.rounds, self.visits, self.parity, state=state)

    def save(self, *, partial: bool) -> Results:
        """Analyse and write what was measured so far; `partial` unless the run has come to its end."""
        began_s = time.monotonic()
        results = self.results(partial=partial)
        write_results(results, self.folder / RESULTS_FILE)
        self._saved_s = time.monotonic()
        self._saving_s = self._saved_s - began_s
        return results

    def save_now_and_then(self) -> None:
        """Write what was measured so far, unless that was done a moment ago: it takes time from the run."""
        if time.monotonic() - self._saved_s > max(SAVE_EVERY_S, self._saving_s / SAVING_SHARE):
            self.save(partial=True)
