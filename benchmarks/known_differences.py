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
from pathlib import Path
from typing import Any

from benchmarks.common import HERE, header, publish, row, spread, verdict
from portcompare.model import CONTROL, METRICS, Metric

RUNS = 10
MORE = {"ten-percent-more": 0.1, "thirty-percent-more": 0.3}
LEAST_FOUND = {"ten-percent-more": 0.9, "thirty-percent-more": 1.0}
TOLD: tuple[Metric, ...] = ("throughput", "p50", "cpu_s_per_request")
MOST_FALSE, RUNS_ASKED = 1, 20
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
    valid = sum(one["valid"] for one in runs)
    return [
        f"{len(runs)} runs of {length_s} s, {inside}% inside windows, in {blocks} blocks; {valid} are valid.",
        "",
        *describe_control(runs),
        "",
        *describe_candidates(runs),
    ]


def describe_control(runs: list[dict[str, Any]]) -> list[str]:
    """How often the control, which is the baseline, was called faster or slower."""
    lines = header("the control in", "comparisons", "faster or slower", f"asked for in {RUNS_ASKED} runs", "")
    for metric in METRICS:
        told = [one["verdict"] for run in runs for one in comparisons_of(run, CONTROL, metric)]
        false = sum(word in ("faster", "slower") for word in told)
        is_met = false <= MOST_FALSE * len(runs) / RUNS_ASKED
        lines.append(row(metric, len(told), false, f"at most {MOST_FALSE}", verdict(met=is_met)))
    return lines


def describe_candidates(runs: list[dict[str, Any]]) -> list[str]:
    """In how many runs the heavier ones were called slower at a level without a delay."""
    names = (
        "ratio of CPU time, 32 users",
        *(f"slower in {metric}" for metric in TOLD),
        "in any",
        "asked for",
        "",
    )
    lines = header("candidate", *names)
    for name, least in LEAST_FOUND.items():
        slower = [{metric for metric in TOLD if is_slower(run, name, metric)} for run in runs]
        found = sum(map(bool, slower)) / len(runs)
        cpu = (one["ratio"] for run in runs for one in comparisons_of(run, name, "cpu_s_per_request", 32))
        counts = (f"{sum(metric in one for one in slower)} of {len(runs)}" for metric in TOLD)
        cells = (spread(cpu), *counts, f"{found:.0%}", f"{least:.0%}", verdict(met=found >= least))
        lines.append(row(name, *cells))
    return lines


def comparisons_of(
    run: dict[str, Any], candidate: str, metric: str, level: float | None = None
) -> list[dict[str, Any]]:
    """A run's comparisons of a candidate in a metric; at a level of the fast scenario, if one is given."""
    return [
        one
        for one in run["comparisons"]
        if (one["candidate"], one["metric"]) == (candidate, metric)
        if level is None or (one["scenario"], one["level"]) == ("fast", level)
    ]


def is_slower(run: dict[str, Any], candidate: str, metric: str) -> bool:
    """Whether a candidate was called slower in a metric at a level without a delay."""
    told = comparisons_of(run, candidate, metric)
    return any(one["verdict"] == "slower" for one in told if one["scenario"] == "fast")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS)
