"""What do turns gain beside windows, on a quiet machine and beside a noisy neighbour, and are they biased?

    .venv/bin/python -m benchmarks.turns FOLDER [--smoke]

Pairs of runs, one with a window of load an arm, one with turns: only the plan's key differs. All arms are one
app on one server. Four runs of a minute; what the folder holds already is not measured again. Writes
docs/benchmarks.md. With --smoke there is one short pair each, and the figures are printed only.
"""

import sys
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import permutations
from math import exp, log
from pathlib import Path
from statistics import fmean, median

from benchmarks.common import HERE, header, publish, row, run_plan, spread, verdict
from benchmarks.known_differences import MOST_FALSE, NOISY, QUIET
from benchmarks.neighbour import neighbour
from portcompare.records.metrics import METRICS, MetricName
from portcompare.records.results import Results
from portcompare.records.rounds import BASELINE, CONTROL
from portcompare.stats.intervals import LEAST_BLOCKS, paired_ratio
from portcompare.units import share

KEY = "turn_s"
WINDOWS, TURNS = "windows", "turns"
WAYS = {WINDOWS: f"{KEY} = 0", TURNS: f"{KEY} = 0.1"}
PAIRS = 1
BUDGET_S, SMOKE_BUDGET_S = 60, 45
LEVELS = (1, 32)
SHOWN: tuple[MetricName, ...] = ("throughput", "p50", "cpu_s_per_request")
BIASED: tuple[MetricName, ...] = ("throughput", "p50", "p99", "cpu_s_per_request")
MOST_HALF = {"throughput": 0.04, "cpu_s_per_request": 0.03}
LEAST_INSIDE, MOST_BIAS = 0.7, 0.01

Pair = dict[str, Results]  # by way


def plan_of(way: str, seed: int, budget_s: float) -> str:
    """A plan whose arms are all alike, measured in one of the ways."""
    return f"""
baseline = "flask"
candidates = ["the-same-again"]
locustfile = "{HERE.parent}/loadtests/locustfile.py"

[apps.flask]
target = "sync_flask.app:app"
interface = "wsgi"
directory = "{HERE.parent}"

[deployments]
flask = {{ app = "flask", server = "gunicorn", threads = 8 }}
the-same-again = {{ app = "flask", server = "gunicorn", threads = 8 }}

[scenarios.fast]
user = "Fast"
load = {{ users = {list(LEVELS)} }}

[scenarios.delayed]
user = "Delayed"
delay_s = 0.2
load = {{ users = {list(LEVELS)} }}

[rounds]
{WAYS[way]}
seed = {seed}
min_blocks = 2
precision = 0.001
budget_s = {budget_s}
"""


def main(folder: Path, *, smoke: bool) -> None:
    """Measure and publish."""
    folder.mkdir(exist_ok=True)
    found = {beside: list(measure(folder, beside, smoke=smoke)) for beside in (QUIET, NOISY)}
    publish("turns", describe(found), dry=smoke)


def measure(folder: Path, beside: str, *, smoke: bool) -> Iterator[Pair]:
    """Run both ways alternately, either first in turn."""
    orders = list(permutations(WAYS))
    for number in range(PAIRS):
        pair = {}
        for way in orders[number % len(orders)]:
            name = f"{beside}-{way}-{number}".replace(" ", "-")
            print(name, file=sys.stderr)
            plan = folder / f"{name}.toml"
            plan.write_text(plan_of(way, number, SMOKE_BUDGET_S if smoke else BUDGET_S), encoding="utf-8")
            with neighbour(number) if beside == NOISY else nullcontext():
                pair[way] = run_plan(plan, folder / name)
        yield pair


def describe(found: dict[str, list[Pair]]) -> list[str]:
    """The figures as Markdown."""
    return [*describe_ways(found), "", *describe_bias(found[QUIET])]


