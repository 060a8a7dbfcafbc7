"""How fast is one core of the load generator, beside Locust's FastHttpUser and wrk?

    .venv/bin/python -m benchmarks.speed

32 connections on a raw ASGI callable; server and client each on a CPU of its own. Writes docs/benchmarks.md.
"""

from __future__ import annotations

from functools import partial

from benchmarks.common import (
    in_turn,
    paired_ratio,
    publish,
    raw_target,
    run_fast_http_user,
    run_portcompare,
    run_wrk,
    spread,
    target,
)

CONNECTIONS, SECONDS, ROUNDS = 32, 3.0, 8


def main() -> None:
    """Measure and publish."""
    clients = {"portcompare": run_portcompare, "FastHttpUser": run_fast_http_user, "wrk": run_wrk}
    with target(raw_target()) as url:
        sides = {name: partial(run, url, "/", CONNECTIONS, SECONDS) for name, run in clients.items()}
        found = in_turn(sides, ROUNDS)
    rates = {name: [one.rate_rps for one in figures] for name, figures in found.items()}
    lines = [
        "| client | requests/s, median (range) | portcompare / client, median (range) |",
        "|---|---|---|",
    ]
    for name, values in rates.items():
        lines.append(f"| {name} | {spread(values)} | {paired_ratio(rates['portcompare'], values)} |")
    errors = sum(one.errors for figures in found.values() for one in figures)
    publish("speed", [*lines, "", f"{ROUNDS} rounds of {SECONDS:g} s each, alternately; {errors} errors."])


if __name__ == "__main__":
    main()
