"""The open model: is what is offered also sent, and in time?

    .venv/bin/python -m benchmarks.open_model

The rate is half of the highest that the closed model reaches on the same target. Writes docs/benchmarks.md.
"""

from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

from benchmarks.common import header, in_turn, publish, row, spread, verdict, versions
from benchmarks.peers import portcompare_load, run_portcompare
from benchmarks.serving import raw_target, target

SECONDS, ROUNDS = 3.0, 8
CEILING_USERS, CEILING_ROUNDS = (8, 32, 128), 3
SHARE_OF_CEILING, MOST_OFF, MOST_LAG_S = 0.5, 0.01, 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """What was found.

    Attributes:
        closed_rps: Median rate of the closed model by number of users.
        planned_rps: The rate that the open model is to offer.
        rounds: What `portcompare load --json` said of each round.
    """

    closed_rps: dict[int, float]
    planned_rps: float
    rounds: list[dict[str, Any]]


def main() -> None:
    """Measure and publish."""
    publish("open-model", describe(measure(SECONDS, ROUNDS, CEILING_ROUNDS)))


def measure(seconds: float, rounds: int, ceiling_rounds: int) -> Open:
    """Find the ceiling, and offer half of it."""
    with target(raw_target()) as url:
        closed = in_turn(
            {str(users): partial(run_portcompare, url, "/", users, seconds) for users in CEILING_USERS},
            ceiling_rounds,
        )
        closed_rps = {
            int(users): median(one.rate_rps for one in figures) for users, figures in closed.items()
        }
        planned_rps = round(SHARE_OF_CEILING * max(closed_rps.values()))
        options = ("--rate", str(planned_rps), "--seconds", str(seconds))
        found = in_turn({"open": partial(portcompare_load, f"{url}/", *options)}, rounds)["open"]
    return Open(closed_rps=closed_rps, planned_rps=planned_rps, rounds=found)


def describe(found: Open) -> list[str]:
    """The figures as Markdown."""
    closed = ", ".join(f"{rps:,.0f}/s with {users} users" for users, rps in found.closed_rps.items())
    achieved = [one["rate_rps"] / one["offered_rps"] for one in found.rounds]
    lag_p99_s = [one["generator"]["lag_p99_s"] for one in found.rounds]
    in_step = verdict(met=abs(median(achieved) - 1) <= MOST_OFF)
    in_time = verdict(met=median(lag_p99_s) < MOST_LAG_S)
    return [
        f"Closed model: {closed}. To be offered in the open model: {found.planned_rps:,}/s.",
        "",
        *header("figure", "median (range)", "target", ""),
        row("achieved / offered", spread(achieved), f"within {MOST_OFF:.0%}", in_step),
        row("lag p99, us", spread(one * 1e6 for one in lag_p99_s), f"under {MOST_LAG_S * 1e6:g}", in_time),
        row("lag max, us", spread(one["generator"]["lag_max_s"] * 1e6 for one in found.rounds), "", ""),
        row(
            "offered / to be offered",
            spread(one["offered_rps"] / found.planned_rps for one in found.rounds),
            "",
            "",
        ),
        row("latency p99, us", spread(one["latency_s"]["p99"] * 1e6 for one in found.rounds), "", ""),
        row("dropped", spread(one["dropped"] for one in found.rounds), "", ""),
        row("errors", spread(one["errors"] for one in found.rounds), "", ""),
        row("generator CPU", spread(one["generator"]["cpu_ratio"] for one in found.rounds), "", ""),
        "",
        f"{len(found.rounds)} rounds. {versions('uvicorn')}.",
    ]


if __name__ == "__main__":
    main()
