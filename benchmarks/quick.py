"""How long does a quick run take, and what does it find?

    .venv/bin/python -m benchmarks.quick [--runs 3] [--dry]

Runs `portcompare run --quick` on the default plan, and times the whole command. Writes docs/ci.md.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common import HERE, header, publish, row, verdict
from portcompare.records.metrics import METRICS
from portcompare.records.results import RESULTS_FILE, Results
from portcompare.report.formats.results_file import read_results
from portcompare.report.wording import interval
from portcompare.units import ratio

PAGE, PLAN = HERE.parent / "docs" / "ci.md", HERE.parent / "loadtests" / "plan.toml"
MOST_S = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class QuickRun:
    """A quick run, and how long it took."""

    took_s: float
    results: Results


def main() -> None:
    """Measure and publish."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--dry", action="store_true", help="print, and leave the page as it is")
    chosen = parser.parse_args()
    found = [measure() for _ in range(chosen.runs)]
    publish("quick", describe(found), PAGE, dry=chosen.dry)


def measure() -> QuickRun:
    """Make a quick run."""
    with tempfile.TemporaryDirectory(prefix="portcompare-") as place:
        folder = Path(place, "run")
        began_s = time.monotonic()
        command = [sys.executable, "-m", "portcompare", "run", str(PLAN), "--quick", "--out", str(folder)]
        subprocess.run(command, check=False, cwd=HERE.parent)
        return QuickRun(took_s=time.monotonic() - began_s, results=read_results(folder / RESULTS_FILE))


def describe(found: Sequence[QuickRun]) -> list[str]:
    """The runs as Markdown."""
    lines = header("run", "responses", "compared", "ratio", "95% range", "verdict")
    for number, one in enumerate(found, 1):
        parity = one.results.parity
        alike = "not compared" if parity is None else parity.verdict
        head: tuple[str, ...] = (f"{number}: {one.took_s:.0f} s", alike)
        for each in one.results.comparisons:
            if each.metric in ("throughput", "instructions"):
                word = METRICS[each.metric].word(each.ratio.verdict or "invalid")
                what = f"{each.metric} of {each.candidate}, {each.scenario}"
                point = "" if each.ratio.point is None else ratio(each.ratio.point)
                lines.append(row(*head, what, point, interval(each.ratio), word))
                head = ("", "")
    works = [one.results.work for one in found if one.results.valid]
    is_whole = len(works) == len(found) and all(work and not work.not_counted for work in works)
    longest_s = max(one.took_s for one in found)
    limit = f"The longest took {longest_s:.0f} s; at most {MOST_S:.0f} s: {verdict(met=longest_s <= MOST_S)}."
    return [*lines, "", f"{limit} All are valid and have counted: {verdict(met=is_whole)}."]


if __name__ == "__main__":
    main()
