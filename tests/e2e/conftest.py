"""What the tests of whole commands share: a short plan over the twins, and running portcompare itself."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

# No round is discarded for a pause of the machine: of two blocks none can be spared.
TWO_BLOCKS = """
[rounds]
seconds = 0.4
warmup_s = 0.05
min_blocks = 2
max_blocks = 2
budget_s = 900

[generator]
max_cpu_ratio = 1.0
max_lag_s = 5.0
max_stall_s = 5.0
"""

VARIED = 'vary = ["/data"]'
SHORT_PLAN = """
baseline = "flask-gunicorn"
candidates = ["quart-uvicorn"]
include = ["{twins}"]
locustfile = "{locustfile}"

[scenarios.fast]
user = "Fast"
load = {{ users = [2] }}

[scenarios.delayed]
request = {{ path = "/data", query = {{ delay = "0.05" }} }}
delay_s = 0.05
load = {{ users = [24] }}
"""


def write_plan(folder: Path, more: str = "", vary: str = "[]") -> Path:
    """Write a plan over the twins that takes a few seconds: those to `vary` are varied."""
    folder.mkdir()
    twins = (ROOT / "loadtests" / "twins.toml").read_text()
    assert VARIED in twins
    twins = twins.replace(VARIED, f"vary = {vary}")
    (folder / "twins.toml").write_text(twins.replace('interface = "', f'directory = "{ROOT}"\ninterface = "'))
    path = folder / "short.toml"
    locustfile = ROOT / "loadtests" / "locustfile.py"
    path.write_text(SHORT_PLAN.format(twins="twins.toml", locustfile=locustfile) + TWO_BLOCKS + more)
    return path


def read_results(folder: Path) -> dict[str, Any]:
    results: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return results


def begin(*arguments: str | Path, directory: Path, measured: bool = False) -> subprocess.Popen[str]:
    """Begin a portcompare command.

    Coverage looks on only if asked to: it takes as much CPU again, and its tracer can swallow the exception
    of a signal.
    """
    environment = {name: value for name, value in os.environ.items() if measured or "COVERAGE" not in name}
    return subprocess.Popen(
        [sys.executable, "-m", "portcompare", *map(str, arguments)],
        cwd=directory,
        env=environment | {"COLUMNS": "120"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def find_ui(process: subprocess.Popen[str]) -> str:
    """The address of the web UI, once it is served."""
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"web UI: (http://\S+)", line):
            return found[1]
    raise AssertionError(process.communicate(timeout=10))


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    return write_plan(tmp_path / "loadtests")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start portcompare with arguments; it is ended at the test's end."""
    started: list[subprocess.Popen[str]] = []

    def begin_and_note(*arguments: str | Path, measured: bool = False) -> subprocess.Popen[str]:
        started.append(begin(*arguments, directory=tmp_path, measured=measured))
        return started[-1]

    yield begin_and_note
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
