"""Every pattern of a slow route under load: does each come to what theory says of it?

    .venv/bin/python -m benchmarks.patterns FOLDER

`loadtests/patterns.toml`, one whole run, and the first requests for a result that is to be kept, all at once.
What the folder holds already is not measured again. Writes docs/patterns.md.
"""

import asyncio
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import async_quart.app
import async_quart.cached
import async_quart.config
import sync_flask.app
import sync_flask.cached
import sync_flask.config
from benchmarks.common import HERE, header, publish, row, run_plan, verdict, versions
from benchmarks.peers import portcompare_load
from benchmarks.serving import target, twin_target
from portcompare.records.results import Results, Summary
from portcompare.records.rounds import BASELINE, CONTROL
from portcompare.units import duration, rate, share

PLAN = HERE.parent / "loadtests" / "patterns.toml"
PAGE = HERE.parent / "docs" / "patterns.md"

FIRST_REQUESTS = 1000
CACHED = "/data/cached?delay=0.5"
PORT = "quart-hypercorn"
AT_BOUND, LEAST_OF_DELAYED = 0.95, 0.9

# A blocked loop responds to its 64 users every 12.8 s, all at once. `portcompare load` knows of no delay, so
# the slopes of its window are as long as the response time, and count such waves exactly.
USERS, DELAY_S, WAVES = 64, 0.2, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found.

    Attributes:
        results: The run.
        blocked_rps: The rate of a blocked event loop.
        computed: How often each twin computed what a thousand first requests needed.
    """

    results: Results
    blocked_rps: float
    computed: dict[str, int]


def main(folder: Path) -> None:
    """Measure and publish."""
    publish("patterns", describe(measure(folder)), page=PAGE)


def measure(folder: Path) -> Found:
    """Run the plan, then request of each twin what it has not computed yet."""
    results = run_plan(PLAN, folder)
    computed = {"Flask": ask_flask(FIRST_REQUESTS), "Quart": asyncio.run(ask_quart(FIRST_REQUESTS))}
    # On uvloop some of the users have no turn for longer than a warm-up lasts.
    with target([*twin_target(), "--loop", "asyncio"]) as url:
        options = ("--users", str(USERS), "--seconds", str(WAVES * USERS * DELAY_S))
        blocked = portcompare_load(f"{url}/data/blocking?delay={DELAY_S}", *options)
    return Found(results=results, blocked_rps=blocked["rate_rps"], computed=computed)


def ask_flask(requests: int) -> int:
    """Send requests to the Flask twin from so many threads at once; how often it computed."""
    app = sync_flask.app.create_app(sync_flask.config.Config())
    naps: list[float] = []
    together = threading.Barrier(requests)

    def nap(seconds: float) -> None:
        naps.append(seconds)
        time.sleep(seconds)

    def request() -> int:
        together.wait()
        return app.test_client().get(CACHED).status_code

    with (
        mock.patch.object(sync_flask.cached, "time", SimpleNamespace(sleep=nap)),
        ThreadPoolExecutor(requests) as pool,
    ):
        sent = [pool.submit(request) for _ in range(requests)]
        assert {one.result() for one in sent} == {200}
    return len(naps)


async def ask_quart(requests: int) -> int:
    """Send requests to the Quart twin from so many tasks at once; how often it computed."""
    app = async_quart.app.create_app(async_quart.config.Config())
    naps: list[float] = []

    async def nap(seconds: float) -> None:
        naps.append(seconds)
        await asyncio.sleep(seconds)

    with mock.patch.object(async_quart.cached, "asyncio", SimpleNamespace(sleep=nap)):
        responses = await asyncio.gather(*(app.test_client().get(CACHED) for _ in range(requests)))
    assert {response.status_code for response in responses} == {200}
    return len(naps)


def describe(found: Found) -> list[str]:
    """The figures as Markdown."""
    results = found.results
    names = list(dict.fromkeys(one.arm for one in results.summaries if one.arm != CONTROL))
    by_cell = {(one.scenario, one.arm): one for one in results.summaries}
    scenarios = list(dict.fromkeys(one.scenario for one in results.summaries))
    baseline = by_cell[scenarios[0], BASELINE].deployment
    blocks = max(one.block for one in results.rounds) + 1
    said = "valid" if results.valid else f"not valid: {'; '.join(results.invalid_reasons)}"
    return [
        f"Requests/s, p95, CPU time a request; the baseline is {baseline}.",
        "",
        *header("pattern", "users", *(name.replace(BASELINE, baseline) for name in names)),
        *(
            row(one, f"{by_cell[one, BASELINE].level:g}", *(_cell(by_cell[one, name]) for name in names))
            for one in scenarios
        ),
        "",
        f"What sets the bound of {PORT}:",
        "",
        *(f"- {one}: {_bound(by_cell[one, PORT])}" for one in scenarios),
        "",
        *header("figure", "measured", "required", ""),
        *_figures(found, by_cell),
        "",
        f"{blocks} blocks; the run is {said}.",
        f"{versions('flask', 'quart', 'gunicorn', 'hypercorn', 'httpx', 'asgiref')}.",
    ]


def _cell(summary: Summary) -> str:
    if summary.rate_rps is None or summary.latency_s is None or summary.cpu_s_per_request is None:
        return "not compared"
    parts = (duration(summary.latency_s.p95), f"{duration(summary.cpu_s_per_request)} CPU")
    return f"**{rate(summary.rate_rps)}**, {', '.join(parts)}"


def _bound(summary: Summary) -> str:
    if summary.bound is None or summary.bound_share is None:
        return "nothing that is known"
    return f"{share(summary.bound_share)} of {rate(summary.bound.rate_rps)}: {summary.bound.reason}"


def _figures(found: Found, by_cell: dict[tuple[str, str], Summary]) -> list[str]:
    of_loop = found.blocked_rps * DELAY_S
    rows = [
        row(
            f"Quart, blocking, {USERS} users: share of {rate(1 / DELAY_S)}",
            f"{share(of_loop)}, {rate(found.blocked_rps)}",
            f"at least {AT_BOUND:.0%}",
            verdict(met=of_loop >= AT_BOUND),
        )
    ]
    for scenario in ("blocking", "offloaded"):
        of_bound = by_cell[scenario, PORT].bound_share or 0.0
        rows.append(
            row(
                f"{PORT}, {scenario}: share of its bound",
                share(of_bound),
                f"at least {AT_BOUND:.0%}",
                verdict(met=of_bound >= AT_BOUND),
            )
        )
    upstream, delayed = (by_cell[one, PORT].rate_rps or 0.0 for one in ("upstream", "delayed"))
    of_delayed = upstream / delayed if delayed else 0.0
    cpu_s = by_cell["upstream", PORT].cpu_s_per_request
    until = f", until {rate(1 / cpu_s)} of CPU time" if cpu_s else ""
    rows.append(
        row(
            f"{PORT}: rate with an upstream / with the delay simulated",
            f"{share(of_delayed)}{until}",
            f"at least {LEAST_OF_DELAYED:.0%}",
            verdict(met=of_delayed >= LEAST_OF_DELAYED),
        )
    )
    rows += [
        row(f"{twin}: computed for {FIRST_REQUESTS:,} first requests", times, "once", verdict(met=times == 1))
        for twin, times in found.computed.items()
    ]
    return rows


if __name__ == "__main__":
    main(Path(sys.argv[1]))
