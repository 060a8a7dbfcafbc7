"""A user class of Locust's own, from its locustfile to the verdict on the answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Start = Callable[..., subprocess.Popen[str]]

LOCUSTFILE = """
from locust import HttpUser, between, task


class Visitor(HttpUser):
    wait_time = between(1, 3)

    @task(100)
    def look(self):
        self.client.get("/data?delay=0.01")

    @task
    def lost(self):
        with self.client.get("/nowhere", catch_response=True) as answer:
            answer.success()
"""


def check(start: Start, plan: Path) -> tuple[int, dict[str, object], str]:
    plan.write_text(plan.read_text().replace('user = "Fast"', 'user = "Visitor"'))
    text = plan.read_text().split("\n")
    lines = ['locustfile = "own.py"' if line.startswith("locustfile") else line for line in text]
    plan.write_text("\n".join(lines))
    (plan.parent / "own.py").write_text(LOCUSTFILE)
    process = start("check", plan, "--json", measured=True)
    out, err = process.communicate(timeout=300)
    return process.returncode, json.loads(out) if out else {}, err


def test_what_a_user_class_asks_for_is_compared(start: Start, plan: Path) -> None:
    status, parity, err = check(start, plan)
    assert (status, parity["equal"]) == (0, True), err


def test_a_port_that_answers_a_user_class_otherwise_is_found(start: Start, plan: Path) -> None:
    twins = plan.parent / "twins.toml"
    uvicorn = '[deployments.quart-uvicorn]\napp = "quart"\nserver = "uvicorn"\n'
    other = uvicorn + 'environment = { DATA_MAX_DELAY_S = "0.001" }\n'
    twins.write_text(twins.read_text().replace(uvicorn, other))
    status, parity, err = check(start, plan)
    assert status == 1, err
    cases = {difference["case"] for difference in parity["differences"]}  # type: ignore[attr-defined]
    assert "GET /data?delay=0.01" in cases
