"""What a run has measured so far: kept as it comes, and written so that nothing is lost."""

import time
from dataclasses import dataclass
from pathlib import Path

from portcompare.analyse import Measured, analyse
from portcompare.analyse.rounds import judge, judge_visit
from portcompare.measure.rounds import MeasuredRound
from portcompare.parity.outcome import combine_parity
from portcompare.records.pages import PageVisit
from portcompare.records.parity import Parity
from portcompare.records.results import RESULTS_FILE, Results
from portcompare.report.formats.histograms import Interval, histogram_path, write_histogram_log
from portcompare.report.formats.results_file import write_results

SAVE_EVERY_S = 3.0
"""A run that is killed has lost about so much, a little more if it has many rounds; one that is interrupted
or breaks off, nothing."""

SAVING_SHARE = 0.01  # To save takes at most about this part of the run, however many rounds there are


@dataclass(kw_only=True)
class Recording(Measured):
    """A run in the making, and where it is written."""

    folder: Path
    began_s: float  # When its time began to count, in seconds of `time.monotonic()`
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
        return analyse(self, duration_s=time.monotonic() - self.began_s, partial=partial)

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
