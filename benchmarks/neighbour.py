"""A noisy neighbour: takes all CPUs in bursts of 0.5 to 5 s, with pauses of the same kind between them.

    .venv/bin/python -m benchmarks.neighbour [SEED]

It ends with its parent, or when it receives SIGINT or SIGTERM. The seed alone sets the bursts and pauses.
"""

import ctypes
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

SHORTEST_S, LONGEST_S = 0.5, 5.0
START_S = 0.5  # until all its processes have started
ROOT = Path(__file__).parents[1]
SIGNAL_ON_PARENTS_DEATH = 1  # PR_SET_PDEATHSIG of Linux's <sys/prctl.h>


def main(seed: int) -> None:
    """Be noisy until the parent ends."""
    _end_with_parent(os.getppid())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with neighbour(seed):
        signal.pause()


@contextmanager
def neighbour(seed: int = 1) -> Iterator[None]:
    """Have a noisy neighbour meanwhile, a process on each CPU."""
    begin_s = time.monotonic() + START_S
    with ExitStack() as stack:
        for cpu in os.sched_getaffinity(0):
            words = map(str, (seed, cpu, begin_s, os.getpid()))
            process = subprocess.Popen([sys.executable, "-m", "benchmarks.neighbour", *words], cwd=ROOT)
            stack.callback(process.wait)
            stack.callback(process.terminate)
        yield


def take_cpu(seed: int, cpu: int, begin_s: float, parent: int) -> None:
    """Work and sleep in turns until the parent ends: on each CPU at the same times."""
    _end_with_parent(parent)
    os.sched_setaffinity(0, {cpu})
    for busy_s, idle_s in bursts(seed):
        time.sleep(max(0.0, begin_s - time.monotonic()))
        while time.monotonic() < begin_s + busy_s:
            sum(range(1000))
        begin_s += busy_s + idle_s


def bursts(seed: int) -> Iterator[tuple[float, float]]:
    """How long each burst and the pause after it last, in seconds."""
    rng = random.Random(seed)  # noqa: S311 - to be repeated
    while True:
        yield rng.uniform(SHORTEST_S, LONGEST_S), rng.uniform(SHORTEST_S, LONGEST_S)


def _end_with_parent(parent: int) -> None:
    """Have the kernel end this process when its parent ends; end now if it has ended already."""
    ctypes.CDLL(None).prctl(SIGNAL_ON_PARENTS_DEATH, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit("the neighbour's parent has ended")


if __name__ == "__main__":
    given, *place = sys.argv[1:] or ["1"]
    if place:
        take_cpu(int(given), int(place[0]), float(place[1]), int(place[2]))
    else:
        main(int(given))
