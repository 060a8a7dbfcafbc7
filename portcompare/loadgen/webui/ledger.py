"""What each process reports of a second of a test, and the ledger that adds up all reports."""

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from hdrh.histogram import HdrHistogram

from portcompare.loadgen.figures import encode_latencies, new_histogram, percentiles_of
from portcompare.loadgen.tallies import Tally, add_up
from portcompare.wire.protocol import make_decoder

REPORT: Final = "portcompare_second"  # the type of the Locust message that carries a report
Line = tuple[str, str]  # scenario and arm

# Consecutive seconds are correlated: so many together make one value, and these count as independent. Source:
# Law and Kelton, "Simulation Modeling and Analysis", section 9.5, for the method of batch means.
BATCH_SECONDS: Final = 5
_MOST_BATCHES: Final = 720
_MOST_SECONDS_LATE: Final = 3  # a second is closed without the slowest process when that is later than this
LONGEST_SECOND_S: Final = 10.0
"""A process whose second was longer stood still, and what it took for latencies were not the server's."""

_SHORTEST_S: Final = 0.5  # the rate of a shorter part of a second means nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What one scenario did on one arm."""

    scenario: str  # Name of the scenario, or of the user class
    arm: str
    # Latencies of the successful requests, as a base64 encoded HdrHistogram in us; empty if there were none
    histogram: str
    failures: int
    due: int = 0  # Requests that the schedule of an open load had due
    backlog: int = 0  # Of all that were due by the end of the second, those that still wait for a connection


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondReport:
    """What one process counted in a second of a test; it has no time of day, so clocks need not agree."""

    test: int | None  # Number of the test, as the leading process gave it; None if tests have no numbers
    second: int  # Number of the second, by the clock of the process
    length_s: float
    cells: tuple[Cell, ...]


decode_report: Callable[[str | bytes], SecondReport] = make_decoder(SecondReport)


def make_cells(
    tallies: Mapping[tuple[str, str], Tally],
    lines: Mapping[tuple[str, str], Line],
    label: str = "",
    paces: Mapping[Line, tuple[int, int]] | None = None,
) -> tuple[Cell, ...]:
    """Add up what was counted, by line; the tally of a key without a line is left out.

    `label`: what the names in `tallies` end with. `paces`: due and backlog of each open schedule.
    """
    paces = paces or {}
    by_line: dict[Line, list[Tally]] = {line: [] for line in paces}
    for (name, method), tally in tallies.items():
        line = lines.get((name.removesuffix(label), method))
        if line is not None:
            by_line.setdefault(line, []).append(tally)
    cells = []
    for (scenario, arm), together in by_line.items():
        total = add_up(together)
        due, backlog = paces.get((scenario, arm), (0, 0))
        cells.append(
            Cell(
                scenario=scenario,
                arm=arm,
                histogram=encode_latencies(np.asarray(total.latencies_s)) if total.latencies_s else "",
                failures=sum(map(len, total.failures_s.values())),
                due=due,
                backlog=backlog,
            )
        )
    return tuple(cells)


@dataclass(slots=True, kw_only=True)
class Total:
    """The sum of cells."""

    histogram: HdrHistogram = field(default_factory=new_histogram)
    failures: int = 0
    due: int = 0

    @property
    def requests(self) -> int:
        """Successful requests."""
        return int(self.histogram.get_total_count())

    def add(self, cell: Cell) -> None:
        """Add a cell; the sum of histograms is exact."""
        if cell.histogram:
            self.histogram.add(HdrHistogram.decode(cell.histogram))
        self.failures += cell.failures
        self.due += cell.due


