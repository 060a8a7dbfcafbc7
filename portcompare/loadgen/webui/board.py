"""What the side-by-side view shows: computed once a second, however many look at it."""

from __future__ import annotations

import csv
import gzip
import io
import json
import time
from collections import deque
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from portcompare.loadgen.webui.ledger import Ledger
from portcompare.loadgen.webui.rows import ArmLoad, describe, explain, make_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from portcompare.loadgen.webui.ledger import Figures, Point
    from portcompare.loadgen.webui.reports import SecondReport
    from portcompare.loadgen.webui.rows import Row
    from portcompare.loadgen.webui.runs_folder import FinishedRun
    from portcompare.records.rounds import Usage
    from portcompare.wire.ui_protocol import LiveSettings, RunState, ShowState, UiPlan

SECONDS_SHOWN: Final = 300
SCHEMA_VERSION: Final = 1

_COLUMNS: Final = (
    *("scenario", "arm", "requests", "failures", "rate_rps", "p50_s", "p95_s", "p99_s"),
    *("ratio", "ratio_low", "ratio_high", "pairs", "bound_rps", "bound_name", "bound_share"),
    *("server_cores", "server_rss_bytes", "restarts"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What all viewers see until the next second."""

    json: bytes  # The whole as JSON
    json_gzip: bytes  # The same, compressed once for all
    csv: bytes  # The table as CSV


class Board:
    """Everything that is known of the load, the servers and the runs."""

    def __init__(self, plan: UiPlan, find_runs: Callable[[], Iterable[FinishedRun]] = tuple) -> None:
        """Make a board with nothing on it."""
        self.plan = plan  # The servers and scenarios there are
        # What is being loaded; None before the first test, and where nobody says so
        self.settings: LiveSettings | None = None
        # What a viewer wishes to be measured properly; None for nothing
        self.wished: LiveSettings | None = None
        self.run: RunState | None = None  # The run that was started last; None before
        self._is_told = False  # the harness, of a wish, and has not shown the run yet
        self._find_runs = find_runs
        self._ledger = Ledger()
        self._state = "ready"
        self._is_over = False
        self._users = 0
        self._points: deque[Point] = deque(maxlen=SECONDS_SHOWN)
        self._marks: deque[tuple[float, str]] = deque(maxlen=50)
        self._usage: dict[str, Usage] = {}
        self._before: dict[str, Usage] = {}
        self._at_start: dict[str, Usage] = {}
        self._at_end: dict[str, Usage] = {}
        self._usage_at_s = self._usage_before_s = 0.0
        self.snapshot = self._take()  # What viewers see

    @property
    def is_measuring(self) -> bool:
        """Whether a run is under way, or wished and not shown yet."""
        is_running = self.run is not None and self.run.state == "running"
        return is_running or self._is_told or self.wished is not None

    def take_wish(self) -> LiveSettings | None:
        """Take what is to be measured to the harness; when that shows what it knows again, the run is there.

        Returns what a viewer wishes to be measured properly; None for nothing, or nothing more.
        """
        wished, self.wished = self.wished, None
        self._is_told = wished is not None
        return wished

    def begin(self, test: int | None, settings: LiveSettings | None = None, *, processes: int = 1) -> None:
        """Begin a test: what was counted before is forgotten and shown no more, the charts go on.

        `test`: its number; None where nobody gives any.
        `settings`: what is loaded; None where nobody says so.
        """
        self._close_seconds(is_over=True)
        self.settings = settings
        self._ledger = Ledger(test, time.time(), processes=processes)
        self._at_start, self._at_end = dict(self._usage), {}
        self.mark(describe(settings, self.plan) if settings is not None else "started")
        self._state, self._is_over = "spawning", False
        self.snapshot = self._take()  # from now on nobody sees the test before

    def reset(self) -> None:
        """Forget what was counted in the test that is under way, as Locust's own button has it."""
        self._ledger.forget()
        self._at_start, self._at_end = dict(self._usage), {}
        self.mark("reset")

    def mark(self, text: str) -> None:
        """Put a mark into the charts, now."""
        self._marks.append((time.time(), text))

    def add(self, process: str, report: SecondReport) -> None:
        """Add what a process has counted."""
        if report.cells or not self._is_over:  # plain Locust's processes go on to tell of seconds without any
            self._ledger.add(process, report)

    def note_users(self, users: int) -> None:
        """Note that all users are there."""
        self._ledger.note_complete()
        if self.settings is None and users != self._users:
            self.mark(f"{users} users")
        self._users = users

    def end(self) -> None:
        """End the test: nothing more will be counted."""
        self._close_seconds(is_over=True)
        self._is_over = True
        self.mark("stopped")

    def show(self, order: ShowState) -> None:
        """Take over what the harness knows."""
        self._before, self._usage_before_s = self._usage, self._usage_at_s
        self._usage, self._usage_at_s = dict(order.usage), time.monotonic()
        for arm, usage in self._usage.items():
            if arm in self._before and usage.restarts > self._before[arm].restarts:
                self.mark(f"{arm} died and was started again")
        if not self._at_start:
            self._at_start = dict(self._usage)
        if self._is_over and not self._at_end:
            self._at_end = dict(self._usage)  # what servers use from now on is not the test's
        self.run, self._is_told = order.run, False

    def tick(self, state: str) -> None:
        """Compute what is shown for the next second."""
        # Locust says so a moment before the last word is in.
        self._state = "stopping" if state == "stopped" and not self._is_over else state
        self._close_seconds()
        self.snapshot = self._take()

    def _close_seconds(self, *, is_over: bool = False) -> None:
        self._points.extend(self._ledger.close_seconds(is_over=is_over))

    def _take(self) -> Snapshot:
        rows = make_rows(self._ledger, self.plan, self.settings, self._loads())
        document = json.dumps(self._as_json(rows), separators=(",", ":"), allow_nan=False).encode()
        return Snapshot(json=document, json_gzip=gzip.compress(document, 1), csv=_as_csv(rows))

    def _loads(self) -> dict[str, ArmLoad]:
        between_s = self._usage_at_s - self._usage_before_s
        loads = {}
        for arm, usage in self._usage.items():
            before = self._before.get(arm, usage)
            loads[arm] = ArmLoad(
                cpu_s=self._at_end.get(arm, usage).cpu_s - self._at_start.get(arm, usage).cpu_s,
                cores=(usage.cpu_s - before.cpu_s) / between_s,
                rss_bytes=usage.rss_bytes,
                restarts=usage.restarts,
            )
        return loads

    def _as_json(self, rows: tuple[Row, ...]) -> dict[str, Any]:
        return {
            "schema_version": SCHEMA_VERSION,
            "plan": self.plan.name,
            "state": self._state,
            "test": self._ledger.test,
            "length_s": round(self._ledger.length_s, 3),
            "settings": asdict(self.settings) if self.settings else None,
            "load": describe(self.settings, self.plan) if self.settings else "",
            "explanation": explain(self.settings),
            "arms": [arm.name for arm in self.plan.arms],
            "rows": [row.as_json() for row in rows],
            "charts": self._charts(),
            "can_measure": bool(self.plan.scenarios),
            "run": asdict(self.run) if self.run else None,
            "runs": [asdict(run) for run in self._find_runs()],
        }

    def _charts(self) -> dict[str, Any]:
        """The closed seconds, as columns, with gaps where a line did nothing."""
        lines = sorted({line for point in self._points for line in point.figures})
        return {
            "at_s": [round(point.at_s) for point in self._points],
            "lines": [
                {"scenario": line[0], "arm": line[1]}
                | _columns([point.figures.get(line) for point in self._points])
                for line in lines
            ],
            "marks": [
                {"at_s": round(at_s), "text": text}
                for at_s, text in self._marks
                if self._points and at_s >= self._points[0].at_s - 1
            ],
        }


def _columns(figures: list[Figures | None]) -> dict[str, list[float | None]]:
    return {
        "rate_rps": [None if one is None else _rounded(one.rate_rps) for one in figures],
        "p50_ms": [None if one is None else _rounded(one.p50_s, 1e3) for one in figures],
        "p99_ms": [None if one is None else _rounded(one.p99_s, 1e3) for one in figures],
    }


def _rounded(value: float | None, scale: float = 1.0) -> float | None:
    return None if value is None else float(f"{value * scale:.4g}")


def _as_csv(rows: tuple[Row, ...]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, extrasaction="ignore", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(row.as_json() for row in rows)
    return text.getvalue().encode()