def describe_ways(found: dict[str, list[Pair]]) -> Iterator[str]:
    """How much each way knows after a minute, and how often it errs."""
    required = (f", required {share(MOST_HALF[one])}" if one in MOST_HALF else "" for one in SHOWN)
    yield from header(
        *(
            "",
            "way",
            "blocks",
            "requests counted",
            f"share of the wall under load, required {LEAST_INSIDE:.0%}",
        ),
        *(f"control's half-width, %: {metric}{limit}" for metric, limit in zip(SHOWN, required, strict=True)),
        *("intervals that contain 1", f"called faster or slower, required {MOST_FALSE:.1%}"),
    )
    for beside, pairs in found.items():
        for way in WAYS if pairs else ():
            yield row(beside, way, *_of_way([pair[way] for pair in pairs], is_judged=way == TURNS))


def _of_way(runs: list[Results], *, is_judged: bool) -> Iterator[str]:
    def judged(text: str, met: bool) -> str:  # noqa: FBT001
        return f"{text}, {verdict(met=met)}" if is_judged else text

    yield spread(len({one.block for one in run.rounds}) for run in runs)
    yield spread(sum(one.load.requests for one in run.rounds) for run in runs)
    inside = [run.measured_s / run.duration_s for run in runs]
    yield judged(spread(inside), median(inside) >= LEAST_INSIDE)
    for metric in SHOWN:
        halves = [
            (one.ratio.interval[1] - one.ratio.interval[0]) / 2
            for run in runs
            for one in run.comparisons
            if (one.scenario, one.level, one.candidate, one.metric) == ("fast", 32, CONTROL, metric)
            if one.ratio.interval is not None
        ]
        text = spread(100 * half for half in halves) if halves else "none"
        limit = MOST_HALF.get(metric)
        yield text if limit is None else judged(text, bool(halves) and median(halves) <= limit)
    ratios = [one.ratio for run in runs for one in run.comparisons]
    known = [one.interval for one in ratios if one.interval is not None]
    yield f"{sum(low <= 1 <= high for low, high in known)} of {len(known)}"
    false = sum(one.verdict in ("faster", "slower") for one in ratios)
    yield judged(f"{false} of {len(known)}", bool(known) and false <= MOST_FALSE * len(known))


def describe_bias(pairs: list[Pair]) -> Iterator[str]:
    """The figures of turns over those of windows, run by run, of the two instances of the baseline."""
    yield from header(
        "turns / windows", *(f"{metric}, required within {share(MOST_BIAS)}" for metric in BIASED)
    )
    for scenario in ("fast", "delayed"):
        for level in LEVELS:
            cells = (_bias(pairs, scenario, level, metric) for metric in BIASED)
            yield row(f"{scenario}, {level} users", *cells)


def _bias(pairs: list[Pair], scenario: str, level: float, metric: MetricName) -> str:
    values = [
        [value for way in WAYS if (value := _level_of(pair[way], scenario, level, metric)) is not None]
        for pair in pairs
    ]
    both = [two for two in values if len(two) == len(WAYS)]
    if len(both) < LEAST_BLOCKS:
        return "not known"
    ratio = paired_ratio([old for old, _ in both], [new for _, new in both])
    low, high = ratio.interval or (0.0, 0.0)
    least, most = 1 / (1 + MOST_BIAS), 1 + MOST_BIAS
    shown = f"{ratio.point:.4f} [{low:.4f}, {high:.4f}]"
    if low <= most < high or low < least <= high:
        return f"{shown}, cannot tell"
    return f"{shown}, {verdict(met=least <= low <= high <= most)}"


def _level_of(run: Results, scenario: str, level: float, metric: MetricName) -> float | None:
    """The geometric mean of the rounds of the baseline's two instances at a level; None without one."""
    logs = [
        log(value)
        for one in run.rounds
        if (one.scenario, one.level) == (scenario, level) and one.arm in {BASELINE, CONTROL}
        if one.discarded is None and (value := METRICS[metric].value(one)) is not None
    ]
    return exp(fmean(logs)) if logs else None


if __name__ == "__main__":
    main(Path(sys.argv[1]), smoke="--smoke" in sys.argv)
