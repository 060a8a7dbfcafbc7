"""How long does a check take, and does it find nothing where there is nothing?

    .venv/bin/python -m benchmarks.parity

The whole command, servers started and stopped: the twins, a twin that differs in many cases, and an app whose
every response differs by itself, against itself. Writes docs/parity.md.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from shutil import copy
from typing import Any

from benchmarks.common import HERE, header, in_turn, publish, row, spread, verdict, versions

ROOT = HERE.parent
ROUNDS, RESTLESS_PER_ROUND = 5, 4
LEAST_CASES, MOST_ALIKE_S = 300, 20.0
LEAST_DIFFERENCES, MOST_DIFFERING_S = 40, 40.0
PAGE = ROOT / "docs" / "parity.md"

TWINS = f"""
baseline = "flask-gunicorn"
candidates = ["CANDIDATE"]
include = ["{ROOT}/loadtests/twins.toml"]
locustfile = "{ROOT}/loadtests/locustfile.py"

[parity]
openapi = "openapi.json"
examples = 16

[apps.differing]
target = "benchmarks.apps.differing:app"
interface = "asgi"
directory = "{ROOT}"
environment = {{ DATA_UPSTREAM_URL = "{{upstream.waiting}}" }}

[deployments.differing]
app = "differing"
server = "hypercorn"

[scenarios.fast]
user = "Fast"
load = {{ users = [32] }}
"""

RESTLESS = f"""
baseline = "one"
candidates = ["other"]

[apps.restless]
target = "benchmarks.apps.restless:app"
interface = "wsgi"
directory = "{ROOT}"

[deployments.one]
app = "restless"
server = "gunicorn"
threads = 8

[deployments.other]
app = "restless"
server = "gunicorn"
threads = 8

[scenarios.clock]
request = {{ path = "/clock" }}
load = {{ users = [1] }}

[parity]
requests = [{{ path = "/list" }}, {{ path = "/bytes" }}, {{ path = "/page" }}]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One run of `portcompare check`: how long it took, and what it reported."""

    seconds: float
    parity: dict[str, Any]

    @property
    def differences(self) -> int:
        """How many differences count."""
        return sum(not one["allowed"] and one["severity"] != "harmless" for one in self.parity["differences"])

    @property
    def cases_that_differ(self) -> int:
        """How many cases show one."""
        return len({one["case"] for one in self.parity["differences"] if one["severity"] != "harmless"})


def main() -> None:
    """Measure and publish."""
    publish("parity", describe(measure(ROUNDS)), page=PAGE)


def measure(rounds: int) -> dict[str, list[Check]]:
    """Run all checks in turn."""
    plans = {
        "alike": TWINS.replace("CANDIDATE", "quart-hypercorn"),
        "differing": TWINS.replace("CANDIDATE", "differing"),
        "restless": RESTLESS,
    }
    with tempfile.TemporaryDirectory() as folder:
        copy(ROOT / "loadtests" / "openapi.json", folder)  # an absolute path would be one on the server
        sides = {}
        for name, text in plans.items():
            path = Path(folder, f"{name}.toml")
            path.write_text(text, encoding="utf-8")
            sides[name] = partial(check, path, RESTLESS_PER_ROUND if name == "restless" else 1)
        return {name: list(chain(*runs)) for name, runs in in_turn(sides, rounds).items()}


def check(plan: Path, times: int) -> list[Check]:
    """Run a check so many times."""
    found = []
    for _ in range(times):
        begun_s = time.monotonic()
        command = [sys.executable, "-m", "portcompare", "check", str(plan), "--json"]
        done = subprocess.run(command, check=False, stdout=subprocess.PIPE, cwd=ROOT)
        found.append(Check(seconds=time.monotonic() - begun_s, parity=json.loads(done.stdout)))
    return found


def describe(found: Mapping[str, Sequence[Check]]) -> list[str]:
    """The figures as Markdown."""
    alike, differing, restless = found["alike"], found["differing"], found["restless"]
    cases = [one.parity["cases"] for one in alike]
    false = sum(one.differences for one in (*alike, *restless))
    shown = [one.cases_that_differ for one in differing]
    return [
        *header("figure", "measured", "required", ""),
        row(
            "cases of the twins",
            spread(cases),
            f"at least {LEAST_CASES}",
            verdict(met=min(cases) >= LEAST_CASES),
        ),
        _time("alike: time of the whole command, s", alike, MOST_ALIKE_S),
        row(
            "cases of the twin that differs in which it is found",
            spread(shown),
            f"at least {LEAST_DIFFERENCES}",
            verdict(met=min(shown) >= LEAST_DIFFERENCES),
        ),
        _time("differing: time of the whole command, s", differing, MOST_DIFFERING_S),
        row(
            "differences found where there is none",
            f"{false} in {len(alike)} checks of the twins and {len(restless)} of an app against itself",
            "none",
            verdict(met=not false),
        ),
        "",
        f"{len(alike)} rounds of all in turn; one candidate beside baseline and control.",
        f"{versions('schemathesis', 'hypothesis', 'selectolax')}.",
    ]


def _time(title: str, runs: Sequence[Check], most_s: float) -> str:
    times_s = [one.seconds for one in runs]
    return row(title, spread(times_s), f"less than {most_s:g}", verdict(met=max(times_s) < most_s))


if __name__ == "__main__":
    main()
