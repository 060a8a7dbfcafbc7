"""What the side-by-side view shows: computed once a second, for all viewers."""

from __future__ import annotations

import csv
import gzip
import io
import json
import logging
import re
import time
from collections import deque
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import gevent
from gevent.pywsgi import WSGIHandler

import portcompare
from portcompare.loadgen.webui.ledger import CHARTS, LONGEST_SECOND_S, REPORT, Ledger, decode_report
from portcompare.loadgen.webui.rows import ServerUse, describe, explain, make_rows, sum_up
from portcompare.records.run_summary import REPORT_FILE, RunSummary, list_runs
from portcompare.units import duration
from portcompare.wire.protocol import UiRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from locust.env import Environment

    from portcompare.loadgen.webui.ledger import Point, SecondReport
    from portcompare.records.rounds import Usage
    from portcompare.wire.protocol import LiveSettings, RunRequest, RunState, ShowState, UiPlan

SECONDS_SHOWN: Final = 300
_CSV_COLUMNS: Final = (
    *("scenario", "arm", "users", "requests", "failures", "rate_rps", "offered_rps", "backlog"),
    *("p50_s", "p95_s", "p99_s"),
    *("ratio", "ratio_low", "ratio_high", "pairs", "bound_rps", "bound_name", "bound_share"),
    *("server_cores", "server_rss_bytes", "restarts"),
)
_TICK_S: Final = 1.0
_MOST_FINISHED: Final = 50
_LISTING_SHARE: Final = 0.01  # of the time, at most, is spent on listing finished runs
_OF_BODIES: Final = (b"\r\ncontent-length:", b"\r\ntransfer-encoding:")
_COLOUR: Final = re.compile(r"--([\w-]+): (#[0-9a-f]{6});")
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What all viewers see until the next second."""

    json: bytes
    json_gzip: bytes  # The same, compressed once for all
    csv: bytes  # The table
    responses: dict[bytes, bytes] = field(default_factory=dict)  # What was sent, by the request's bytes


class Board:
    """The state of the load, the servers and the runs."""

    def __init__(self, plan: UiPlan, runs: Path) -> None:
        """Make a board that shows nothing but the finished runs, which are in the folder `runs`."""
        self.plan = plan
        self.runs = runs
        self._colours = find_colours([arm.name for arm in plan.arms])
        self.settings: LiveSettings | None = None  # What is loaded; None if that is nothing, or not known
        self.run: RunState | None = None  # The run that was started last; None before, and once a test begins
        self._past_run = ""  # The folder of the run that had ended when the test began
        self._requested: RunRequest | None = None  # What to measure by a run; None for nothing
        self._is_cancelling = False
        self._is_run_starting = False  # The harness has the request, and does not show the run yet
        self._ledger = Ledger()
        self._state = "ready"
        self._is_over = False
        self._users = 0
        self._points: deque[Point] = deque(maxlen=SECONDS_SHOWN)
        self._marks: deque[tuple[float, str]] = deque(maxlen=50)
        # What each server has used: a second ago and now, and at the start and the end of the test
        self._usage_before_s = self._usage_at_s = 0.0
        self._usage_before: dict[str, Usage] = {}
        self._usage: dict[str, Usage] = {}
        self._usage_at_start: dict[str, Usage] = {}
        self._usage_at_end: dict[str, Usage] = {}
        self._finished: list[RunSummary] = []
        self._list_again_at_s = 0.0
        self._list_finished()
        self.snapshot = self._take_snapshot()

    @property
    def is_measuring(self) -> bool:
        """Whether a run is under way or requested."""
        is_running = self.run is not None and self.run.state == "running"
        return is_running or self._is_run_starting or self._requested is not None

    def request_run(self, request: RunRequest) -> None:
        """Request a run from the harness, which begins when the test has stopped."""
        self._requested = request

    def cancel_run(self) -> None:
        """Withdraw a requested run, or have the harness end the one under way."""
        if self._requested is None:
            self._is_cancelling = True
        self._requested = None

    def take_request(self, *, is_loading: bool) -> UiRequest:
        """Take to the harness, once, what viewers have requested; a run only when the test has ended."""
        measure = None
        if not is_loading and self._requested is not None:
            measure, self._requested = self._requested, None
            self._is_run_starting = True
        cancels, self._is_cancelling = self._is_cancelling, False
        return UiRequest(measure=measure, cancels=cancels)

    def begin(self, test: int | None, settings: LiveSettings | None = None, *, processes: int = 1) -> None:
        """Begin a test: the figures of the test before are not shown any more, the charts go on.

        `test`: its number; None if tests have no numbers. `settings`: what is loaded; None if not known.
        """
        self._points.extend(self._ledger.close_seconds(is_over=True))
        self.settings = settings
        if self.run is not None:
            self._past_run, self.run = self.run.folder, None
        self._ledger = Ledger(test, time.time(), processes=processes)
        self._usage_at_start, self._usage_at_end = dict(self._usage), {}
        self.mark(describe(settings, self.plan) if settings is not None else "started")
        self._state, self._is_over = "spawning", False
        self.snapshot = self._take_snapshot()

    def reset(self) -> None:
        """Set the figures of the running test to zero, as Locust's reset button does."""
        self._ledger.reset()
        self._usage_at_start, self._usage_at_end = dict(self._usage), {}
        self.mark("reset")

    def mark(self, text: str) -> None:
        """Put a mark into the charts, now."""
        self._marks.append((time.time(), text))

    def add(self, process: str, report: SecondReport) -> None:
        """Add what a process has counted."""
        if report.length_s > LONGEST_SECOND_S:
            self.mark(
                f"a load worker stood still for {duration(report.length_s)}: its figures lack that time"
            )
        if report.cells or not self._is_over:  # processes of plain Locust report empty seconds after the test
            self._ledger.add(process, report)

    def note_users(self, users: int) -> None:
        """Note that all users have started."""
        self._ledger.note_all_users_started()
        if self.settings is None and users != self._users:
            self.mark(f"{users} users")
        self._users = users

    def end(self) -> None:
        """End the test: nothing more will be counted."""
        self._points.extend(self._ledger.close_seconds(is_over=True))
        self._is_over = True
        self.mark("stopped")

    def show(self, order: ShowState) -> None:
        """Take over what the harness knows."""
        self._usage_before_s, self._usage_before = self._usage_at_s, self._usage
        self._usage_at_s, self._usage = time.monotonic(), dict(order.usage)
        for arm, usage in self._usage.items():
            if arm in self._usage_before and usage.restarts > self._usage_before[arm].restarts:
                self.mark(f"{arm} died and was started again")
        if not self._usage_at_start:
            self._usage_at_start = dict(self._usage)
        if self._is_over and not self._usage_at_end:
            self._usage_at_end = dict(self._usage)  # later use does not belong to the test
        is_past = order.run is not None and order.run.folder == self._past_run
        self.run, self._is_run_starting = None if is_past else order.run, False

    def tick(self, state: str, users: int = 0) -> None:
        """Compute what is shown for the next second; `users`: how many there are, on all arms together."""
        arms = self.settings.arms if self.settings else {arm for _, arm in self._ledger.totals}
        if users:  # else what is still to be closed was counted before they were stopped
            self._ledger.users = users / max(len(arms), 1)
        # Locust reports "stopped" a moment before the last report has come.
        self._state = "stopping" if state == "stopped" and not self._is_over else state
        self._points.extend(self._ledger.close_seconds())
        self._list_finished()
        self.snapshot = self._take_snapshot()

    def _list_finished(self) -> None:
        """List the runs that have a report, but not often: it takes CPU time from the load."""
        began_s = time.monotonic()
        if began_s < self._list_again_at_s:
            return
        with suppress(OSError):
            runs = list_runs(self.runs, lambda folder: RunSummary(folder=folder.name, name=folder.name))
            with_report = (run for run in runs if (self.runs / run.folder / REPORT_FILE).is_file())
            self._finished = list(islice(with_report, _MOST_FINISHED))
        ended_s = time.monotonic()
        self._list_again_at_s = ended_s + (ended_s - began_s) / _LISTING_SHARE

    def _take_snapshot(self) -> Snapshot:
        between_s = self._usage_at_s - self._usage_before_s
        uses = {
            arm: ServerUse(
                cpu_s=self._usage_at_end.get(arm, usage).cpu_s - self._usage_at_start.get(arm, usage).cpu_s,
                cores=(usage.cpu_s - self._usage_before.get(arm, usage).cpu_s) / between_s,
                usage=usage,
            )
            for arm, usage in self._usage.items()
        }
        rows = make_rows(self._ledger, self.plan, self.settings, uses)
        document = json.dumps(self._as_json(rows), separators=(",", ":"), allow_nan=False).encode()
        table = io.StringIO()
        writer = csv.DictWriter(table, _CSV_COLUMNS, extrasaction="ignore", lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(rows)
        return Snapshot(json=document, json_gzip=gzip.compress(document, 1), csv=table.getvalue().encode())

    def _as_json(self, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        return {
            "schema_version": 1,
            "plan": self.plan.name,
            "state": self._state,
            "test": self._ledger.test,
            "length_s": round(self._ledger.length_s, 3),
            "settings": asdict(self.settings) if self.settings else None,
            "load": describe(self.settings, self.plan) if self.settings else "",
            "explanation": explain(self.settings),
            "arms": [arm.name for arm in self.plan.arms],
            "colours": self._colours,
            "rows": rows,
            "total": sum_up(rows),
            "charts": self._charts(),
            "can_measure": bool(self.plan.scenarios),
            "budget_s": self.plan.budget_s,
            "is_measuring": self.is_measuring,
            "run": asdict(self.run) if self.run else None,
            "runs": [asdict(run) for run in self._finished],
        }

    def _charts(self) -> dict[str, Any]:
        """The closed seconds, as columns, with gaps where a line did nothing."""
        lines = sorted({line for point in self._points for line in point.figures})
        return {
            "began_at_s": round(self._ledger.began_at_s),
            "at_s": [round(point.at_s) for point in self._points],
            "users": [point.users for point in self._points],
            "lines": [
                {"scenario": line[0], "arm": line[1]}
                | {key: [point.figures.get(line, {}).get(key) for point in self._points] for key in CHARTS}
                for line in lines
            ],
            "marks": [
                {"at_s": round(at_s), "text": text}
                for at_s, text in self._marks
                if self._points and at_s >= self._points[0].at_s - 1
            ],
        }


def find_colours(arms: Sequence[str]) -> dict[str, tuple[str, str]]:
    """The colours of the baseline and of each candidate in reports, on light and on dark pages."""
    sheet = Path(portcompare.__file__).with_name("report") / "templates" / "report.css"
    light, dark = sheet.read_text(encoding="utf-8").split("@media (prefers-color-scheme: dark)")[:2]
    found = [dict(_COLOUR.findall(part)) for part in (light, dark)]
    candidates = [name for name in found[0] if name.startswith("arm-")]
    names = ["baseline", *(candidates[number % len(candidates)] for number in range(len(arms) - 1))]
    return {arm: (found[0][name], found[1][name]) for arm, name in zip(arms, names, strict=False)}


def follow(board: Board, environment: Environment, on_start: Callable[[], None]) -> None:
    """Have a board show the tests of an environment, in the process that leads the workers or runs alone."""
    environment.runner.register_message(
        REPORT, lambda msg, **_: board.add(msg.node_id, decode_report(msg.data))
    )
    environment.events.test_start.add_listener(lambda **_: on_start())
    environment.events.spawning_complete.add_listener(lambda user_count, **_: board.note_users(user_count))
    environment.events.reset_stats.add_listener(lambda **_: board.reset())
    environment.events.test_stop.add_listener(lambda **_: board.end())

    def tick_forever() -> None:
        while True:
            gevent.sleep(_TICK_S)
            try:
                board.tick(environment.runner.state, environment.runner.user_count)
            except Exception:  # noqa: BLE001 - logged; the next second may succeed
                _LOG.exception("the figures of this second could not be computed")

    gevent.spawn(tick_forever)


def replaying(path: str, board: Board) -> type[WSGIHandler]:
    """A handler for gevent's server that sends the response to a request again, until the next snapshot.

    Requests are the same if all their bytes are, cookies included. To parse them and go through the app's
    routes takes 0.8 ms of CPU time, to send the response again less than 0.1 ms.
    """
    request_line, end = f"GET {path} HTTP/1.1\r\n".encode(), b"\r\n\r\n"

    class Handler(WSGIHandler):
        sent: bytearray | None = None  # The response, while it is sent for the first time

        def handle_one_request(self) -> object:
            try:
                head = b"" if self.rfile.closed else self.rfile.peek()  # what has come, without taking it
            except OSError:
                head = b""
            is_whole = head.startswith(request_line) and head.find(end) == len(head) - len(end)
            if not is_whole or any(name in head.lower() for name in _OF_BODIES):
                return super().handle_one_request()
            responses = board.snapshot.responses
            if head in responses:
                return self.send_again(head, responses[head])
            self.sent = bytearray()
            stays_open = super().handle_one_request()
            sent, self.sent = bytes(self.sent), None
            sets_cookie = b"\r\nset-cookie:" in sent.partition(end)[0].lower()
            if stays_open is True and self.code == HTTPStatus.OK and not sets_cookie:
                responses[head] = sent
            return stays_open

        def send_again(self, head: bytes, response: bytes) -> bool | None:
            self.rfile.read(len(head))
            try:
                self.socket.sendall(response)
            except OSError:  # the viewer has gone
                return None
            return True

        def _sendall(self, data: bytes) -> None:
            if self.sent is not None:
                self.sent += data
            super()._sendall(data)

    return Handler
