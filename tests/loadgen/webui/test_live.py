"""Real workers under the web UI, against servers that count requests: the view is exact."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from http.client import HTTPConnection
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gevent
import httpx
import pytest

from portcompare.http.requests import http_request
from portcompare.loadgen.open_model import WHOLE
from portcompare.records.rounds import Usage
from portcompare.wire.protocol import (
    LiveSettings,
    OpenUi,
    ShowState,
    UiArm,
    UiPlan,
    UiRequest,
    UiScenario,
)
from tests.e2e.processes import wait_until
from tests.loadgen.conftest import import_unpatched
from tests.loadgen.generator import Generator
from tests.loadgen.plain import have_sent
from tests.loadgen.scripted import OK, ScriptedServer, responding, serve

WORKERS = 2
SCENARIOS = ("data", "other")  # both send the same request


class Live:
    """A UI over two workers and two servers."""

    def __init__(self, generator: Generator, servers: dict[str, ScriptedServer], url: str) -> None:
        self.generator = generator
        self.servers = servers
        self.client = httpx.Client(base_url=url, trust_env=False, timeout=60)

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self.client.get("/side-by-side.json").json()
        return state

    def run(self, until: Callable[[], bool], **fields: str | list[str]) -> dict[str, Any]:
        """Run a test until a condition holds; returns what is shown at its end."""
        self.forget_requests()
        before = self.state()["test"] or 0
        self.begin(**fields)
        wait_until(until, 60)
        return self.stop(before + 1)

    def begin(self, **fields: str | list[str]) -> None:
        form = {"user_count": "2", "spawn_rate": "100", "user_classes": "data"} | fields
        started = self.client.post("/swarm", data=form).json()
        assert started["success"], started

    def begin_slowly(self) -> None:
        """Begin a test that is still starting users when the first ones have had responses."""
        self.forget_requests()
        self.begin(user_count="300", spawn_rate="2")
        wait_until(self.have_responses(2), 60)
        assert self.state()["state"] == "spawning"

    def stop(self, test: int) -> dict[str, Any]:
        self.client.post("/stop")
        wait_until(lambda: (self.state()["test"], self.state()["state"]) == (test, "stopped"), 60)
        return self.state()

    def forget_requests(self) -> None:
        for server in self.servers.values():
            server.requests.clear()

    def exchange(self, rss_bytes: int | None = None) -> UiRequest:
        """What the harness does once a second."""
        usage = {} if rss_bytes is None else {"old": Usage(cpu_s=0.0, rss_bytes=rss_bytes)}
        return self.generator.harness.show(ShowState(usage=usage))

    def await_seconds(self, seconds: int) -> None:
        """Wait until the UI has computed its figures so many times, which it does once a second."""
        for rss_bytes in range(1, seconds + 1):
            self.exchange(rss_bytes)
            wait_until(partial(self.shows_memory, rss_bytes), 60)

    def shows_memory(self, rss_bytes: int) -> bool:
        return bool(self.state()["rows"][0]["server_rss_bytes"] == rss_bytes)

    def have_responses(self, times: int, *, users: int = 1) -> Callable[[], bool]:
        """Whether so many users of each arm have had so many responses."""
        return lambda: all(have_sent(one, users=users, times=times) for one in self.servers.values())

    def shows_rows(self, number: int) -> bool:
        """Whether there are so many rows, each with some requests."""
        rows = self.state()["rows"]
        return len(rows) == number and all(row["requests"] > 5 for row in rows)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder: Path = tmp_path_factory.mktemp("live")
    for name in ("runs/run", "runs/private"):
        (folder / name).mkdir(parents=True)
    (folder / "runs" / "run" / "report.html").write_text("<p>a report")
    (folder / "runs" / "private" / "notes.txt").write_text("private")
    (folder / "runs" / "run" / "away.txt").symlink_to(folder / "runs" / "private" / "notes.txt")
    generator = Generator(folder / "loadgen.log")
    with ExitStack() as stack:
        stack.callback(generator.end)
        servers = {name: stack.enter_context(serve(responding(OK, delay_s=0.01))) for name in ("old", "new")}
        generator.gather(start=WORKERS)
        generator.prepare(None, **dict.fromkeys(SCENARIOS, http_request("/data")))
        arms = tuple(UiArm(name=name, url=server.url) for name, server in servers.items())
        plan = UiPlan(name="plan", arms=arms, scenarios={name: UiScenario(name=name) for name in SCENARIOS})
        order = OpenUi(host="127.0.0.1", port=0, password_hash=None, plan=plan, runs=str(folder / "runs"))
        live = Live(generator, servers, generator.harness.open_ui(replace(order, picks_classes=True)))
        stack.callback(live.client.close)
        yield live


def test_each_scenario_has_rows_that_show_at_the_end_what_the_servers_counted(live: Live) -> None:
    assert '"available_user_classes": ["data", "other"]' in live.client.get("/").text
    rows = live.run(lambda: live.shows_rows(4), user_classes=list(SCENARIOS))["rows"]
    assert [(row["scenario"], row["arm"]) for row in rows] == list(product(SCENARIOS, ("old", "new")))
    for row in rows:
        assert row["p50_s"] >= 0.0099
        assert row["failures"] == 0
    table = csv.DictReader(io.StringIO(live.client.get("/side-by-side.csv").text))
    assert [int(line["requests"]) for line in table] == [row["requests"] for row in rows]
    for arm, server in live.servers.items():
        counted = sum(row["requests"] for row in rows if row["arm"] == arm)
        # Each user's last request may have been cut off when the user was stopped.
        assert len(server.requests) - 4 <= counted <= len(server.requests)
        assert len({number for number, _ in server.requests}) == 4


def test_in_an_open_load_all_arms_have_the_same_rate(live: Live) -> None:
    state = live.run(live.have_responses(15), load="open", rate="50")
    assert state["settings"]["users"] == 2
    old, new = (row["requests"] for row in state["rows"])
    assert old == pytest.approx(new, rel=0.1, abs=8)


def test_a_single_arm_can_be_loaded_but_not_measured_and_a_delay_is_in_its_requests(live: Live) -> None:
    live.forget_requests()
    live.begin(user_count="3", deployments="new", delay="0.25")
    wait_until(lambda: len(live.servers["new"].requests) > 5, 60)
    assert live.servers["old"].requests == []
    assert live.servers["new"].requests[0][1].startswith(b"GET /data?delay=0.25 HTTP/1.1\r\n")
    assert live.client.post("/side-by-side/measure").status_code == 409
    live.client.post("/stop")


def test_to_measure_stops_a_test_that_is_starting_users_and_refuses_others_until_it_is_cancelled(
    live: Live,
) -> None:
    live.begin_slowly()
    assert live.client.post("/side-by-side/measure", data={"budget_s": "soon"}).status_code == 409
    budget = {"budget_s": "60"}
    slow = HTTPConnection("127.0.0.1", live.client.base_url.port, timeout=60)
    slow.putrequest("POST", "/side-by-side/measure")
    slow.putheader("Content-Type", "application/x-www-form-urlencoded")
    slow.putheader("Content-Length", "11")
    slow.endheaders()
    live.await_seconds(1)  # the UI has begun to read it
    with ThreadPoolExecutor() as viewers:
        clicks = [viewers.submit(live.client.post, "/side-by-side/measure", data=budget) for _ in range(3)]
    assert sorted(click.result().status_code for click in clicks) == [200, 409, 409]
    slow.send(b"budget_s=60")
    assert slow.getresponse().status == 409
    slow.close()
    wait_until(lambda: live.state()["state"] == "stopped", 60)
    measure = live.exchange().measure
    assert measure is not None
    assert (measure.settings.arms, measure.settings.users, measure.budget_s) == (("old", "new"), 300, 60)
    assert live.client.post("/side-by-side/measure").status_code == 409  # the harness starts the run now
    started = live.client.post("/swarm", data={"user_count": "4", "spawn_rate": "4"}).json()
    assert not started["success"]
    assert "A run measures on this machine" in started["message"]
    live.forget_requests()
    live.await_seconds(2)  # users would be started once a second
    assert [server.requests for server in live.servers.values()] == [[], []]
    assert live.client.post("/side-by-side/measure", data=budget).status_code == 200
    assert live.client.post("/side-by-side/cancel").status_code == 200
    assert live.client.post("/side-by-side/cancel").status_code == 409


def test_the_form_of_any_viewer_is_filled_from_what_runs_and_a_change_of_users_keeps_the_rest(
    live: Live,
) -> None:
    live.begin(load="open", rate="40", deployments="new", spawn_rate="50", run_time="1h")
    page = live.client.get("/").text
    shown = json.loads(page.partition("window.templateArgs = ")[2].partition("\n")[0])
    assert (shown["num_users"], shown["spawn_rate"], shown["run_time"]) == (2, 50, "1h")
    fields = {name: one["default_value"] for name, one in shown["extra_options"].items()}
    assert fields == {"deployments": ["new"], "load": "open", "rate": "40", "delay": ""}
    for refused in ({"rate": "much"}, {"run_time": "long"}, {"run_time": "0s"}):
        assert not live.client.post("/swarm", data=refused).json()["success"]
    before = live.state()
    assert before["state"] != "stopped"  # what is refused ends nothing
    # As the form of a running test sends it: the picker's classes are all, and it has no run time.
    edit = {"user_count": "3", "spawn_rate": "50", "user_classes": list(SCENARIOS)} | fields
    assert live.client.post("/swarm", data=edit).json()["success"]
    wait_until(lambda: live.state()["test"] == before["test"] + 1, 60)
    assert live.state()["settings"] == before["settings"] | {"users": 3}
    wait_until(lambda: live.shows_rows(1), 60)
    offered = pytest.approx(40, rel=0.5)  # of all seconds, also those in which the connections were opened
    wait_until(lambda: live.state()["rows"][0]["offered_rps"] == offered, 60)
    state = live.stop(before["test"] + 1)
    (row,) = state["rows"]
    assert row["offered_rps"] == offered


def test_a_change_stops_a_test_that_is_starting_users(live: Live) -> None:
    live.begin_slowly()
    live.begin(delay="0.25", user_count="4")
    live.forget_requests()
    wait_until(live.have_responses(2, users=4), 60)
    live.client.post("/stop")
    for server in live.servers.values():
        lines = {request.partition(b"\r\n")[0] for _, request in server.requests}
        assert lines == {b"GET /data?delay=0.25 HTTP/1.1"}


def test_a_stop_that_a_worker_receives_together_with_the_start_stops_its_users() -> None:
    make: Any = import_unpatched("locust.env").Environment
    Message: Any = import_unpatched("locust.rpc").Message  # noqa: N806 - a class
    live_load: Any = import_unpatched("portcompare.loadgen.webui.live_load")
    lean: Any = import_unpatched("portcompare.loadgen.user").LeanUser
    users = {"data": type("Data", (lean,), {"request": http_request("/data")})}
    plan = UiPlan(
        name="plan",
        arms=(UiArm(name="old", url="http://127.0.0.1:9"),),
        scenarios={"data": UiScenario(name="data")},
    )
    settings = LiveSettings(scenarios=("data",), arms=("old",))
    master, environment = make().create_master_runner("127.0.0.1", 0), make()
    worker = environment.create_worker_runner("127.0.0.1", master.server.port)
    sent: list[str] = []
    worker.client = SimpleNamespace(send=lambda message: sent.append(message.type))
    job = {"user_classes_count": {"data": 1}, "host": None, "stop_timeout": 0.0, "parsed_options": {}}
    for test in (1, 2):
        sent.clear()
        begin = live_load.BeginLive(test=test, plan=plan, settings=settings, share=WHOLE)
        live_load.LiveLoad(environment, users, begin)
        worker.handle_message(Message("spawn", job | {"timestamp": test}, "worker"))
        while test == 1 and worker.user_count == 0:
            gevent.sleep(0.01)
        worker.handle_message(Message("stop", None, "worker"))
    worker.spawning_greenlet.join()
    worker.greenlet.kill()
    master.quit()
    assert "client_stopped" in sent
    # Locust's leader would have a worker quit that reports users after it has stopped.
    assert "spawning_complete" not in sent


def test_pages_find_their_scripts(live: Live) -> None:
    assert "./side-by-side/assets/tab.js" in live.client.get("/").text
    assert "vegaEmbed" in live.client.get("/side-by-side/charts.js").text
    assert live.client.get("/side-by-side/assets/view.js").status_code == 200


def test_only_the_files_of_runs_with_a_report_are_served(live: Live) -> None:
    paths = {
        "run/report.html": 200,
        "none/report.html": 404,
        "private/notes.txt": 404,  # no run
        "%2e%2e/loadgen.log": 404,  # outside of the folder of runs
        "run/away.txt": 404,  # a link to another
    }
    found = {path: live.client.get(f"/side-by-side/reports/{path}") for path in paths}
    assert {path: response.status_code for path, response in found.items()} == paths
    policies = found["run/report.html"].headers.get_list("Content-Security-Policy")
    assert "sandbox allow-scripts allow-downloads" in "; ".join(policies)


def test_a_form_that_is_too_large_is_refused_before_it_is_read(live: Live) -> None:
    assert live.client.post("/swarm", data={"user_count": "1" * 1_100_000}).status_code == 413
