"""Does memory stay flat in a long run?

    .venv/bin/python -m benchmarks.soak [MINUTES]

Half an hour by default: one run of as many blocks as fit, whose processes' memory is read each second. A line
is fitted to the means of parts of the time. Writes docs/benchmarks.md.
"""

import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import psutil

from benchmarks.common import header, publish, row, verdict
from benchmarks.turns import TURNS, plan_of
from portcompare.stats.intervals import t_quantile
from portcompare.units import count

MINUTES = 30.0
PARTS = 10
MOST_GROWTH = 0.05  # of its memory, over the time
ENDLESS = "precision = 0.0001\nmax_blocks = 10000"

Samples = dict[str, list[tuple[float, float]]]  # by role: seconds since the start, MiB


def main(minutes: float = MINUTES) -> None:
    """Measure and publish."""
    publish("soak", describe(measure(minutes * 60)))


def measure(seconds: float) -> Samples:
    """Run for so long, and read the memory of each process meanwhile."""
    samples: Samples = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        plan = Path(name) / "plan.toml"
        text = plan_of(TURNS, 1, round(seconds)).replace("precision = 0.001", ENDLESS)
        plan.write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "portcompare", "run", str(plan), "--out", f"{name}/run"]
        with subprocess.Popen(command) as process:
            began_s = time.monotonic()
            while process.poll() is None:
                for role, size_bytes in read_memory(process.pid).items():
                    samples[role].append((time.monotonic() - began_s, size_bytes / 2**20))
                time.sleep(1)
    return samples


def read_memory(pid: int) -> dict[str, int]:
    """The memory of portcompare, the load generator and all servers together, in bytes."""
    used: dict[str, int] = defaultdict(int)
    try:
        run = psutil.Process(pid)
        for process in (run, *run.children(recursive=True)):
            command = " ".join(process.cmdline())
            role = "servers" if "gunicorn" in command else "load generator"
            role = "portcompare" if process == run else "watchdogs" if "watchdog.py" in command else role
            used[role] += process.memory_info().rss
    except psutil.NoSuchProcess:
        return {}  # one ended meanwhile
    return used


def fit_slope(samples: list[tuple[float, float]]) -> tuple[float, float, float]:
    """Fit a line to the means of parts of the time; slope in MiB an hour, with its 95% interval.

    The first part, in which everything is loaded, and the last, in which reports are written, are left out.
    """
    parts = np.array_split(np.array(samples), PARTS + 2)[1:-1]
    hours, sizes = np.array([part.mean(axis=0) for part in parts]).T * [[1 / 3600], [1]]
    places = hours - hours.mean()
    slope = float(places @ sizes / (places @ places))
    rest = sizes - sizes.mean() - slope * places
    error = (float(rest @ rest) / (PARTS - 2) / float(places @ places)) ** 0.5
    half = t_quantile(0.975, PARTS - 2) * error
    return slope, slope - half, slope + half


def describe(samples: Samples) -> list[str]:
    """The figures as Markdown."""
    lines = header("process", "memory, MiB", "slope, MiB an hour", "grows by at most", "")
    for role, one in sorted(samples.items()):
        size = float(np.median([size for _, size in one]))
        slope, low, high = fit_slope(one)
        growth = max(slope, 0) * one[-1][0] / 3600 / size
        is_flat = low <= 0 or growth <= MOST_GROWTH
        shown = f"{slope:+.1f} ({low:+.1f} to {high:+.1f})"
        lines.append(row(role, f"{size:.0f}", shown, f"{growth:.1%}", verdict(met=is_flat)))
    seconds = max(one[-1][0] for one in samples.values())
    return [*lines, "", f"{seconds / 60:.0f} minutes, {count(len(samples['portcompare']), 'sample')}."]


if __name__ == "__main__":
    main(*map(float, sys.argv[1:2]))
