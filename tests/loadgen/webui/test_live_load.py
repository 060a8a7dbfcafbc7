"""Real workers under the web UI, against servers that count: the view is the exact account of all of them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from portcompare.http.requests import http_request
from portcompare.wire.protocol import Prepare, ScenarioSource
from portcompare.wire.ui_protocol import OpenUi, ShowState, UiArm, UiOpened, UiPlan, UiScenario, Wishes
from tests.e2e.processes import wait_until
from tests.loadgen.generator import Generator
from tests.loadgen.plain import have_asked
from tests.loadgen.scripted import OK, answering, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

from tests.loadgen.scripted import ScriptedServer

WORKERS = 2
SPAWNED_EVERY_S = 1.0  # Locust starts users once a second, several at once if they are many
SCENARIOS = ("data", "other")  # which ask for the same


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
        """Load until something is so, then stop; what is shown at the end."""
        for server in self.servers.values():
            server.requests.clear()
        before = self.state()["test"] or 0
        self.begin(**fields)
        wait_until(until, 60)
        self.client.post("/stop")
        wait_until(lambda: self._has_ended(before + 1), 60)
        return self.state()

    def begin(self, **fields: str | list[str]) -> None:
        form = {"user_count": "8", "spawn_rate": "100", "user_classes": "data"} | fields
        started = self.client.post("/swarm", data=form).json()
        assert started["success"], started

    def begin_slowly(self) -> None:
        """Begin a test that is still starting users, some of which ask already."""
        for server in self.servers.values():
            server.requests.clear()
        self.begin(user_count="600", spawn_rate="4")
        wait_until(self.have_answered(2), 60)
        assert self.state()["state"] == "spawning"

    def exchange(self) -> Wishes:
        """What the harness is told once a second."""
        self.generator.send(ShowState(usage={}))
        wishes = self.generator.receive()
        assert isinstance(wishes, Wishes)
        return wishes

    def have_answered(self, times: int, *, users: int = 1) -> Callable[[], bool]:
        """Whether so many users of each arm have been answered so often."""
        return lambda: all(have_asked(one, users=users, times=times) for one in self.servers.values())

    def shows_rows(self, number: int) -> bool:
        """Whether there are so many rows, with some requests in each."""
        rows = self.state()["rows"]
        return len(rows) == number and all(row["requests"] > 5 for row in rows)

    def _has_ended(self, test: int) -> bool:
        state = self.state()
        return bool(state["test"] == test and state["state"] == "stopped")


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder: Path = tmp_path_factory.mktemp("live")
    generator = Generator(folder / "loadgen.log")
    with ExitStack() as stack:
        stack.callback(generator.end)
        servers = {name: stack.enter_context(serve(answering(OK, delay_s=0.01))) for name in ("old", "new")}
        assert len(list(generator.gather(start=WORKERS))) >= 2
        source = ScenarioSource(requests=((http_request("/data"), 1.0),))
        generator.send(Prepare(locustfile=None, scenarios=dict.fromkeys(SCENARIOS, source)))
        generator.receive()
        arms = tuple(UiArm(name=name, url=server.url) for name, server in servers.items())
        plan = UiPlan(name="plan", arms=arms, scenarios={name: UiScenario(name=name) for name in SCENARIOS})
        order = OpenUi(host="127.0.0.1", port=0, password_hash=None, plan=plan, runs=str(folder))
        generator.send(replace(order, picks_classes=True))
        opened = generator.receive()
        assert isinstance(opened, UiOpened)
        live = Live(generator, servers, opened.url)
        stack.callback(live.client.close)
        yield live


def test_at_the_end_the_table_is_what_the_servers_answered(live: Live) -> None:
    state = live.run(live.have_answered(20, users=4))
    for row in state["rows"]:
        answered = len(live.servers[row["arm"]].requests)
        # Each user's last request may have been cut off when it was stopped.
        assert answered - 4 <= row["requests"] <= answered
        assert row["p50_s"] >= 0.0099
        assert row["failures"] == 0
    assert [len({number for number, _ in one.requests}) for one in live.servers.values()] == [4, 4]


def test_in_an_open_load_all_arms_have_the_same_rate(live: Live) -> None:
    state = live.run(live.have_answered(15), load="open", rate="50")
    assert state["settings"]["users"] == 4
    old, new = (row["requests"] for row in state["rows"])
    assert old == pytest.approx(new, rel=0.1, abs=8)


def test_the_class_picker_picks_scenarios_several_at_once_each_with_rows_of_its_own(live: Live) -> None:
    assert '"available_user_classes": ["data", "other"]' in live.client.get("/").text
    rows = live.run(lambda: live.shows_rows(4), user_classes=list(SCENARIOS))["rows"]
    assert [(row["scenario"], row["arm"]) for row in rows] == [
        ("data", "old"),
        ("data", "new"),
        ("other", "old"),
        ("other", "new"),
    ]
    for arm, server in live.servers.items():
        counted = sum(row["requests"] for row in rows if row["arm"] == arm)
        assert len(server.requests) - 4 <= counted <= len(server.requests)


def test_a_delay_is_written_to_the_requests(live: Live) -> None:
    live.run(live.have_answered(2), delay="0.25")
    first = live.servers["old"].requests[0][1]
    assert first.startswith(b"GET /data?delay=0.25 HTTP/1.1\r\n")


def test_a_single_arm_may_be_loaded_but_not_measured(live: Live) -> None:
    for server in live.servers.values():
        server.requests.clear()
    started = live.client.post("/swarm", data={"user_count": "3", "spawn_rate": "9", "arms": "new"})
    assert started.json()["success"]
    wait_until(lambda: len(live.servers["new"].requests) > 20, 60)
    assert live.servers["old"].requests == []
    assert live.client.post("/side-by-side/measure").status_code == 409
    live.client.post("/stop")


def test_what_a_viewer_wishes_to_be_measured_is_told_to_the_harness_once(live: Live) -> None:
    live.run(live.have_answered(2))
    assert live.client.post("/side-by-side/measure").json() == {"success": True}
    wishes = live.exchange()
    assert wishes.measure is not None
    assert wishes.measure.arms == ("old", "new")
    assert wishes.measure.users == 4
    assert live.exchange() == Wishes()


def test_a_proper_measurement_stops_a_test_that_is_still_starting_users_and_is_wished_once(
    live: Live,
) -> None:
    live.begin_slowly()
    with ThreadPoolExecutor() as viewers:
        asked = [viewers.submit(live.client.post, "/side-by-side/measure") for _ in range(3)]
    assert sorted(answer.result().status_code for answer in asked) == [200, 409, 409]
    for server in live.servers.values():
        server.requests.clear()
    threading.Event().wait(SPAWNED_EVERY_S * 2.5)
    assert [server.requests for server in live.servers.values()] == [[], []]
    wait_until(lambda: live.state()["state"] == "stopped", 60)
    assert live.exchange().measure is not None
    assert live.client.post("/side-by-side/measure").status_code == 409  # the harness starts the run now
    assert live.exchange() == Wishes()


def test_a_change_stops_a_test_that_is_still_starting_users(live: Live) -> None:
    live.begin_slowly()
    live.begin(delay="0.25")
    for server in live.servers.values():
        server.requests.clear()
    wait_until(live.have_answered(2, users=4), 60)
    live.client.post("/stop")
    for server in live.servers.values():
        lines = {request.partition(b"\r\n")[0] for _, request in server.requests}
        assert lines == {b"GET /data?delay=0.25 HTTP/1.1"}


def test_many_viewers_get_the_same_answer(live: Live) -> None:
    answers: list[int] = []

    def look() -> None:
        with httpx.Client(base_url=live.client.base_url, trust_env=False, timeout=60) as client:
            answers.extend(client.get("/side-by-side.json").status_code for _ in range(5))

    viewers = [threading.Thread(target=look) for _ in range(20)]
    for viewer in viewers:
        viewer.start()
    for viewer in viewers:
        viewer.join()
    assert answers == [200] * 100
    page = live.client.get("/")
    assert "./side-by-side/assets/tab.js" in page.text
    assert live.client.get("/side-by-side/charts.js").text.count("vegaEmbed") > 0
    assert live.client.get("/side-by-side/assets/view.js").status_code == 200
    assert live.client.get("/side-by-side/reports/none/report.html").status_code == 404
