"""Do instructions per request repeat, and do they show a known difference?

    .venv/bin/python -m benchmarks.work [--repetitions 10] [--beside] [--only SIDE ...] [--dry]

In each repetition two instances of a deployment are counted, each from its own start: alike, and one of
them with a handler that executes a known part more. Then the twins' `/data` on four deployments is counted,
and timed. `--beside`: benchmarks/neighbour.py takes all CPUs in bursts meanwhile; these figures stand apart.
Writes docs/work.md.
"""

import argparse
import sys
import tempfile
import time
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from benchmarks.common import HERE, header, publish, row, verdict, versions
from benchmarks.neighbour import neighbour
from portcompare.analyse.comparisons import judge_ratio
from portcompare.cli.options import read_plan
from portcompare.records.metrics import METRICS
from portcompare.records.work import Work, WorkCount
from portcompare.run.progress import Progress
from portcompare.run.work import count_plan
from portcompare.stats.intervals import unpaired_ratio

PAGE, TWINS = HERE.parent / "docs" / "work.md", HERE.parent / "loadtests" / "twins.toml"
MARGIN = METRICS["instructions"].margin
MOST_S = 120.0
CALIBRATION = 100  # hashes, for the cost of one
FOUR = ("flask-gunicorn", "quart-hypercorn", "quart-uvicorn", "flask-gunicorn-gevent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A deployment that is counted twice."""

    deployment: str  # its table in TOML
    more: float  # how much more one of its handlers executes
    limit: float  # how far two instances may differ at most


SIDES = {
    "Flask, gunicorn": Side(deployment='app = "flask"\nserver = "gunicorn"', more=0.02, limit=0.005),
    "Flask, gevent": Side(deployment='app = "flask"\nserver = "gunicorn-gevent"', more=0.02, limit=0.005),
    "Quart, uvicorn": Side(deployment='app = "quart"\nserver = "uvicorn"', more=0.05, limit=0.02),
    "Quart, hypercorn": Side(deployment='app = "quart"\nserver = "hypercorn"', more=0.05, limit=0.02),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Repetition:
    """One repetition: two instances alike, and the second one with more work."""

    first: WorkCount
    second: WorkCount
    more: WorkCount


def main() -> None:
    """Measure and publish."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repetitions", type=int, default=10)
    parser.add_argument("--beside", action="store_true", help="have a noisy neighbour meanwhile")
    parser.add_argument("--only", nargs="*", default=list(SIDES), choices=list(SIDES))
    parser.add_argument("--dry", action="store_true", help="print, and leave the page as it is")
    chosen = parser.parse_args()
    with neighbour() if chosen.beside else nullcontext():
        found = {side: measure(side, chosen.repetitions) for side in chosen.only}
        began_s = time.monotonic()
        twins = count(f'baseline = "{FOUR[0]}"\ncandidates = {list(FOUR[1:])}', {"data": "/data"})
        took_s = time.monotonic() - began_s
    lines = [*describe(found), *describe_twins(twins, took_s)]
    lines.append(versions("flask", "quart", "gunicorn", "gevent", "uvicorn", "hypercorn") + ".")
    publish("work-beside" if chosen.beside else "work", lines, PAGE, dry=chosen.dry)


def measure(name: str, repetitions: int) -> list[Repetition]:
    """Count two instances of a side alike, and the second one with more work."""
    side = SIDES[name]
    head = f'baseline = "first"\ncandidates = ["second"]\n[deployments.first]\n{side.deployment}'
    head += f"\n[deployments.second]\n{side.deployment}"
    steps = {"alike": 1, "more": 1 + CALIBRATION}  # without a hash, the response would be shorter
    found: list[Repetition] = []
    for number in range(repetitions + 1):
        print(f"{name}: {number} of {repetitions}", file=sys.stderr)
        targets = {scenario: f"/data/computed?work={work}" for scenario, work in steps.items()}
        counts = {(one.deployment, one.scenario): one for one in count(head, targets).counts}
        first, second, more = (
            counts[place] for place in (("first", "alike"), ("second", "alike"), ("second", "more"))
        )
        if number:
            found.append(Repetition(first=first, second=second, more=more))
        else:  # what a hash costs
            cost = (more.instructions_per_request - second.instructions_per_request) / CALIBRATION
            steps["more"] = 1 + round(side.more * first.instructions_per_request / cost)
    return found


def count(head: str, targets: dict[str, str]) -> Work:
    """Count deployments of the twins."""
    scenarios = [
        f'[scenarios.{name}]\nrequest = {{ path = "{target}" }}\nload = {{ users = [1] }}'
        for name, target in targets.items()
    ]
    with tempfile.TemporaryDirectory(prefix="portcompare-") as folder, Progress() as progress:
        path = Path(folder, "plan.toml")
        path.write_text("\n".join([f'include = ["{TWINS}"]', head, *scenarios]), encoding="utf-8")
        found = count_plan(read_plan(path), Path(folder), progress)
    if found.not_counted:
        raise ValueError(f"not counted: {found.not_counted}")
    return found


def describe(found: dict[str, list[Repetition]]) -> list[str]:
    """The repetitions as Markdown."""
    lines = header(
        "two instances of", "instructions", "differ by at most", "target", "", "all starts", "called dearer"
    )
    more = header("handler", "more work", "ratio found", "called dearer", "target", "")
    for name, repetitions in found.items():
        side, number = SIDES[name], len(repetitions)
        pairs = [(one.first, one.second) for one in repetitions]
        apart = max(abs(ratio(*pair) - 1) for pair in pairs)
        all_starts = [one.instructions_per_request for one in chain(*pairs)]
        counted = f"{min(all_starts):,.0f} to {max(all_starts):,.0f}"
        wrong = sum(is_dearer(*pair) for pair in pairs)
        met = verdict(met=apart <= side.limit and not wrong)
        spread = f"{max(all_starts) / min(all_starts) - 1:.2%}"
        most = f"{side.limit:.1%}, none dearer"
        lines.append(row(name, counted, f"{apart:.2%}", most, met, spread, f"{wrong} of {number}"))
        ratios = sorted(ratio(one.first, one.more) for one in repetitions)
        right = sum(is_dearer(one.first, one.more) for one in repetitions)
        span = f"{ratios[0]:.4f} to {ratios[-1]:.4f}"
        met = verdict(met=right == number)
        more.append(row(name, f"{side.more:.0%}", span, f"{right} of {number}", f"{number} of {number}", met))
    return [*lines, "", *more, ""]


def ratio(one: WorkCount, other: WorkCount) -> float:
    """How many times as much the other executes."""
    return other.instructions_per_request / one.instructions_per_request


def is_dearer(one: WorkCount, other: WorkCount) -> bool:
    """Whether the other would be called dearer."""
    found, _ = unpaired_ratio(one.slices, other.slices)
    return judge_ratio("instructions", found, MARGIN).verdict == "slower"


def describe_twins(work: Work, took_s: float) -> list[str]:
    """The four deployments as Markdown."""
    lines = header("/data on", "instructions per request", "beside the baseline")
    for one in work.counts:
        beside = (
            "" if one.ratio is None else f"{one.ratio.point:.3f} [{one.ratio.low:.3f}, {one.ratio.high:.3f}]"
        )
        lines.append(row(one.deployment, f"{one.instructions_per_request:,.0f}", beside))
    met = verdict(met=took_s <= MOST_S)
    return [*lines, "", f"The four took {took_s:.0f} s; at most {MOST_S:.0f} s: {met}.", ""]


if __name__ == "__main__":
    main()
