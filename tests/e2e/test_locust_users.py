"""A user class of Locust's own, from its locustfile to the verdict on the answers."""

from __future__ import annotations

import json
import re
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


def test_the_requests_of_a_user_class_are_compared(start: Start, plan: Path) -> None:
    twins = plan.parent / "twins.toml"
    uvicorn = '[deployments.quart-uvicorn]\napp = "quart"\nserver = "uvicorn"\n'
    other = uvicorn + 'environment = { DATA_MAX_DELAY_S = "0.001" }\n'
    twins.write_text(twins.read_text().replace(uvicorn, other))
    text = plan.read_text().replace('user = "Fast"', 'user = "Visitor"')
    plan.write_text(re.sub(r"^locustfile = .*", 'locustfile = "own.py"', text, flags=re.MULTILINE))
    (plan.parent / "own.py").write_text(LOCUSTFILE)
    process = start("check", plan, "--json", measured=True)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 1, err
    parity = json.loads(out)
    differing = {one["case"] for one in parity["differences"]}
    assert "GET /data?delay=0.01" in differing
    assert {case.partition("?")[0] for case in differing} <= {"GET /data", "HEAD /data"}
