"""Many users at once: 5,000 of them on a route that takes five seconds, on Quart on uvicorn.

    .venv/bin/python -m benchmarks.width

Writes docs/benchmarks.md.
"""

from __future__ import annotations

import resource
import sys
from functools import partial

from benchmarks.common import HERE, in_turn, portcompare_load, publish, spread, target

USERS, DELAY_S, SECONDS, ROUNDS = 5000, 5, 15.0, 3


def main() -> None:
    """Measure and publish."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    server = [
        *(sys.executable, "-m", "uvicorn", "async_quart.app:app", "--app-dir", str(HERE.parent)),
        *(
            "--host",
            "127.0.0.1",
            "--port",
            "{port}",
            "--no-access-log",
            "--log-level",
            "warning",
            "--backlog",
            "8192",
        ),
    ]
    with target(server) as url:
        options = ("--users", str(USERS), "--seconds", str(SECONDS))
        ask = partial(portcompare_load, f"{url}/data?delay={DELAY_S}", *options)
        found = in_turn({"closed": ask}, ROUNDS)["closed"]
    bound_rps = USERS / DELAY_S
    lines = [
        "| figure | median (range) |",
        "|---|---|",
        f"| rate, 1/s (bound {bound_rps:,.0f}) | {spread(one['rate_rps'] for one in found)} |",
        f"| share of the bound | {spread(one['rate_rps'] / bound_rps for one in found)} |",
        f"| errors | {spread(one['errors'] for one in found)} |",
        f"| generator CPU | {spread(one['generator']['cpu_ratio'] for one in found)} |",
    ]
    publish("width", lines)


if __name__ == "__main__":
    main()
