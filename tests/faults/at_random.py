"""Kills and faults at random instants of runs: nothing may be left behind, unreadable or wrong.

.venv/bin/python -m tests.faults.at_random kills --number 50 --seed 1
.venv/bin/python -m tests.faults.at_random faults --number 200 --seed 1
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from signal import SIGHUP, SIGINT, SIGKILL, SIGTERM

from tests.e2e.processes import wait_until
from tests.faults import actions
from tests.faults.runner import LONGEST_S, Started, find_broken, find_left, start
from tests.faults.table import EVERY_SERVER, FAULTS, Fault

ROLES = ("portcompare", "generator", "worker", "watchdog", "server")
SIGNALS = (SIGINT, SIGTERM, SIGHUP, SIGKILL)
EXIT_CODES = (0, 1, 3, 130, *(-one for one in SIGNALS))
MOST_LINES = 10  # of the output of a run; each says what begins
MOST_S = 1.5
HEALTHY = 400  # most requests before a fault begins
# Not what takes minutes.
POOL = [
    one
    for one in FAULTS
    if one.app or one.proxy or (one.action and not one.under and one.action != "pause_worker")
]


def kill(drawn: Random, folder: Path) -> tuple[str, Started]:
    """Send a signal to a process of a run."""
    role, number, server = drawn.choice(ROLES), drawn.choice(SIGNALS), drawn.choice(EVERY_SERVER)
    more = ("--processes", "2") if role == "worker" else ()
    started = start(Fault(name="none", kind="process", app="none", arguments=more), server, folder)
    instant = wait(drawn, started)
    pids = [started.process.pid] if role == "portcompare" else actions.find(started, role)
    with suppress(ProcessLookupError):
        os.kill(drawn.choice(pids or [started.process.pid]), number)
    return f"{number.name} to {role if pids else 'portcompare'} {instant}, {server}", started


def wait(drawn: Random, started: Started) -> str:
    """Wait for a random instant, at the same place of a run on any machine; returns it in words."""
    lines, more_s, said = drawn.randrange(MOST_LINES), drawn.uniform(0, MOST_S), started.folder / "said"
    wait_until(lambda: started.process.poll() is not None or said.read_text().count("\n") >= lines, LONGEST_S)
    time.sleep(more_s)
    return f"{more_s:.2f} s after line {lines}"


def inject(drawn: Random, folder: Path) -> tuple[str, Started]:
    """Inject a fault of the table."""
    fault = drawn.choice(POOL)
    server, healthy = drawn.choice(fault.servers), drawn.randrange(40, HEALTHY)
    started, instant = start(fault, server, folder, healthy), f"after {healthy} requests"
    if fault.action:
        instant = wait(drawn, started)
        with suppress(OSError, ValueError):  # there is no such process or folder yet, or no more
            getattr(actions, fault.action)(started)
        if started.process.poll() is None:
            time.sleep(5 * MOST_S)
            actions.terminate(started)
    return f"{fault.name} {instant}, {server}", started


def find_problems(started: Started) -> Iterator[str]:
    """What is wrong once the run has ended."""
    started.process.wait(LONGEST_S)
    yield from find_left(started)
    yield from find_broken(started)
    if started.process.returncode not in EXIT_CODES:
        yield f"the exit code is {started.process.returncode}"


def main() -> None:
    """Run them one after the other, and print what is wrong and a summary."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("kills", "faults"))
    parser.add_argument("--number", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    wrong = 0
    for number in range(chosen.number):
        drawn = Random(f"{chosen.what}/{chosen.seed}/{number}")  # noqa: S311 - no secret
        with tempfile.TemporaryDirectory(prefix="faults-") as folder:
            done, started = (kill if chosen.what == "kills" else inject)(drawn, Path(folder))
            problems = list(find_problems(started))
        wrong += bool(problems)
        print(number, done, started.process.returncode, *problems, flush=True)  # noqa: T201 - a script
    summary = f"{chosen.number} {chosen.what}, seed {chosen.seed}: {wrong} with problems"
    print(summary)  # noqa: T201 - as above
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
