"""Do the histograms of several processes add up?

    .venv/bin/python -m benchmarks.processes

Two worker processes load a raw ASGI callable, closed and open. What each of them told is added up here, count
by count, by nothing but a Counter, and compared with what came of the round. Writes docs/benchmarks.md.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from hdrh.histogram import HdrHistogram

from benchmarks.common import header, publish, row, verdict
from benchmarks.generator import SCENARIO
from benchmarks.serving import CLIENT_CPU, pinned, raw_target, target
from portcompare.measure import LoadGenerator, start_generator
from portcompare.model import http_request
from portcompare.protocol import (
    Gather,
    Joined,
    Prepare,
    RateLoad,
    RoundDone,
    RunRound,
    ScenarioSource,
    UserLoad,
)

if TYPE_CHECKING:
    from portcompare.protocol import Load

SECONDS, ROUNDS, WORKERS = 2.0, 3, 2
LOADS: dict[str, Load] = {
    "32 users": UserLoad(users=32),
    "2,000/s": RateLoad(rate_rps=2000.0, arrivals="poisson", connections=64, seed="1"),
}


def main() -> None:
    """Measure and publish."""
    lines = header("load", "round", "requests", "of each worker", "different counts", "equal")
    with target(raw_target()) as url, tempfile.TemporaryDirectory(prefix="portcompare-") as name:
        folder = Path(name)
        with start_generator(folder / "loadgen.log", (CLIENT_CPU,), folder) as generator:
            workers = join(generator, folder)
            source = ScenarioSource(user=None, request=http_request("/"))
            prepared = generator.prepare(Prepare(locustfile=None, scenarios={SCENARIO: source}))
            assert not prepared.problems, prepared.problems
            for load in LOADS:
                for number in range(1, ROUNDS + 1):
                    print(f"{load}, round {number} of {ROUNDS}", file=sys.stderr)
                    done = run(generator, url, load)
                    lines.append(row(load, number, *compare(done, folder)))
        for worker in workers:
            worker.wait(20)
    publish("processes", lines)


def join(generator: LoadGenerator, folder: Path) -> list[subprocess.Popen[bytes]]:
    """Have workers join that write down what they tell."""
    workers: list[subprocess.Popen[bytes]] = []

    def start_once_it_listens(joined: Joined) -> None:
        if not workers:
            port = joined.address.rpartition(":")[2]
            for number in range(WORKERS):
                client = [sys.executable, "-m", "benchmarks.clients.telling_worker"]
                command = pinned(CLIENT_CPU, [*client, str(folder / f"told{number}"), port, "0"])
                workers.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))

    order = Gather(start=0, expect=WORKERS, cpus=(CLIENT_CPU,), host="127.0.0.1", port=0)
    generator.gather(order, start_once_it_listens)
    return workers


def run(generator: LoadGenerator, url: str, load: str) -> RoundDone:
    """One round of both workers."""
    generator.begin_round(
        RunRound(
            scenario=SCENARIO,
            url=url,
            load=LOADS[load],
            delay_s=0.0,
            warmup_s=0.5,
            warmup_max_s=30.0,
            window_s=SECONDS,
            timeout_s=30.0,
            expectations={},
        )
    )
    done = generator.end_round()
    assert done.void is None, done.void
    return done


def compare(done: RoundDone, folder: Path) -> tuple[str, str, str, str]:
    """What the round says beside what its workers told last."""
    told = [counts_of(last_histogram(path)) for path in sorted(folder.glob("told*"))]
    summed, merged = sum(told, Counter[int]()), counts_of(done.histogram)
    different = sum(summed[value] != merged[value] for value in summed.keys() | merged.keys())
    each = " + ".join(f"{one.total():,}" for one in told)
    is_equal = not different and merged.total() == done.requests > 0 and len(told) == WORKERS
    return f"{done.requests:,}", each, f"{different} of {len(merged)}", verdict(met=is_equal)


def last_histogram(path: Path) -> str:
    """The histogram of the window that a worker closed last."""
    messages = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    closed = [one["message"]["done"]["histogram"] for one in messages if one["kind"] == "WindowClosed"]
    return str(closed[-1])


def counts_of(encoded: str) -> Counter[int]:
    """The counts of a histogram by value."""
    steps = HdrHistogram.decode(encoded).get_recorded_iterator()
    return Counter({one.value_iterated_to: one.count_added_in_this_iter_step for one in steps})


if __name__ == "__main__":
    main()
