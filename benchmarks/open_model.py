"""The open model: is what is offered also sent, and in time?

    .venv/bin/python -m benchmarks.open_model

The rate is half of what the closed model reaches on the same target. Writes docs/benchmarks.md.
"""

from __future__ import annotations

import statistics
from functools import partial

from benchmarks.common import in_turn, portcompare_load, publish, raw_target, run_portcompare, spread, target

SECONDS, ROUNDS = 3.0, 8


def main() -> None:
    """Measure and publish."""
    with target(raw_target()) as url:
        ceiling = statistics.median(run_portcompare(url, "/", 32, SECONDS).rate_rps for _ in range(3))
        offered_rps = round(ceiling / 2)
        found = in_turn(
            {
                "open": partial(
                    portcompare_load, f"{url}/", "--rate", str(offered_rps), "--seconds", str(SECONDS)
                )
            },
            ROUNDS,
        )["open"]
    achieved = [one["rate_rps"] / one["offered_rps"] for one in found]
    lines = [
        f"Closed model at 32 users: {ceiling:,.0f}/s; offered in the open model: {offered_rps:,}/s.",
        "",
        "| figure | median (range) |",
        "|---|---|",
        f"| achieved / offered | {spread(achieved)} |",
        f"| lag p99, us | {spread(one['generator']['lag_p99_s'] * 1e6 for one in found)} |",
        f"| dropped | {spread(one['dropped'] for one in found)} |",
        f"| generator CPU | {spread(one['generator']['cpu_ratio'] for one in found)} |",
    ]
    publish("open-model", lines)


if __name__ == "__main__":
    main()
