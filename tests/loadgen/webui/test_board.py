import csv
import gzip
import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import gevent
import pytest
from gevent import socket
from gevent.event import Event
from gevent.pywsgi import WSGIServer
from hdrh.histogram import HdrHistogram

from portcompare.loadgen.webui import board as board_module
from portcompare.loadgen.webui.board import Board, find_colours, follow, replaying
from portcompare.records.rounds import Usage
from portcompare.records.run_summary import SUMMARY_FILE, SUMMARY_VERSION, RunSummary, SummaryHead
from portcompare.report.charts.svg import COLOURS, light_colours
from portcompare.wire.protocol import (
    LiveSettings,
    RunRequest,
    RunState,
    ShowState,
    UiArm,
    UiPlan,
    UiRequest,
    UiScenario,
)
from tests.loadgen.webui.reports import report

FLASK, QUART = ("fast", "flask"), ("fast", "quart")
PLAN = UiPlan(
    name="plan",
    arms=(UiArm(name="flask", url="", cpus=1), UiArm(name="quart", url="", cpus=1)),
    scenarios={"fast": UiScenario(name="fast")},
)
NO_RUNS = Path("nowhere")
SETTINGS = LiveSettings(scenarios=("fast",), arms=("flask", "quart"), users=8)


@pytest.fixture
def board() -> Board:
    begun = Board(PLAN, NO_RUNS)
    begun.begin(1, SETTINGS)
    return begun


def shown(board: Board) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(board.snapshot.json)
    assert json.loads(gzip.decompress(board.snapshot.json_gzip)) == state
    return state


def test_snapshots_are_made_by_the_tick_alone(board: Board) -> None:
    before = board.snapshot
    board.add("one", report(0, {FLASK: [0.1], QUART: [0.2]}))
    assert board.snapshot is before
    board.tick("running")
    after = board.snapshot
    assert shown(board)["state"] == "running"
    assert board.snapshot is after


def test_the_table_is_the_histograms_and_the_csv_is_the_table(board: Board) -> None:
    board.add("one", report(0, {FLASK: [0.1, 0.2, 0.3], QUART: [0.01] * 99 + [0.5]}, failures={FLASK: 2}))
    board.end()
    board.tick("stopped")
    rows = shown(board)["rows"]
    for row in rows:
        histogram = HdrHistogram.decode(row["histogram"])
        assert row["requests"] == histogram.get_total_count()
        for percent, key in ((50, "p50_s"), (95, "p95_s"), (99, "p99_s")):
            assert row[key] == histogram.get_value_at_percentile(percent) / 1e6
    assert [row["failures"] for row in rows] == [2, 0]
    table = list(csv.DictReader(io.StringIO(board.snapshot.csv.decode())))
    assert [(row["arm"], int(row["requests"]), float(row["p99_s"])) for row in table] == [
        (row["arm"], row["requests"], row["p99_s"]) for row in rows
    ]


def test_after_the_end_a_late_report_counts_and_an_empty_one_does_not(board: Board) -> None:
    board.add("one", report(0, {FLASK: [0.1], QUART: [0.1]}))
    board.end()
    board.add("one", report(1, {FLASK: [0.2]}))
    board.tick("stopped")
    before = shown(board)
    board.add("one", report(2, {}))
    board.add("one", report(3, {}))
    board.tick("stopped")
    after = shown(board)
    assert before["rows"][0]["requests"] == 2
    assert (after["length_s"], after["rows"]) == (before["length_s"], before["rows"])


def test_charts_go_on_over_tests_and_changes_are_marked(board: Board) -> None:
    board.add("one", report(0, {FLASK: [0.1], QUART: [0.1]}))
    board.end()
    board.begin(2, LiveSettings(scenarios=("fast",), arms=("flask", "quart"), users=16, delay_s=0.5))
    board.add("one", report(0, {QUART: [0.5]}, test=2))
    board.tick("running", users=32)
    charts = shown(board)["charts"]
    assert charts["users"][-1] == 16  # on each of the two
    assert len(charts["at_s"]) == len(charts["users"]) == 2
    assert charts["at_s"][0] <= charts["began_at_s"] + 1  # of the last test alone
    lines = {line["arm"]: line for line in charts["lines"]}
    assert lines["flask"]["rate_rps"] == [1.0, None]  # nothing counted is a gap
    assert [mark["text"] for mark in charts["marks"]] == [
        "fast: 8 users on each of 2 deployments (16 in total)",
        "stopped",
        "fast: 16 users on each of 2 deployments (32 in total), delay 500 ms",
    ]
    assert [row["requests"] for row in shown(board)["rows"]] == [0, 1]  # the table is of the last test alone


