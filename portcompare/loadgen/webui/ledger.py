"""What all processes have counted in a test, added up exactly; by second while it lasts."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from hdrh.histogram import HdrHistogram

from portcompare.loadgen.figures import new_histogram, percentiles_of

if TYPE_CHECKING:
    from portcompare.loadgen.webui.reports import Cell, SecondReport

Line = tuple[str, str]
"""Scenario and arm."""

_WAIT_SECONDS: Final = 3
"""So many seconds the slowest process may be behind before a second is closed without it."""

_MOST_BATCHES: Final = 720
BATCH_SECONDS: Final = 5
"""Seconds that follow each other are alike: so many make a value, and values count as independent.

References:
    Law and Kelton, "Simulation Modeling and Analysis", section 9.5, for the method of batch means.
"""

_SHORTEST_S: Final = 0.5
"""A part of a second shorter than this says nothing of a rate."""


@dataclass(slots=True, kw_only=True)
class Total:
    """What one line has counted."""

    # Latencies of the successful requests, in microseconds
    histogram: HdrHistogram = field(default_factory=new_histogram)
    failures: int = 0  # Failed requests

    @property
    def requests(self) -> int:
        """Successful requests."""
        return int(self.histogram.get_total_count())

    def add(self, cell: Cell) -> None:
        """Add what was counted, count by count."""
        if cell.histogram:
            self.histogram.add(HdrHistogram.decode(cell.histogram))
        self.failures += cell.failures


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One line's second: successful requests per second, failures, and percentiles in seconds."""

    rate_rps: float
    failures: int
    p50_s: float | None
    p99_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A closed second of all lines."""

    at_s: float  # When it ended, in seconds since the epoch
    figures: dict[Line, Figures]  # What each line did; those that did nothing are left out


@dataclass(slots=True, kw_only=True)
class _Open:
    """A second that processes may still report of."""

    length_s: float = 0.0
    lines: dict[Line, Total] = field(default_factory=dict)


class Ledger:
    """The account of one test."""

    def __init__(self, test: int | None = None, began_at_s: float = 0.0, *, processes: int = 1) -> None:
        """Open an account.

        `test`: the test's number; None where nobody gives any.
        `began_at_s`: when the test began, in seconds since the epoch.
        """
        self.test = test  # Its number; reports of another one are not for it
        self.totals: dict[Line, Total] = {}  # What each line has counted
        # How many successful requests each line had in each batch of seconds since all users were there
        self.batches: deque[dict[Line, int]] = deque(maxlen=_MOST_BATCHES)
        self._began_at_s = began_at_s
        self._processes = processes
        self._open: dict[int, _Open] = {}
        self._latest: dict[str, int] = {}
        self._shift: dict[str, int] = {}
        self._lengths_s: dict[str, float] = {}
        self._next = 0
        self._batch: dict[Line, int] = {}
        self._in_batch = 0
        self._is_complete = False

    @property
    def length_s(self) -> float:
        """How long the test has been counted."""
        return max(self._lengths_s.values(), default=0.0)

    def note_complete(self) -> None:
        """Note that all users are there: from the next second on, seconds make batches."""
        self._is_complete = True
        self._in_batch = -1  # the second that is under way is of both

    def forget(self) -> None:
        """Forget what was counted; seconds go on."""
        self.totals.clear()
        self.batches.clear()
        self._lengths_s.clear()
        self._batch, self._in_batch = {}, 0

    def add(self, process: str, report: SecondReport) -> None:
        """Add a report."""
        if report.test != self.test:
            return
        for cell in report.cells:
            self.totals.setdefault((cell.scenario, cell.arm), Total()).add(cell)
        self._lengths_s[process] = self._lengths_s.get(process, 0.0) + report.length_s
        if process not in self._shift:  # one that joined late counts from its own beginning
            newest = max(self._latest.values(), default=0)
            self._shift[process] = newest if newest > _WAIT_SECONDS else 0
        second = report.second + self._shift[process]
        self._latest[process] = second
        if second < self._next or report.length_s < _SHORTEST_S:
            return
        entry = self._open.setdefault(second, _Open())
        entry.length_s = max(entry.length_s, report.length_s)
        for cell in report.cells:
            entry.lines.setdefault((cell.scenario, cell.arm), Total()).add(cell)

    def close_seconds(self, *, is_over: bool = False) -> list[Point]:
        """Close the seconds that all processes have reported of, or that are waited for no longer."""
        newest = max(self._latest.values(), default=-1)
        slowest = min(self._latest.values(), default=-1) if len(self._latest) >= self._processes else -1
        last = newest if is_over else max(slowest, newest - _WAIT_SECONDS)
        points = []
        while self._next <= last:
            second = self._open.pop(self._next, None)
            self._next += 1
            if second is not None:
                points.append(self._close(second, self._began_at_s + self._next))
        return points

    def _close(self, second: _Open, at_s: float) -> Point:
        if self._is_complete:
            self._add_to_batch(second)
        return Point(
            at_s=at_s,
            figures={line: _figures(total, second.length_s) for line, total in second.lines.items()},
        )

    def _add_to_batch(self, second: _Open) -> None:
        self._in_batch += 1
        if self._in_batch < 1:
            return
        for line, total in second.lines.items():
            self._batch[line] = self._batch.get(line, 0) + total.requests
        if self._in_batch == BATCH_SECONDS:
            self.batches.append(self._batch)
            self._batch, self._in_batch = {}, 0


def _figures(total: Total, length_s: float) -> Figures:
    p50_s, p99_s = percentiles_of(total.histogram, (50.0, 99.0)) if total.requests else (None, None)
    return Figures(rate_rps=total.requests / length_s, failures=total.failures, p50_s=p50_s, p99_s=p99_s)
