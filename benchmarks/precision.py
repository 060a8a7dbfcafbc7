"""How near are the latencies to wrk's, on the same target?

    .venv/bin/python -m benchmarks.precision

Locust's own figures, which it rounds, stand beside. Writes docs/benchmarks.md.
"""

from functools import partial
from statistics import median

from benchmarks.common import header, in_turn, is_near, publish, row, spread, verdict, versions
from benchmarks.peers import Figures, run_fast_http_user, run_portcompare, run_wrk
from benchmarks.serving import raw_target, target

CONNECTIONS, SECONDS, ROUNDS = (1, 32), 3.0, 6
SHARE, FLOOR_S = 0.05, 50e-6


def main() -> None:
    """Measure and publish."""
    publish("precision", describe(measure(SECONDS, ROUNDS)))


def measure(seconds: float, rounds: int) -> dict[int, dict[str, list[Figures]]]:
    """Run the clients alternately, with each number of connections."""
    clients = {"portcompare": run_portcompare, "wrk": run_wrk, "Locust": run_fast_http_user}
    with target(raw_target()) as url:
        return {
            connections: in_turn(
                {name: partial(client, url, "/", connections, seconds) for name, client in clients.items()},
                rounds,
            )
            for connections in CONNECTIONS
        }


def describe(found: dict[int, dict[str, list[Figures]]]) -> list[str]:
    """The figures as Markdown."""
    lines = header(
        *("connections", "percentile", "portcompare, us", "wrk, us", "difference, us", "ratio"),
        *(f"within {SHARE:.0%} or {FLOOR_S * 1e6:g} us", "Locust, us"),
    )
    for connections, sides in found.items():
        for percentile in ("p50", "p99"):
            said_s = [[getattr(one, f"{percentile}_s") for one in figures] for figures in sides.values()]
            ours_s, wrk_s, _ = map(median, said_s)
            ours_us, wrk_us, locust_us = (spread(one * 1e6 for one in values_s) for values_s in said_s)
            difference = f"{(ours_s - wrk_s) * 1e6:+,.0f}"
            met = verdict(met=is_near(ours_s, wrk_s, share=SHARE, floor_s=FLOOR_S))
            compared = (difference, f"{ours_s / wrk_s:.3f}", met)
            lines.append(row(connections, percentile, ours_us, wrk_us, *compared, locust_us))
    everything = [one for sides in found.values() for figures in sides.values() for one in figures]
    errors = sum(one.errors for one in everything)
    rounds = len(next(iter(next(iter(found.values())).values())))
    return [*lines, "", f"{rounds} rounds, {errors} errors. {versions('locust', 'uvicorn')}."]


if __name__ == "__main__":
    main()