# What charts show: the rate of the successful requests, and percentiles of their latency.
CHARTS: Final = ("rate_rps", "p50_ms", "p95_ms", "p99_ms")


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A closed second."""

    at_s: float  # When it ended, in seconds since the epoch
    users: float  # On each arm, when it was closed
    figures: dict[Line, dict[str, float]]  # What is known of CHARTS, for each line that did something


@dataclass(slots=True, kw_only=True)
class _OpenSecond:
    """A second that processes may still report."""

    length_s: float = 0.0
    lines: dict[Line, Total] = field(default_factory=dict)

    def close(self, at_s: float, users: float) -> Point:
        figures: dict[Line, dict[str, float]] = {}
        for line, total in self.lines.items():
            latencies_s = percentiles_of(total.histogram, (50.0, 95.0, 99.0)) if total.requests else ()
            values = (total.requests / self.length_s, *(latency_s * 1e3 for latency_s in latencies_s))
            figures[line] = {key: float(f"{value:.4g}") for key, value in zip(CHARTS, values, strict=False)}
        return Point(at_s=at_s, users=users, figures=figures)


class Ledger:
    """What all processes counted in one test: in total, and by second."""

    def __init__(self, test: int | None = None, began_at_s: float = 0.0, *, processes: int = 1) -> None:
        """Start with nothing; reports of another test are ignored. `began_at_s`: since the epoch."""
        self.test = test
        self.totals: dict[Line, Total] = {}
        self.users = 0.0  # On each arm, now
        self._backlogs: dict[Line, dict[str, int]] = {}  # By process, as last reported
        # Successful requests in each batch of seconds since all users have started
        self.batches: deque[Counter[Line]] = deque(maxlen=_MOST_BATCHES)
        self.began_at_s = began_at_s
        self._processes = processes
        self._open: dict[int, _OpenSecond] = {}
        self._next_second = 0
        self._latest: dict[str, int] = {}  # The last second that each process reported
        self._joined_at: dict[str, int] = {}  # The second in which each process joined
        self._lengths_s: dict[str, float] = {}  # How long each process has counted
        self._batch: Counter[Line] = Counter()
        self._in_batch = 0
        self._has_all_users = False

    @property
    def length_s(self) -> float:
        """How long the test has been counted."""
        return max(self._lengths_s.values(), default=0.0)

    def backlog(self, line: Line) -> int:
        """How many requests of an open load are due, and wait for a connection."""
        return sum(self._backlogs.get(line, {}).values())

    def note_all_users_started(self) -> None:
        """Start the batches with the next second; the present one belongs to both phases."""
        self._has_all_users = True
        self._in_batch = -1

    def reset(self) -> None:
        """Set the totals and batches to zero; the seconds go on."""
        self.totals.clear()
        self.batches.clear()
        self._lengths_s.clear()
        self._batch, self._in_batch = Counter(), 0

    def add(self, process: str, report: SecondReport) -> None:
        """Add a report."""
        if report.test != self.test:
            return
        if report.length_s > LONGEST_SECOND_S:
            self._joined_at.pop(process, None)
            return
        _add_cells(self.totals, report)
        for cell in report.cells:
            self._backlogs.setdefault((cell.scenario, cell.arm), {})[process] = cell.backlog
        self._lengths_s[process] = self._lengths_s.get(process, 0.0) + report.length_s
        if process not in self._joined_at:  # a process that joins late counts its seconds from then on
            newest = max(self._latest.values(), default=0)
            self._joined_at[process] = newest - report.second if newest > _MOST_SECONDS_LATE else 0
        number = self._latest[process] = report.second + self._joined_at[process]
        if number < self._next_second or report.length_s < _SHORTEST_S:
            return
        second = self._open.setdefault(number, _OpenSecond())
        second.length_s = max(second.length_s, report.length_s)
        _add_cells(second.lines, report)

    def close_seconds(self, *, is_over: bool = False) -> list[Point]:
        """Close the seconds that all processes have reported, or that are not waited for any longer."""
        newest = max(self._latest.values(), default=-1)
        slowest = min(self._latest.values(), default=-1) if len(self._latest) >= self._processes else -1
        last = newest if is_over else max(slowest, newest - _MOST_SECONDS_LATE)
        points = []
        while self._next_second <= last:
            second = self._open.pop(self._next_second, None)
            self._next_second += 1
            if second is None:
                continue
            points.append(second.close(self.began_at_s + self._next_second, self.users))
            self._in_batch += self._has_all_users
            if self._in_batch > 0:
                self._batch.update({line: total.requests for line, total in second.lines.items()})
            if self._in_batch == BATCH_SECONDS:
                self.batches.append(self._batch)
                self._batch, self._in_batch = Counter(), 0
        return points


def _add_cells(totals: dict[Line, Total], report: SecondReport) -> None:
    for cell in report.cells:
        totals.setdefault((cell.scenario, cell.arm), Total()).add(cell)
