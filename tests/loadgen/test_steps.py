"""A shape of steps under plain Locust, in one process and in several."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.loadgen.scripted import OK, answering, serve

if TYPE_CHECKING:
    from pathlib import Path

DELAY_S = 0.05
STAIRS = """
from portcompare.loadgen import LeanUser, Step, Steps, http_request

class Data(LeanUser):
    request = http_request("/data")

class Stairs(Steps):
    steps = (Step(users=1, seconds=3), Step(users=4, seconds=3))
"""


def lines_of(said: str) -> dict[str, dict[str, Any]]:
    """The statistics of the process that has any: a worker prints an empty list of its own."""
    lists = said.replace("[]\n", "")
    return {line["name"]: line for line in json.loads(lists)}


@pytest.mark.parametrize("processes", [[], ["--processes", "2"]], ids=["one process", "two workers"])
def test_each_step_has_lines_of_its_own(tmp_path: Path, processes: list[str]) -> None:
    locustfile = tmp_path / "locustfile.py"
    locustfile.write_text(STAIRS, encoding="utf-8")
    options = ["-f", str(locustfile), "--headless", "--json", "--only-summary", *processes]
    with serve(answering(OK, delay_s=DELAY_S)) as server:
        ended = subprocess.run(
            [sys.executable, "-m", "locust", *options, "--host", server.url],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    assert ended.returncode == 0, ended.stderr
    lines = lines_of(ended.stdout)
    assert set(lines) == {
        "/data [towards step 1]",
        "/data [step 1: 1 user]",
        "/data [towards step 2]",
        "/data [step 2: 4 users]",
    }
    one, four = (lines[f"/data [{step}]"]["num_requests"] for step in ("step 1: 1 user", "step 2: 4 users"))
    # A user is answered 20 times a second; a settled step lasts a second or two, by when Locust asks.
    assert 10 < one < 45
    assert 45 < four < 180
    counted = sum(line["num_requests"] for line in lines.values())
    assert len(server.requests) - 8 <= counted <= len(server.requests)
