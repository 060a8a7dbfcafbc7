"""Many users at once: what they send, and what memory each of them takes.

    .venv/bin/python -m benchmarks.width

5,000 users on a route that takes five seconds, on Quart on uvicorn; and the growth of the process for each
user, beside FastHttpUser's. Writes docs/benchmarks.md.
"""

import json
import sys
from dataclasses import dataclass
from functools import partial
from statistics import median

from benchmarks.common import header, in_turn, publish, ratios, row, spread, verdict, versions
from benchmarks.generator import run_round
from benchmarks.peers import Figures, run
from benchmarks.serving import raise_file_limit, target, timed_target, twin_target
from portcompare.wire.protocol import UserLoad

USERS, DELAY_S, SECONDS, RATE_ROUNDS = 5000, 5, 10.0, 3
FEW, MANY, IDLE_PATH, MEMORY_ROUNDS = 100, 2000, "/?ms=2000", 3
LEAST_OF_BOUND, MOST_CPU, MOST_MEMORY = 0.95, 0.6, 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Width:
    """What was found.

    Attributes:
        bound_rps: Users / delay.
        loaded: What the load generator said of each round.
        bytes_per_user: Growth of the process for each user, by kind of user and round.
    """

    bound_rps: float
    loaded: list[Figures]
    bytes_per_user: dict[str, list[float]]


def main() -> None:
    """Measure and publish."""
    publish("width", describe(measure(USERS, SECONDS, RATE_ROUNDS, MEMORY_ROUNDS)))


def measure(users: int, seconds: float, rate_rounds: int, memory_rounds: int) -> Width:
    """Load Quart with many users, and hold many users waiting."""
    raise_file_limit()
    with target(twin_target()) as url:
        load = partial(ask_quart, url, users, seconds)
        loaded = in_turn({"load": load}, rate_rounds)["load"]
    with target(timed_target()) as url:
        kinds = ("LeanUser", "FastHttpUser")
        grown = in_turn({kind: partial(bytes_per_user, kind, url) for kind in kinds}, memory_rounds)
    return Width(bound_rps=users / DELAY_S, loaded=loaded, bytes_per_user=grown)


def ask_quart(url: str, users: int, seconds: float) -> Figures:
    """Load the slow route, the users' starts spread over its delay."""
    load = UserLoad(users=users)
    done = run_round(url, f"/data?delay={DELAY_S}", load, window_s=seconds, delay_s=DELAY_S)
    assert done.load.latency_s is not None, done.load.error_kinds
    return Figures(
        rate_rps=done.load.rate_rps,
        p50_s=done.load.latency_s.p50,
        p99_s=done.load.latency_s.p99,
        errors=sum(done.load.error_kinds.values()),
        cpu_ratio=done.load.generator_cpu_ratio,
    )


def bytes_per_user(kind: str, url: str) -> float:
    """How much a process of Locust grows for each user of a kind."""
    client = [sys.executable, "-m", "benchmarks.clients.memory"]
    found = json.loads(run([*client, kind, url, IDLE_PATH, str(FEW), str(MANY)]))
    assert not found["errors"], found
    grown: float = found["bytes_per_user"]
    return grown


def describe(found: Width) -> list[str]:
    """The figures as Markdown."""
    share = [one.rate_rps / found.bound_rps for one in found.loaded]
    cpu = [one.cpu_ratio for one in found.loaded]
    errors = [one.errors for one in found.loaded]
    ours, theirs = found.bytes_per_user["LeanUser"], found.bytes_per_user["FastHttpUser"]
    memory = ratios(ours, theirs)
    within = {
        "rate": verdict(met=median(share) >= LEAST_OF_BOUND),
        "errors": verdict(met=not any(errors)),
        "cpu": verdict(met=median(cpu) < MOST_CPU),
        "memory": verdict(met=median(memory) <= MOST_MEMORY),
    }
    bound = f"rate / bound of {found.bound_rps:,.0f}/s"
    return [
        *header("figure", "median (range)", "target", ""),
        row(bound, spread(share), f"at least {LEAST_OF_BOUND:g}", within["rate"]),
        row("median latency, s", spread(one.p50_s for one in found.loaded), "", ""),
        row("errors", spread(errors), "none", within["errors"]),
        row("generator CPU", spread(cpu), f"under {MOST_CPU:g}", within["cpu"]),
        row("memory of a LeanUser, KiB", spread(one / 1024 for one in ours), "", ""),
        row("memory of a FastHttpUser, KiB", spread(one / 1024 for one in theirs), "", ""),
        row("LeanUser / FastHttpUser", spread(memory), f"at most {MOST_MEMORY:g}", within["memory"]),
        "",
        f"{len(found.loaded)} and {len(ours)} rounds. {versions('locust', 'quart', 'uvicorn')}.",
    ]


if __name__ == "__main__":
    main()