def test_a_reset_begins_the_table_anew_and_leaves_the_charts(board: Board) -> None:
    board.add("one", report(0, {FLASK: [0.1] * 9, QUART: [0.1]}))
    board.reset()
    board.add("one", report(1, {FLASK: [0.1], QUART: [0.1] * 2}))
    board.tick("running")
    state = shown(board)
    assert [row["requests"] for row in state["rows"]] == [1, 2]
    assert state["length_s"] == 1
    assert state["charts"]["lines"][0]["rate_rps"] == [9, 1]


def test_server_use_counts_from_the_start_of_a_test_to_its_end() -> None:
    board = Board(PLAN, NO_RUNS)

    def use(cpu_s: float, restarts: int = 0) -> None:
        board.show(ShowState(usage={"flask": Usage(cpu_s=cpu_s, rss_bytes=2**20, restarts=restarts)}))

    for test, before_s, during_s, after_s in ((1, 5.0, 5.2, (5.5, 6.0, 9.0)), (2, 9.0, 9.5, (10.0,))):
        use(before_s)
        board.begin(test, SETTINGS)
        board.add("one", report(0, {FLASK: [0.1] * 10, QUART: [0.1] * 10}, test=test))
        use(during_s)
        board.end()
        for cpu_s in after_s:  # the first still holds the end of the test
            use(cpu_s, restarts=1)
        board.tick("stopped")
        flask, quart = shown(board)["rows"]
        assert flask["bound_name"] == "server CPU"
        assert flask["bound_rps"] == pytest.approx(10 / (after_s[0] - before_s))
        assert (flask["server_rss_bytes"], flask["restarts"]) == (2**20, 1)
        assert quart["server_cores"] is None
    marks = [mark["text"] for mark in shown(board)["charts"]["marks"]]
    assert marks.count("flask died and was started again") == 2


def test_a_run_is_under_way_from_the_request_until_the_harness_reports_its_end(board: Board) -> None:
    running = RunState(command="portcompare run", state="running", progress="block 1", folder="next")
    request = RunRequest(settings=SETTINGS, budget_s=60.0)
    assert not board.is_measuring
    board.request_run(request)
    assert board.is_measuring
    board.show(ShowState(usage={}))
    assert board.take_request(is_loading=True) == UiRequest()  # the test has to end before
    assert board.take_request(is_loading=False) == UiRequest(measure=request)
    assert board.is_measuring  # the harness starts it
    board.show(ShowState(usage={}, run=running))
    assert board.take_request(is_loading=False) == UiRequest()
    assert board.is_measuring
    board.cancel_run()
    assert board.take_request(is_loading=False) == UiRequest(cancels=True)
    assert board.take_request(is_loading=False) == UiRequest()
    ended = ShowState(usage={}, run=replace(running, state="cancelled"))
    board.show(ended)
    assert not board.is_measuring
    assert board.run == ended.run
    board.begin(1)
    board.show(ended)
    assert board.run is None  # its message would stay above the test
    board.request_run(request)
    board.cancel_run()  # before the harness has it
    assert board.take_request(is_loading=False) == UiRequest()


def test_processes_are_waited_for(board: Board) -> None:
    board.begin(2, SETTINGS, processes=2)
    board.add("one", report(0, {FLASK: [0.1]}, test=2))
    board.tick("running")
    assert shown(board)["charts"]["at_s"] == []


def test_without_settings_a_change_of_users_is_marked() -> None:
    board = Board(UiPlan(name="", arms=PLAN.arms), NO_RUNS)
    board.begin(None)
    board.note_users(8)
    board.add("local", report(0, {FLASK: [0.1]}, test=None))
    board.note_users(16)
    board.tick("running")
    assert [mark["text"] for mark in shown(board)["charts"]["marks"]] == ["started", "8 users", "16 users"]
    assert not shown(board)["can_measure"]


def test_finished_runs_with_a_report_are_listed_latest_first_beside_the_one_under_way(tmp_path: Path) -> None:
    for name, year in (("old", 2026), ("new", 2027), ("without-report", 2027), ("without-summary", None)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "results.json").touch()
        if year is not None:
            started_at = f"{year}-01-01T00:00:00+00:00"
            run = RunSummary(folder=name, name="plan", started_at=started_at, headline=f"{name} wins")
            stat = (folder / "results.json").stat()
            made_from = {"results_bytes": stat.st_size, "results_changed_ns": stat.st_mtime_ns}
            head = SummaryHead(version=SUMMARY_VERSION, **made_from, run=run)
            (folder / SUMMARY_FILE).write_text(json.dumps(asdict(head)), encoding="utf-8")
        if name != "without-report":
            (folder / "report.html").write_text("<p>")
    board = Board(PLAN, tmp_path)
    under_way = RunState(command="portcompare run", state="running", progress="block 1", folder="next")
    board.show(ShowState(usage={}, run=under_way))
    board.tick("ready")
    assert shown(board)["run"]["progress"] == "block 1"
    assert [(run["folder"], run["headline"]) for run in shown(board)["runs"]] == [
        ("new", "new wins"),
        ("old", "old wins"),
        ("without-summary", ""),
    ]


