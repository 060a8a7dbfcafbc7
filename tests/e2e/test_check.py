"""A check of every server."""

import json
from pathlib import Path

from tests.e2e.conftest import Start, write_plan

# Every server, and every interface of those with two.
EVERY_SERVER = """
baseline = "flask-gunicorn"
candidates = [
    "flask-gunicorn-gevent",
    "flask-waitress",
    "flask-granian",
    "flask-hypercorn",
    "quart-hypercorn",
    "quart-uvicorn",
    "quart-granian",
]
include = ["twins.toml"]
locustfile = "own.py"

[scenarios.visits]
user = "Visitor"
load = { users = [1] }
"""
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


def test_every_server_responds_alike_and_a_difference_is_found(start: Start, tmp_path: Path) -> None:
    folder = write_plan(tmp_path / "loadtests", vary='["/data"]').parent
    twins = folder / "twins.toml"
    uvicorn = '[deployments.quart-uvicorn]\napp = "quart"\nserver = "uvicorn"\n'
    assert uvicorn in twins.read_text()
    other = uvicorn + 'environment = { DATA_MAX_DELAY_S = "0.001" }\n'
    twins.write_text(twins.read_text().replace(uvicorn, other))
    (folder / "own.py").write_text(LOCUSTFILE)
    plan = folder / "every-server.toml"
    plan.write_text(EVERY_SERVER)

    process = start("check", plan, "--json", measured=True)
    out, err = process.communicate(timeout=300)

    assert process.returncode == 1, err
    parity = json.loads(out)
    assert parity["verdict"] == "different"
    assert parity["cases"] > 100
    assert len(parity["deployments"]) == 8  # the candidates and the control
    assert parity["differences"]
    assert [one for one in parity["differences"] if one["deployment"] != "quart-uvicorn"] == []
    assert all(one["curl_candidate"].startswith("curl ") for one in parity["differences"])
    differing = {one["case"] for one in parity["differences"]}
    assert "GET /data?delay=0.01" in differing
    assert all("/data" in case for case in differing)  # and no request to /nowhere
