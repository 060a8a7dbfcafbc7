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


def test_every_deployment_answers_alike(start: Start) -> None:
    process = start("check", ROOT / "loadtests" / "every-server.toml", "--json")
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    parity = json.loads(out)
    assert parity["schema_version"] == 1
    assert parity["equal"]
    assert parity["cases"] >= 300
    paths = json.loads((ROOT / "loadtests" / "openapi.json").read_text())["paths"]
    assert {seed.partition(":")[0] for seed in parity["seeds"]} == {
        f"{method} {path}" for path in paths for method in ("GET", "HEAD")
    }
    assert len(parity["deployments"]) == 10  # nine candidates and the control
    assert parity["differences"] == []


def test_a_difference_is_shown_and_ends_in_one(start: Start, plan: Path) -> None:
    twins = plan.parent / "twins.toml"
    uvicorn = '[deployments.quart-uvicorn]\napp = "quart"\nserver = "uvicorn"\n'
    other = uvicorn + 'environment = { DATA_MAX_DELAY_S = "5" }\n'
    twins.write_text(twins.read_text().replace(uvicorn, other))
    junit = plan.parent / "junit.xml"
    process = start("check", plan, "--junit", junit, measured=True)
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "The answers differ" in out
    assert "quart-uvicorn" in out
    assert re.search(r"^  curl .* 'http://127\.0\.0\.1:\d+/data\?", out, re.MULTILINE)
    failures = {
        suite.attrib["name"]: int(suite.attrib["failures"])
        for suite in ET.parse(junit).getroot()  # noqa: S314 - our own
    }
    assert failures["control"] == 0
    assert failures["quart-uvicorn"] > 0


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
