"""One and the same app, started again and again: what differs by itself is no difference."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.conftest import begin
from tests.parity.defects.plans import ROOT, deployment, write_plan

if TYPE_CHECKING:
    from pathlib import Path

STARTS = 10

# Its answers hold the second, a token and a count; a cookie that expires; Allow and Vary in any order.
REQUESTS = """
[scenarios.receipt]
request = { path = "/receipt" }
load = { users = [1] }
"""

ASK_FOR_METHODS = """
from tests.parity.defects.flask_shop import app
answer = app.test_client().options("/receipt")
print(answer.headers["Allow"])
print(app.test_client().get("/receipt").headers["Vary"])
"""


@pytest.mark.parametrize(("app", "server"), [("flask", "waitress"), ("quart", "uvicorn")])
def test_no_two_starts_of_one_app_differ(tmp_path: Path, app: str, server: str) -> None:
    seeds = {f"start-{number}": str(number) for number in range(1, STARTS + 1)}
    tables = [
        deployment(name, app, server, PYTHONHASHSEED=seed) for name, seed in {"first": "0", **seeds}.items()
    ]
    plan = write_plan(tmp_path, "first", seeds, tables, REQUESTS)
    process = begin("check", plan, "--json", directory=tmp_path)
    out, err = process.communicate(timeout=300)
    parity: dict[str, Any] = json.loads(out)
    assert parity["differences"] == []
    assert parity["equal"]
    assert process.returncode == 0, err
    assert set(parity["deployments"]) >= seeds.keys()
    masked = {one.rpartition(": ")[2] for one in parity["masked"]}
    assert {"/number", "/token"} <= masked
    assert masked <= {"/number", "/token", "/second", "seen; Expires"}  # where the second has ended meanwhile


def test_the_order_in_allow_and_vary_does_change_with_the_hash_seed() -> None:
    orders = [headers_with_hash_seed(seed) for seed in ("1", "2")]
    for one, other in zip(*orders, strict=True):
        assert one != other
        assert set(one.split(", ")) == set(other.split(", "))


def headers_with_hash_seed(seed: str) -> list[str]:
    environment = os.environ | {"PYTHONHASHSEED": seed}
    command = [sys.executable, "-c", ASK_FOR_METHODS]
    asked = subprocess.run(
        command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True, timeout=60
    )
    return asked.stdout.splitlines()
