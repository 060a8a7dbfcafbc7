"""How true are the latencies, beside wrk's, and beside those of a server that keeps its own account?

    .venv/bin/python -m benchmarks.precision

The truth is the server's own clock, request by request, from the receipt of the request to the end of its
answer. Locust's own figures, which it rounds, stand beside. Writes docs/benchmarks.md.
"""

from __future__ import annotations

import statistics
from functools import partial

import httpx
import numpy as np

from benchmarks.common import (
    Figures,
    in_turn,
    publish,
    raw_target,
    run_fast_http_user,
    run_portcompare,
    run_wrk,
    target,
    timed_target,
)

SECONDS, ROUNDS, USERS = 2.0, 8, 8
KNOWN = {"1 ms": "/?ms=1", "5 ms": "/?ms=5", "50 ms": "/?ms=50", "1 ms, every 10th 50 ms": "/?ms=1,50"}


def main() -> None:
    """Measure and publish."""
    publish("precision", [*against_wrk(), "", *against_truth()])


def against_wrk() -> list[str]:
    """Median and 99th percentile beside wrk's, at 1 and 32 connections."""
    lines = [
        "| connections | percentile | portcompare, us | wrk, us | difference, us | ratio |",
        "|---|---|---|---|---|---|",
    ]
    with target(raw_target()) as url:
        for connections in (1, 32):
            sides = {
                "portcompare": partial(run_portcompare, url, "/", connections, SECONDS),
                "wrk": partial(run_wrk, url, "/", connections, SECONDS),
            }
            found = in_turn(sides, ROUNDS)
            for name in ("p50", "p99"):
                ours, theirs = (median_us(found[side], name) for side in sides)
                row = (connections, name, f"{ours:,.0f}", f"{theirs:,.0f}")
                cells = (*row, f"{ours - theirs:+,.0f}", f"{ours / theirs:.3f}")
                lines.append(f"| {' | '.join(map(str, cells))} |")
    return lines


def against_truth() -> list[str]:
    """Each client's percentiles beside those of the server's own account of the same requests."""
    lines = [
        "| server | percentile | portcompare - truth, us | ratio | Locust - truth, us | ratio |",
        "|---|---|---|---|---|---|",
    ]
    with target(timed_target()) as url:
        for name, path in KNOWN.items():
            sides = {
                "portcompare": partial(with_truth, run_portcompare, url, path),
                "Locust": partial(with_truth, run_fast_http_user, url, path),
            }
            found = in_turn(sides, ROUNDS)
            for percentile in ("p50", "p99"):
                cells = []
                for pairs in found.values():
                    measured = median_us([pair[0] for pair in pairs], percentile)
                    true = median_us([pair[1] for pair in pairs], percentile)
                    cells.append(f"{measured - true:+,.0f} | {measured / true:.3f}")
                lines.append(f"| {name} | {percentile} | {' | '.join(cells)} |")
    return lines


def with_truth(run: object, url: str, path: str) -> tuple[Figures, Figures]:
    """A client's figures, and the server's of the same requests."""
    httpx.get(f"{url}/account", trust_env=False)
    assert callable(run)
    figures = run(url, path, USERS, SECONDS)
    account_s = httpx.get(f"{url}/account", trust_env=False).json()
    answered_s = [one for one in account_s if one]
    p50_s, p99_s = np.percentile(answered_s, [50, 99])
    return figures, Figures(rate_rps=len(answered_s) / SECONDS, p50_s=float(p50_s), p99_s=float(p99_s))


def median_us(figures: list[Figures], percentile: str) -> float:
    """Median of a percentile over the rounds, in microseconds."""
    return 1e6 * float(statistics.median(getattr(one, f"{percentile}_s") for one in figures))


if __name__ == "__main__":
    main()