def test_a_second_that_cannot_be_computed_is_logged_and_the_next_one_is_shown(
    board: Board, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ticks, has_gone_on = iter(range(3)), Event()

    def tick(*_: object) -> None:
        number = next(ticks)
        if number == 0:
            raise ValueError("there are no figures")
        if number == 2:
            has_gone_on.set()
            raise gevent.GreenletExit

    monkeypatch.setattr(board_module, "_TICK_S", 0.001)
    monkeypatch.setattr(board, "tick", tick)
    hook = SimpleNamespace(add_listener=lambda _: None)
    names = ("test_start", "spawning_complete", "reset_stats", "test_stop")
    environment = SimpleNamespace(
        runner=SimpleNamespace(state="running", user_count=0, register_message=lambda *_: None),
        events=SimpleNamespace(**dict.fromkeys(names, hook)),
    )
    follow(board, cast("Any", environment), lambda: None)
    assert has_gone_on.wait(10)
    (record,) = caplog.records
    assert record.exc_info is not None
    assert "there are no figures" in caplog.text


def test_a_deployment_has_the_colour_of_its_reports() -> None:
    light = light_colours()
    arms = [f"arm {number}" for number in range(COLOURS + 2)]
    expected = [light[name] for name in ("baseline", *(f"arm-{n}" for n in range(COLOURS)), "arm-0")]
    assert [on_light for on_light, _ in find_colours(arms).values()] == expected


LINE = "GET /side-by-side.json HTTP/1.1"


class App:
    """Counts its requests, and serves its figures to those with a cookie only."""

    def __init__(self) -> None:
        self.requests = 0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        self.requests += 1
        environ["wsgi.input"].read()
        cookie = environ.get("HTTP_COOKIE")
        headers = [("Set-Cookie", "a=b")] if cookie == "new" else []
        start_response("200 OK" if cookie in ("known", "new") else "401 Unauthorized", headers)
        return [b"figures" if cookie else b"log in"]


@pytest.fixture
def app() -> App:
    return App()


@pytest.fixture
def viewer(app: App, board: Board) -> Iterator[socket.socket]:
    handler = replaying("/side-by-side.json", board)
    server = WSGIServer(("127.0.0.1", 0), app, log=None, handler_class=handler)
    server.start()
    with socket.create_connection(server.address, timeout=10) as connection:
        yield connection
    server.stop()


def request(viewer: socket.socket, line: str = LINE, cookie: str = "known", body: str = "") -> bytes:
    """Send one request over the connection; returns the body of the response."""
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    viewer.sendall(f"{line}\r\nHost: localhost\r\nCookie: {cookie}\r\n{length}\r\n".encode())
    viewer.sendall(body.encode())
    return receive_body(viewer)


def receive_body(viewer: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        received += receive(viewer)
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length:"))
    while len(body) < length:
        body += receive(viewer)
    return body


def receive(viewer: socket.socket) -> bytes:
    received: bytes = viewer.recv(65536)
    assert received, "the connection has been closed"
    return received


def test_the_same_request_reaches_the_app_once_a_snapshot(
    app: App, board: Board, viewer: socket.socket
) -> None:
    for _ in range(200):
        assert request(viewer) == b"figures"
    assert app.requests == 1
    board.tick("running")
    assert request(viewer) == b"figures"
    assert app.requests == 2


def test_a_request_with_another_cookie_method_or_path_reaches_the_app(
    app: App, viewer: socket.socket
) -> None:
    assert request(viewer) == b"figures"
    assert request(viewer, cookie="") == b"log in"
    assert request(viewer, cookie="") == b"log in"  # a refusal is not kept
    assert request(viewer, "POST /side-by-side.json HTTP/1.1") == b"figures"
    assert request(viewer, "GET /side-by-side.csv HTTP/1.1") == b"figures"
    assert app.requests == 5


@pytest.mark.parametrize("fields", [{"cookie": "new"}, {"body": "body"}])
def test_a_response_that_sets_a_cookie_or_a_request_with_a_body_is_not_replayed(
    app: App, viewer: socket.socket, fields: dict[str, str]
) -> None:
    for _ in range(2):
        assert request(viewer, **fields) == b"figures"
    assert app.requests == 2


def test_requests_that_come_together_or_in_parts_all_have_responses(viewer: socket.socket) -> None:
    head = f"{LINE}\r\nHost: localhost\r\nCookie: known\r\n\r\n".encode()
    request(viewer)
    viewer.sendall(head * 2)
    viewer.sendall(head[:40])
    viewer.sendall(head[40:])
    received = b""
    while received.count(b"figures") < 3:
        received += receive(viewer)
    assert received.count(b"200 OK") == 3
