import subprocess
import sys
from itertools import islice

import psutil

from benchmarks.neighbour import LONGEST_S, SHORTEST_S, bursts

HAVE_ONE_AND_DIE = """
import os, psutil, signal
from benchmarks.neighbour import neighbour
with neighbour(1):
    print(*(one.pid for one in psutil.Process().children()), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_seed_alone_sets_bursts_and_pauses() -> None:
    first, again, other = (list(islice(bursts(seed), 50)) for seed in (1, 1, 2))
    assert first == again != other
    assert all(SHORTEST_S <= one <= LONGEST_S for pair in first for one in pair)


def test_a_neighbour_ends_with_its_parent_even_a_killed_one() -> None:
    command = [sys.executable, "-c", HAVE_ONE_AND_DIE]
    told = subprocess.run(command, check=False, capture_output=True, text=True).stdout.split()
    left = [psutil.Process(int(pid)) for pid in told if psutil.pid_exists(int(pid))]
    assert len(told) == len(psutil.Process().cpu_affinity() or ())
    assert not psutil.wait_procs(left, timeout=10)[1]
