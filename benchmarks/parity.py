"""How many cases does the check of the answers ask, in what time, and are the twins found equal?

    .venv/bin/python -m benchmarks.parity

The whole command, ten deployments started and stopped, several times. Writes docs/parity.md.
"""

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

from benchmarks.common import HERE, header, publish, row, spread, verdict, versions

RUNS = 5
LEAST_CASES, MOST_S = 300, 20.0
PLAN = HERE.parent / "loadtests" / "every-server.toml"
PAGE = HERE.parent / "docs" / "parity.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One run of `portcompare check`: what it took, and what it said."""

    seconds: float
    parity: dict[str, Any]


def main() -> None:
    """Measure and publish."""
    publish("parity", describe(measure(RUNS)), page=PAGE)


def measure(runs: int) -> list[Check]:
    """Run the check, again and again."""
    found = []
    for number in range(1, runs + 1):
        print(f"run {number} of {runs}", file=sys.stderr)
        command = [sys.executable, "-m", "portcompare", "check", str(PLAN), "--json"]
        begun_s = time.monotonic()
        done = subprocess.run(command, check=False, stdout=subprocess.PIPE)
        found.append(Check(seconds=time.monotonic() - begun_s, parity=json.loads(done.stdout)))
    return found


def describe(found: list[Check]) -> list[str]:
    """The figures as Markdown."""
    cases = [one.parity["cases"] for one in found]
    equal = sum(one.parity["equal"] for one in found)
    differences = sum(len(one.parity["differences"]) for one in found)
    deployments = min(len(one.parity["deployments"]) for one in found)
    return [
        *header("figure", "measured", "asked for", ""),
        row("cases", spread(cases), f"at least {LEAST_CASES}", verdict(met=min(cases) >= LEAST_CASES)),
        row(
            "time of the whole command, s",
            spread(one.seconds for one in found),
            f"less than {MOST_S:g}",
            verdict(met=max(one.seconds for one in found) < MOST_S),
        ),
        row(
            "runs in which every case is equal",
            f"{equal} of {len(found)}, {differences} differences",
            "all, none",
            verdict(met=equal == len(found) and not differences),
        ),
        "",
        f"{len(found)} runs; {deployments} deployments beside the baseline, the control among them.",
        f"{versions('schemathesis', 'hypothesis')}.",
    ]


if __name__ == "__main__":
    main()
