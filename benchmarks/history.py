"""How long does it take to list a thousand runs?

    .venv/bin/python -m benchmarks.history RUN

Copies the results of a finished run into a thousand folders that are thrown away, and lists these: first
without their summaries, and then by them. Writes docs/benchmarks.md.
"""

import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.common import header, publish, row, spread, verdict
from portcompare.history.summaries import list_runs
from portcompare.records.results import RESULTS_FILE

RUNS, TIMES = 1000, 5
MOST_S = 1.0
LISTED, COMMAND, MADE = (
    f"list {RUNS:,} runs by their summaries",
    "the whole command `portcompare history`",
    "summaries made from the results, once",
)


def main() -> None:
    """Measure and publish."""
    publish("history", describe(measure(Path(sys.argv[-1]))))


def measure(run: Path) -> dict[str, list[float]]:
    """How long each of it took, in seconds."""
    with TemporaryDirectory() as name:
        runs = Path(name)
        results = (run / RESULTS_FILE).read_bytes()
        for number in range(RUNS):
            folder = runs / f"run-{number:04}"
            folder.mkdir()
            (folder / RESULTS_FILE).write_bytes(results)
        made_s = list_once(runs)
        return {
            LISTED: [list_once(runs) for _ in range(TIMES)],
            COMMAND: [run_command(runs) for _ in range(TIMES)],
            MADE: [made_s],
        }


def list_once(runs: Path) -> float:
    """List the runs in this process."""
    began_s = time.perf_counter()
    assert len(list_runs(runs, print)) == RUNS
    return time.perf_counter() - began_s


def run_command(runs: Path) -> float:
    """List the runs by the command."""
    began_s = time.perf_counter()
    command = [sys.executable, "-m", "portcompare", "history", str(runs)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began_s


def describe(found: dict[str, list[float]]) -> list[str]:
    """The figures as Markdown."""
    lines = header("figure", "s", "target", "")
    for name, times_s in found.items():
        target = f"less than {MOST_S:g}" if name == LISTED else ""
        lines.append(row(name, spread(times_s), target, verdict(met=max(times_s) < MOST_S) if target else ""))
    return lines


if __name__ == "__main__":
    main()
