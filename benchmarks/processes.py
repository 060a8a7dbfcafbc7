"""Do the histograms of several processes add up?

    .venv/bin/python -m benchmarks.processes

Two worker processes load a raw ASGI callable, closed and open. What each of them reported is added up here,
count by count, by nothing but a Counter, and compared with what came of the round. Writes docs/benchmarks.md.
"""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from hdrh.histogram import HdrHistogram

from benchmarks.common import header, publish, row, verdict
from benchmarks.generator import load_once, prepare
from benchmarks.serving import CLIENT_CPU, pinned, raw_target, target
from portcompare.measure.generator import LoadGenerator, start_generator
from portcompare.wire.protocol import Gather, Joined, Load, RateLoad, UserLoad

SECONDS, ROUNDS, WORKERS = 2.0, 3, 2
LOADS: dict[str, Load] = {
    "32 users": UserLoad(users=32),
    "2,000/s": RateLoad(rate_rps=2000.0, arrivals="poisson", connections=64, seed="1"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What came of a round, and what its workers reported of it.

    Attributes:
        requests: As the round says.
        merged: The counts of its histogram by value.
        reported: Those of each worker's.
    """

    requests: int
    merged: Counter[int]
    reported: list[Counter[int]]


def main() -> None:
    """Measure and publish."""
    publish("processes", describe(measure(ROUNDS)))


def measure(rounds: int) -> dict[str, list[Account]]:
    """Load the raw ASGI callable with two workers, closed and open."""
    found: dict[str, list[Account]] = {name: [] for name in LOADS}
    with target(raw_target()) as url, tempfile.TemporaryDirectory(prefix="portcompare-") as name:
        folder = Path(name)
        with start_generator(folder / "loadgen.log", (CLIENT_CPU,), folder) as generator:
            workers = join(generator, folder)
            prepare(generator, "/")
            for load, accounts in found.items():
                for number in range(1, rounds + 1):
                    print(f"{load}, round {number} of {rounds}", file=sys.stderr)
                    done = load_once(generator, url, LOADS[load], window_s=SECONDS)
                    reported = [counts_of(last_histogram(path)) for path in sorted(folder.glob("reported*"))]
                    accounts.append(
                        Account(
                            requests=done.load.requests, merged=counts_of(done.histogram), reported=reported
                        )
                    )
        for worker in workers:
            worker.wait(20)
    return found


def describe(found: dict[str, list[Account]]) -> list[str]:
    """The figures as Markdown."""
    lines = header("load", "round", "requests", "of each worker", "different counts", "equal")
    for load, accounts in found.items():
        for number, one in enumerate(accounts, 1):
            summed = sum(one.reported, Counter[int]())
            different = sum(summed[value] != one.merged[value] for value in summed.keys() | one.merged.keys())
            is_equal = (
                not different and one.merged.total() == one.requests > 0 and len(one.reported) == WORKERS
            )
            each = " + ".join(f"{counts.total():,}" for counts in one.reported)
            counted = f"{different} of {len(one.merged)}"
            lines.append(row(load, number, f"{one.requests:,}", each, counted, verdict(met=is_equal)))
    return lines


def join(generator: LoadGenerator, folder: Path) -> list[subprocess.Popen[bytes]]:
    """Have workers join that write down what they send."""
    workers: list[subprocess.Popen[bytes]] = []

    def start_once_it_listens(joined: Joined) -> None:
        if not workers:
            port = joined.address.rpartition(":")[2]
            for number in range(WORKERS):
                client = [sys.executable, "-m", "benchmarks.clients.recording_worker"]
                command = pinned(CLIENT_CPU, [*client, str(folder / f"reported{number}"), port, "0"])
                workers.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))

    order = Gather(workers=WORKERS, here=False, cpus=(CLIENT_CPU,), host="127.0.0.1", port=0)
    generator.gather(order, start_once_it_listens)
    return workers


def last_histogram(path: Path) -> str:
    """The histogram of the window that a worker closed last."""
    messages = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    contents = [one["message"]["content"] for one in messages]
    return str([content["histogram"] for content in contents if "histogram" in content][-1])


def counts_of(encoded: str) -> Counter[int]:
    """The counts of a histogram by value."""
    steps = HdrHistogram.decode(encoded).get_recorded_iterator()
    return Counter({one.value_iterated_to: one.count_added_in_this_iter_step for one in steps})


if __name__ == "__main__":
    main()
