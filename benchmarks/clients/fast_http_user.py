"""Locust's own FastHttpUser as a client: prints what its statistics say of a window, as JSON.

    python -m benchmarks.clients.fast_http_user URL PATH USERS SECONDS RATE

RATE is what all users together send per second, each at even intervals; 0 lets them send again at once.
"""

import json
import sys
import time

import gevent
from locust import FastHttpUser, constant_throughput, task
from locust.env import Environment

WARMUP_S = 0.5
SLOW_MS = 100


class Requesting(FastHttpUser):
    """Requests one path again and again."""

    path = "/"

    @task
    def request(self) -> None:
        """Send one request."""
        self.client.get(self.path)


def main(url: str, path: str, users: int, seconds: float, rate_rps: float) -> None:
    """Load a server for so many seconds, after a warm-up in which the connections are made."""
    Requesting.host, Requesting.path = url, path
    if rate_rps:
        Requesting.wait_time = constant_throughput(rate_rps / users)
    environment = Environment(user_classes=[Requesting])
    runner = environment.create_local_runner()
    runner.start(users, spawn_rate=users)
    runner.spawning_greenlet.join()
    gevent.sleep(WARMUP_S)
    runner.stats.reset_all()
    begun_s, cpu_s = time.perf_counter(), time.process_time()
    gevent.sleep(seconds)
    elapsed_s, cpu_s = time.perf_counter() - begun_s, time.process_time() - cpu_s
    total = runner.stats.total
    figures = {
        "requests": total.num_requests,
        "errors": total.num_failures,
        "rate_rps": total.num_requests / elapsed_s,
        "latency_s": {
            "p50": total.get_response_time_percentile(0.5) / 1e3,
            "p99": total.get_response_time_percentile(0.99) / 1e3,
            "max": total.max_response_time / 1e3,
        },
        "slow": sum(count for ms, count in total.response_times.items() if ms > SLOW_MS),
        "generator": {"cpu_ratio": cpu_s / elapsed_s},
    }
    runner.quit()
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5]))
