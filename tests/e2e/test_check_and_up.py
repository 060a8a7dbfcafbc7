from __future__ import annotations

import json
import re
import signal
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import httpx

from tests.e2e.conftest import ROOT
from tests.e2e.processes import are_gone, processes_below

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Start = Callable[..., subprocess.Popen[str]]

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
[parity]
openapi = "openapi.json"
examples = 1

[scenarios.plain]
request = { path = "/data" }
load = { users = [1] }
"""


def test_every_server_responds_alike_and_a_difference_is_found(start: Start, tmp_path: Path) -> None:
    twins = (ROOT / "loadtests" / "twins.toml").read_text()
    uvicorn = '[deployments.quart-uvicorn]\napp = "quart"\nserver = "uvicorn"\n'
    assert uvicorn in twins
    twins = twins.replace(uvicorn, uvicorn + 'environment = { DATA_MAX_DELAY_S = "5" }\n')
    (tmp_path / "twins.toml").write_text(
        twins.replace('interface = "', f'directory = "{ROOT}"\ninterface = "')
    )
    document = (ROOT / "loadtests" / "openapi.json").read_text()
    (tmp_path / "openapi.json").write_text(document)
    plan = tmp_path / "every-server.toml"
    plan.write_text(EVERY_SERVER)
    junit = tmp_path / "junit.xml"

    process = start("check", plan, "--json", "--junit", junit, measured=True)
    out, err = process.communicate(timeout=300)

    assert process.returncode == 1, err
    parity = json.loads(out)
    assert not parity["equal"]
    assert parity["cases"] >= 200
    assert {seed.partition(":")[0] for seed in parity["seeds"]} == {
        f"{method} {path}" for path in json.loads(document)["paths"] for method in ("GET", "HEAD")
    }
    assert len(parity["deployments"]) == 8  # the candidates and the control
    assert {one["deployment"] for one in parity["differences"]} == {"quart-uvicorn"}
    assert all(one["curl_candidate"].startswith("curl ") for one in parity["differences"])
    failures = {
        suite.attrib["name"]: int(suite.attrib["failures"])
        for suite in ET.parse(junit).getroot()  # noqa: S314 - our own
    }
    assert {name for name, number in failures.items() if number} == {"quart-uvicorn"}


def test_up_serves_side_by_side_until_it_is_interrupted(start: Start, plan: Path) -> None:
    process = start("up", plan)
    assert process.stdout is not None
    addresses: dict[str, str] = {}
    for line in process.stdout:
        if found := re.search(r"(\S+) +(http://127\.0\.0\.1:\d+)", line):
            addresses[found[1]] = found[2]
        if len(addresses) == 3:
            break
    assert set(addresses) == {"flask-gunicorn", "quart-uvicorn", "waiting"}
    assert "upstream" in line
    for name, address in addresses.items():
        path = "/data" if name == "waiting" else "/data/upstream"
        assert httpx.get(f"{address}{path}", trust_env=False).json() == {"message": "Hello"}
    uses = (line for line in process.stdout if re.search(r"[0-9.]+ CPUs +[0-9.]+ MiB", line))
    assert {next(uses).split()[0] for _ in range(2)} == {"flask-gunicorn", "quart-uvicorn"}
    tree = processes_below(process.pid)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert are_gone(tree)
