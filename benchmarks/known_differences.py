"""Are real differences found, and none where there is none: on a quiet machine, and beside a noisy neighbour?

    .venv/bin/python -m benchmarks.known_differences FOLDER [--smoke]

Runs of one scenario whose arms are known: the control and one candidate are the baseline once more, the other
candidates are the baseline with 5% and 10% more CPU time a request. How much work that is, is measured first.
Eight runs of two minutes; what the folder holds already is not measured again. Writes docs/method.md.
With --smoke there are two short runs, and the figures are printed only.
"""

import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from statistics import fmean

from benchmarks.common import HERE, header, publish, row, run_plan, spread, verdict
from benchmarks.neighbour import neighbour
from portcompare.analyse.comparisons import judge_ratio
from portcompare.records.estimates import Estimate
from portcompare.records.metrics import MetricName, round_metrics
from portcompare.records.results import Results
from portcompare.records.rounds import CONTROL

MORE = {"ten-percent-more": 0.1, "five-percent-more": 0.05}
MARGINS = {"ten-percent-more": 0.05, "five-percent-more": 0.02}
LEAST_FOUND = {"ten-percent-more": 10, "five-percent-more": 9}  # of ten runs on a quiet machine
GUESS = {"ten-percent-more": 48, "five-percent-more": 24}
AGAIN = "the-same-again"
SHOWN: tuple[MetricName, ...] = ("throughput", "p50", "cpu_s_per_request")
MOST_FALSE, LEAST_COVERED = 1 / 80, 0.9
RUNS, QUIET, NOISY = 4, "quiet", "beside the neighbour"
ROUNDS, CALIBRATION = "seconds = 0.4\nprecision = 0.001\nmax_blocks = 20\nbudget_s = 120", "budget_s = 150"
SMOKE = "min_blocks = 2\nmax_blocks = 2\nbudget_s = 45"
PAGE = HERE.parent / "docs" / "method.md"

PLAN = f"""
baseline = "flask"
candidates = {[*MORE, AGAIN]}
locustfile = "{HERE.parent}/loadtests/locustfile.py"

[apps.flask]
target = "benchmarks.apps.heavier:app"
interface = "wsgi"
directory = "{HERE.parent}"

[scenarios.fast]
user = "Fast"
load = {{ users = [32] }}
"""

Runs = dict[str, list[Results]]


def main(folder: Path, *, smoke: bool) -> None:
    """Measure and publish."""
    folder.mkdir(exist_ok=True)
    pieces = GUESS if smoke else calibrate(folder)
    runs: Runs = {QUIET: [], NOISY: []}
    for number in range(1, 2 if smoke else RUNS + 1):
        for beside, found in runs.items():
            name = f"{beside}-{number}".replace(" ", "-")
            with neighbour(number) if beside == NOISY else nullcontext():
                found.append(compare(folder / name, pieces, f"seed = {number}\n{SMOKE if smoke else ROUNDS}"))
    publish("known-differences", describe(runs), page=PAGE, dry=smoke)


def calibrate(folder: Path) -> dict[str, int]:
    """How often a candidate must do the piece of work for its share of CPU time: by what two guesses cost.

    Each by its own: few pieces cost less each than many, which also change how threads follow one another.
    """
    pieces, costs = GUESS, {name: list[float]() for name in GUESS}
    for number in (1, 2):
        results = compare(folder / f"calibration-{number}", pieces, CALIBRATION)
        for name, guess in pieces.items():
            ratio = ratio_of(results, name, "cpu_s_per_request").point
            assert ratio is not None
            costs[name].append((ratio - 1) / guess)
            print(f"{name}: {guess} pieces take {ratio:.3f} times the CPU time", file=sys.stderr)
        pieces = {name: round(MORE[name] / fmean(each)) for name, each in costs.items()}
    return pieces


