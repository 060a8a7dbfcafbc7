"""Locust's own FastHttpUser as a client: prints what its statistics say of a window, as JSON."""

from __future__ import annotations

import json
import sys
import time

import gevent
from locust import FastHttpUser, task
from locust.env import Environment

WARMUP_S = 0.5


class Asking(FastHttpUser):
    """Asks for one path again and again."""

    path = "/"

    @task
    def ask(self) -> None:
        """Ask once."""
        self.client.get(self.path)


def main(url: str, path: str, users: int, seconds: float) -> None:
    """Load a server for so many seconds."""
    Asking.host, Asking.path = url, path
    environment = Environment(user_classes=[Asking])
    runner = environment.create_local_runner()
    runner.start(users, spawn_rate=users)
    gevent.sleep(WARMUP_S)
    runner.stats.reset_all()
    begun_s = time.perf_counter()
    gevent.sleep(seconds)
    total = runner.stats.total
    elapsed_s = time.perf_counter() - begun_s
    figures = {
        "requests": total.num_requests,
        "errors": total.num_failures,
        "rate_rps": total.num_requests / elapsed_s,
        "latency_s": {
            "p50": total.get_response_time_percentile(0.5) / 1e3,
            "p99": total.get_response_time_percentile(0.99) / 1e3,
        },
    }
    runner.quit()
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
