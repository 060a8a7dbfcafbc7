"""Are real differences found, and none where there is none?

    .venv/bin/python -m benchmarks.known_differences FOLDER [RUNS]

Runs of the default plan's levels whose arms are known: the control, which is the baseline once more, and
candidates. In the first half of the runs these are the baseline with 10% and 30% more CPU time a request; how
many turns of a loop that is, is measured first. In the other half the candidate is the baseline too. The
former are as long as the default plan's, the latter shorter by the arm that they lack, three and two minutes;
what the folder holds already is not measured again. Writes docs/method.md.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.common import HERE, header, publish, row, spread, verdict
from portcompare.records.metrics import MetricName, round_metrics
from portcompare.records.rounds import CONTROL

MORE = {"ten-percent-more": 0.1, "thirty-percent-more": 0.3}
LEAST_FOUND = {"ten-percent-more": 0.9, "thirty-percent-more": 1.0}
TOLD: tuple[MetricName, ...] = ("throughput", "p50", "cpu_s_per_request")
MOST_FALSE, RUNS_ASKED = 1, 20
GUESS = {"ten-percent-more": 48, "thirty-percent-more": 159}
ALIKE, ALIKE_ROUNDS = {"the-same-again": 0}, "budget_s = 120"
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

DEFAULT_PLAN = (HERE.parent / "loadtests" / "plan.toml").read_text(encoding="utf-8")
SCENARIOS = DEFAULT_PLAN[DEFAULT_PLAN.index("[scenarios.") :]
"""The default plan's own, which are its last tables."""

CALIBRATION = """
[scenarios.fast]
user = "Fast"
load = { users = [32] }
"""
CALIBRATION_ROUNDS = "precision = 0.005\nmin_blocks = 20\nmax_blocks = 20\nbudget_s = 400"


def main(folder: Path, runs: int) -> None:
    """Measure and publish."""
    folder.mkdir(exist_ok=True)
    turns = kept(folder / "turns.json", calibrate)
    found: list[list[dict[str, Any]]] = []
    for name, arms, rounds in (("run", turns, ""), ("alike", ALIKE, ALIKE_ROUNDS)):
        found.append([])
        for number in range(1, runs // 2 + 1):
            print(f"{name} {number} of {runs // 2}", file=sys.stderr)
            measure = partial(compare, arms, SCENARIOS, f"seed = {number}\n{rounds}")
            found[-1].append(kept(folder / f"{name}{number}.json", measure))
    publish("known-differences", describe(*found), page=PAGE)


def kept(path: Path, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What a file holds; if there is none, what is measured now and kept there."""
    if not path.exists():
        path.write_text(json.dumps(measure()), encoding="utf-8")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def calibrate() -> dict[str, int]:
    """How many turns a request each candidate makes for its share of CPU time: by what guesses cost.

    Each by its own: turns of few cost less than those of many, which also change how threads take turns. The
    second guess is what the first has led to; what both cost is averaged.
    """
    turns, costs = GUESS, {name: list[float]() for name in GUESS}
    for _ in range(2):
        results = compare(turns, CALIBRATION, CALIBRATION_ROUNDS)
        for name, guess in turns.items():
            (ratio,) = (
                one["ratio"]["point"] for one in comparisons_of(results, name, "cpu_s_per_request", 32)
            )
            costs[name].append((ratio - 1) / guess)
            print(f"{name}: {guess} turns take {ratio:.3f} times the CPU time", file=sys.stderr)
        turns = {name: round(MORE[name] / fmean(each)) for name, each in costs.items()}
    print(f"turns: {turns}", file=sys.stderr)
    return turns


def compare(turns: dict[str, int], scenarios: str, rounds: str) -> dict[str, Any]:
    """One run of portcompare; what its results.json holds."""
    deployments = "".join(
        f"[deployments.{name}]\napp = 'flask'\nserver = 'gunicorn'\nthreads = 8\n"
        f"environment = {{ HEAVIER_TURNS = '{count}' }}\n"
        for name, count in turns.items()
    )
    locustfile = HERE.parent / "loadtests" / "locustfile.py"
    top = f"baseline = 'flask'\ncandidates = {list(turns)}\nlocustfile = '{locustfile}'\n"
    with tempfile.TemporaryDirectory(prefix="portcompare-") as name:
        plan, out = Path(name, "plan.toml"), Path(name, "out")
        plan.write_text(f"{top}{APPS}{deployments}{scenarios}[rounds]\n{rounds}\n", encoding="utf-8")
        command = [sys.executable, "-m", "portcompare", "run", str(plan), "--out", str(out)]
        done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
        results: dict[str, Any] = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert not results["partial"], (done.returncode, results["invalid_reasons"])
    return results


def describe(heavier: list[dict[str, Any]], alike: list[dict[str, Any]]) -> list[str]:
    """The figures as Markdown."""
    return [
        f"With heavier candidates {describe_runs(heavier)}.",
        f"With a candidate that is the baseline too {describe_runs(alike)}.",
        "",
        *describe_equals(heavier, alike),
        "",
        *describe_candidates(heavier),
    ]


def describe_runs(runs: list[dict[str, Any]]) -> str:
    """How long they took, and how many can be relied on."""
    length_s = spread(one["duration_s"] for one in runs)
    inside = spread(100 * one["measured_s"] / one["duration_s"] for one in runs)
    blocks = spread(len({place["block"] for place in one["rounds"]}) for one in runs)
    valid = sum(one["valid"] for one in runs)
    return (
        f"{len(runs)} runs of {length_s} s, {inside}% inside windows, in {blocks} blocks; {valid} are valid"
    )


def describe_equals(heavier: list[dict[str, Any]], alike: list[dict[str, Any]]) -> list[str]:
    """How often an arm that is the baseline was called faster or slower."""
    runs = len(heavier) + len(alike)
    lines = header("in", "control", "faster or slower", f"asked for in {RUNS_ASKED} runs", "", *ALIKE, "")
    for metric in round_metrics():
        control, again = (
            [one["ratio"]["verdict"] for run in chosen for one in comparisons_of(run, arm, metric)]
            for chosen, arm in (([*heavier, *alike], CONTROL), *((alike, name) for name in ALIKE))
        )
        false, other = (sum(word in ("faster", "slower") for word in told) for told in (control, again))
        is_met = false <= MOST_FALSE * runs / RUNS_ASKED
        lines.append(
            row(
                *(metric, f"{len(control)} comparisons", false, f"at most {MOST_FALSE}", verdict(met=is_met)),
                *(f"{len(again)} comparisons", f"{other} faster or slower"),
            )
        )
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
        cpu = (
            one["ratio"]["point"]
            for run in runs
            for one in comparisons_of(run, name, "cpu_s_per_request", 32)
        )
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
    return any(one["ratio"]["verdict"] == "slower" for one in told if one["scenario"] == "fast")


if __name__ == "__main__":
    _, given, *number = sys.argv
    main(Path(given), int(number[0]) if number else RUNS_ASKED)
