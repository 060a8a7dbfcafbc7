"""Are real differences found, and none where there is none?

    .venv/bin/python -m benchmarks.known_differences [RUNS]

Runs of the default plan's length and levels whose arms are known: the control, which is the baseline once
more, and candidates that are the baseline with 10% and 30% more CPU time a request. What that is in
microseconds is measured first, with one that has 100 us more. Takes three minutes a run; writes
docs/method.md.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.common import HERE, header, publish, row, spread, verdict
from portcompare.model import CONTROL

RUNS = 10
MORE = {"ten-percent-more": 0.1, "thirty-percent-more": 0.3}
LEAST_FOUND = {"ten-percent-more": 0.9, "thirty-percent-more": 1.0}
MOST_FALSE = 1
PAGE = HERE.parent / "docs" / "method.md"

APPS = f"""
[apps.flask]
target = "benchmarks.apps.heavier:app"
interface = "wsgi"
directory = "{HERE.parent}"

[deployments.flask]
app = "flask"
server = "gunicorn"
threads = 8
"""

SCENARIOS = """
[scenarios.fast]
user = "Fast"
seconds = 1.1
load = { users = [1, 32] }

[scenarios.delayed]
user = "Delayed"
delay_s = 0.2
load = { users = [1, 64] }
"""

CALIBRATION = """
[scenarios.fast]
user = "Fast"
load = { users = [32] }
"""


def main(runs: int) -> None:
    """Measure and publish."""
    with tempfile.TemporaryDirectory(prefix="portcompare-") as name:
        request_s = calibrate(Path(name))
        extras_s = {candidate: share * request_s for candidate, share in MORE.items()}
        found = []
        for number in range(1, runs + 1):
            print(f"run {number} of {runs}", file=sys.stderr)
            found.append(compare(Path(name) / f"run{number}", extras_s, SCENARIOS, seed=number))
        publish("known-differences", describe(found), page=PAGE)


def calibrate(folder: Path) -> float:
    """The CPU seconds of a request of the baseline, by what the nominal ones do to a candidate's ratio.

    A server's clock counts what the loop around a request costs as well; the ratio tells how much a nominal
    second of spinning really is.
    """
    nominal_s = 100e-6
    results = compare(folder / "calibration", {"double": nominal_s}, CALIBRATION, seed=0)
    cpu = {one["arm"]: one["cpu_s_per_request"] for one in results["summaries"]}
    real = (cpu["double"] - cpu["baseline"]) / nominal_s
    print(
        f"a request takes {cpu['baseline'] * 1e6:.1f} us; 1 us more is really {real:.2f} us", file=sys.stderr
    )
    request_s: float = cpu["baseline"] / real
    return request_s


def compare(folder: Path, extras_s: dict[str, float], scenarios: str, seed: int) -> dict[str, Any]:
    """One run of portcompare; what its results.json holds."""
    folder.mkdir()
    deployments = "".join(
        f"[deployments.{name}]\napp = 'flask'\nserver = 'gunicorn'\nthreads = 8\n"
        f"environment = {{ HEAVIER_EXTRA_S = '{extra_s:.9f}' }}\n"
        for name, extra_s in extras_s.items()
    )
    plan = folder / "plan.toml"
    locustfile = HERE.parent / "loadtests" / "locustfile.py"
    top = f"baseline = 'flask'\ncandidates = {list(extras_s)}\nlocustfile = '{locustfile}'\n"
    plan.write_text(f"{top}{APPS}{deployments}{scenarios}[rounds]\nseed = {seed}\n", encoding="utf-8")
    command = [sys.executable, "-m", "portcompare", "run", str(plan), "--out", str(folder / "out")]
    done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
    results: dict[str, Any] = json.loads((folder / "out" / "results.json").read_text(encoding="utf-8"))
    assert results["comparisons"], (done.returncode, results["invalid_reasons"])
    return results


def describe(runs: list[dict[str, Any]]) -> list[str]:
    """The figures as Markdown."""
    length_s = spread(one["duration_s"] for one in runs)
    inside = spread(100 * one["measured_s"] / one["duration_s"] for one in runs)
    blocks = spread(len({place["block"] for place in one["rounds"]}) for one in runs)
    summary = f"{len(runs)} runs of {length_s} s, {inside}% of it inside windows, in {blocks} blocks."
    lines = [
        summary,
        "",
        *header("arm that is the baseline", "metric", "comparisons", "faster or slower", "at most", ""),
    ]
    metrics = list(dict.fromkeys(one["metric"] for one in runs[0]["comparisons"]))
    for metric in metrics:
        told = [one for run in runs for one in comparisons_of(run, metric) if one["candidate"] == CONTROL]
        false = sum(one["verdict"] in ("faster", "slower") for one in told)
        lines.append(row(CONTROL, metric, len(told), false, MOST_FALSE, verdict(met=false <= MOST_FALSE)))
    lines += ["", *header("candidate", "called slower", "by", "asked for", "", "CPU ratio, 32 users, fast")]
    for name, least in LEAST_FOUND.items():
        slower = [slower_by(run, name) for run in runs]
        share = sum(map(bool, slower)) / len(runs)
        times = Counter(metric for run_slower in slower for metric in run_slower)
        by = ", ".join(f"{metric} {number}" for metric, number in times.most_common())
        cpu = [
            one["ratio"]
            for run in runs
            for one in comparisons_of(run, "cpu_s_per_request")
            if (one["candidate"], one["scenario"], one["level"]) == (name, "fast", 32)
        ]
        asked = f"{least:.0%} of the runs"
        lines.append(
            row(name, f"{share:.0%}", by or "nothing", asked, verdict(met=share >= least), spread(cpu))
        )
    return lines


def comparisons_of(run: dict[str, Any], metric: str) -> list[dict[str, Any]]:
    """A run's comparisons in one metric."""
    return [one for one in run["comparisons"] if one["metric"] == metric]


def slower_by(run: dict[str, Any], candidate: str) -> list[str]:
    """The metrics in which a candidate was called slower at a level without a delay."""
    told = [one for one in run["comparisons"] if one["candidate"] == candidate and one["scenario"] == "fast"]
    return list(dict.fromkeys(one["metric"] for one in told if one["verdict"] == "slower"))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS)
