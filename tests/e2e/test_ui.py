"""`portcompare ui` without a browser: real servers, real workers, and what the view shows of them."""

import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.conftest import Command
from tests.e2e.conftest import Start, find_ui
from tests.e2e.processes import are_gone, command_of, processes_below, wait_until

ARMS = ["flask-gunicorn", "quart-uvicorn"]


class Ui:
    """The running UI, as a client sees it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.client = httpx.Client(base_url=find_ui(process), trust_env=False, timeout=60)

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self.client.get("/side-by-side.json").json()
        return state

    def start(self, **fields: str) -> dict[str, Any]:
        reply: dict[str, Any] = self.client.post("/swarm", data={"spawn_rate": "100"} | fields).json()
        return reply

    def await_requests(self, test: int, least: int) -> None:
        """Wait until each arm has had so many successful requests in a test, by its number."""

        def has_counted() -> bool:
            state = self.state()
            counts = [row["requests"] for row in state["rows"]]
            return state["test"] == test and min(counts, default=0) > least

        wait_until(has_counted)

    def count_by_locust(self) -> dict[str, int]:
        lines = self.client.get("/stats/requests").json()["stats"]
        return {line["name"]: line["num_requests"] for line in lines}

    def stop(self) -> dict[str, Any]:
        self.client.post("/stop")
        wait_until(lambda: self.state()["state"] == "stopped")
        return self.state()


@pytest.fixture
def ui(start: Start, plan: Path) -> Iterator[Ui]:
    running = Ui(start("ui", plan, "--port", "0", "--processes", "2", measured=True))
    with running.client:
        yield running


def test_both_arms_are_loaded_together_counted_exactly_and_kept_up(ui: Ui) -> None:
    reply = ui.start(user_count="4", scenario="delayed", deployments=",".join(ARMS), delay="0.01")
    assert reply["success"], reply
    ui.await_requests(1, 50)
    # A change ends the test and begins another one: no figure blends two loads.
    assert not ui.start(delay="soon")["success"]
    assert ui.start(load="open", rate="40")["success"]
    ui.await_requests(2, 40)
    state = ui.stop()
    assert state["settings"]["model"] == "open"
    assert [mark["text"] for mark in state["charts"]["marks"]] == [
        "delayed: 4 users on each of 2 deployments (8 in total), delay 10.0 ms",
        "stopped",
        "delayed: 40.0/s on each of 2 deployments (80.0/s in total), delay 10.0 ms",
        "stopped",
    ]
    assert {line["arm"] for line in state["charts"]["lines"]} == set(ARMS)
    rows = state["rows"]
    assert [row["arm"] for row in rows] == ARMS
    for row in rows:
        assert (row["requests"] > 40, row["failures"]) == (True, 0)
        assert row["bound_rps"] is not None
        assert row["server_rss_bytes"] > 10**6
    # Locust counts the same, each arm on its own line, once its workers have reported everything.
    counted = {f"{row['arm']} delayed: /data?delay=0.01": row["requests"] for row in rows}
    wait_until(lambda: counted.items() <= ui.count_by_locust().items())

    _kill_server(ui.process.pid)
    wait_until(lambda: sum(row["restarts"] for row in ui.state()["rows"]) == 1)
    process = ui.process
    tree = processes_below(process.pid)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 130
    assert re.search(r"quart-uvicorn ended with status \d+ and was started again", err)
    wait_until(lambda: are_gone(tree))


def _kill_server(pid: int) -> None:
    for server in processes_below(pid):
        command = command_of(server)
        if "uvicorn" in " ".join(command) and not any("watchdog.py" in part for part in command):
            server.kill()
            psutil.wait_procs([server], timeout=10)
            return
    raise AssertionError("uvicorn is not there")


def test_beyond_loopback_it_is_refused_without_a_password(
    plan: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PORTCOMPARE_UI_PASSWORD", raising=False)
    code, _, err = command("ui", plan, "--host", "0.0.0.0")  # noqa: S104 - refused
    assert code == 2
    assert "--host: 0.0.0.0 can be reached by others" in err
    assert "PORTCOMPARE_UI_PASSWORD" in err