def compare(folder: Path, pieces: dict[str, int], rounds: str) -> Results:
    """Run portcompare, unless the folder has the run."""
    deployments = "".join(
        f"[deployments.{name}]\napp = 'flask'\nserver = 'gunicorn'\nthreads = 8\n"
        f"environment = {{ HEAVIER_TURNS = '{count}' }}\n"
        for name, count in {"flask": 0, AGAIN: 0, **pieces}.items()
    )
    print(folder.name, file=sys.stderr)
    plan = folder.with_suffix(".toml")
    plan.write_text(f"{PLAN}{deployments}[rounds]\n{rounds}\n", encoding="utf-8")
    return run_plan(plan, folder)


def ratio_of(run: Results, candidate: str, metric: str) -> Estimate:
    """A run's ratio of a candidate in a metric."""
    (found,) = (one.ratio for one in run.comparisons if (one.candidate, one.metric) == (candidate, metric))
    return found


def describe(runs: Runs) -> list[str]:
    """The figures as Markdown."""
    return [
        *(f"{beside.capitalize()}: {describe_runs(found)}." for beside, found in runs.items()),
        "",
        *describe_equals(runs),
        "",
        *describe_candidates(runs),
    ]


def describe_runs(runs: list[Results]) -> str:
    """How long they took, and how many can be relied on."""
    inside = spread(100 * one.measured_s / one.duration_s for one in runs)
    blocks = spread(len({each.block for each in one.rounds}) for one in runs)
    return (
        f"{len(runs)} runs of {spread(one.duration_s for one in runs)} s, {inside}% under load,"
        f" in {blocks} blocks; {sum(one.valid for one in runs)} are valid"
    )


def describe_equals(runs: Runs) -> Iterator[str]:
    """Of the arms that are the baseline: how wide the intervals are, and how often these say that."""
    yield from header(
        *("", "in", "control's half-width, %", "intervals that contain 1", f"required: {LEAST_COVERED:.0%}"),
        *("faster or slower", f"required: at most {MOST_FALSE * 80:.0f} of 80"),
    )
    for beside, found in runs.items():
        holds = equals = 0
        for metric in round_metrics():
            ratios = [ratio_of(run, arm, metric) for run in found for arm in (CONTROL, AGAIN)]
            known = [one.interval for one in ratios if one.interval is not None]
            contain = sum(low <= 1 <= high for low, high in known)
            false = sum(one.verdict in ("faster", "slower") for one in ratios)
            halves = spread(50 * (high - low) for low, high in known[::2]) if known else "none"
            limit = verdict(met=bool(known) and false <= max(1, MOST_FALSE * len(known)))
            yield row(
                beside, metric, halves, f"{contain} of {len(known)}", "", f"{false} of {len(known)}", limit
            )
            holds, equals = holds + contain, equals + len(known)
        yield row(
            beside,
            "all",
            "",
            f"{holds} of {equals}",
            verdict(met=0 < LEAST_COVERED * equals <= holds),
            "",
            "",
        )


def describe_candidates(runs: Runs) -> Iterator[str]:
    """In how many runs the heavier ones were called slower at their margin."""
    names = ("ratio of CPU time", *(f"slower in {metric}" for metric in SHOWN), "in any", "required", "")
    yield from header("", "candidate", "margin", *names)
    for beside, found in runs.items():
        for name, margin in MARGINS.items():
            slower = [{metric for metric in SHOWN if is_slower(run, name, metric, margin)} for run in found]
            count = sum(map(bool, slower))
            cpu = (ratio_of(run, name, "cpu_s_per_request").point or 0.0 for run in found)
            counts = (f"{sum(metric in one for one in slower)} of {len(found)}" for metric in SHOWN)
            is_required = beside == QUIET
            required = (
                f"{LEAST_FOUND[name]} of 10",
                verdict(met=count * 10 >= LEAST_FOUND[name] * len(found)),
            )
            yield row(
                beside,
                name,
                margin,
                spread(cpu),
                *counts,
                f"{count}",
                *(required if is_required else ("", "")),
            )


def is_slower(run: Results, candidate: str, metric: MetricName, margin: float) -> bool:
    """Whether a run with this margin calls a candidate slower."""
    return judge_ratio(metric, ratio_of(run, candidate, metric), margin).verdict == "slower"


if __name__ == "__main__":
    main(Path(sys.argv[1]), smoke="--smoke" in sys.argv)
