"""How much a process of Locust grows for each user: prints bytes per user, as JSON.

    python -m benchmarks.clients.memory KIND URL PATH FEW MANY

KIND is `LeanUser` or `FastHttpUser`; both run in a plain Locust environment, in this process.
"""

import gc
import json
import sys
import time

import gevent
import psutil
from locust.env import Environment
from locust.runners import Runner

from benchmarks.clients.fast_http_user import Requesting
from portcompare.loadgen import LeanUser, http_request

LIMIT_S = 60.0
SPAWN_RATE = 500
"""All at once would measure what spawning takes for a moment, and not what users take."""
ANSWERS_PER_USER = 2


class Lean(LeanUser):
    """Requests one path again and again, as `Requesting` does with Locust's own client."""


def main(kind: str, url: str, path: str, *steps: int) -> None:
    """Measure the process with few users and with many, all of them connected and waiting for a response."""
    Requesting.path, Lean.request = path, http_request(path)
    environment = Environment(user_classes=[{"LeanUser": Lean, "FastHttpUser": Requesting}[kind]], host=url)
    runner = environment.create_local_runner()
    few, many = steps
    few_bytes, many_bytes = (rss_bytes(runner, users) for users in (few, many))
    errors = runner.stats.total.num_failures
    runner.quit()
    grown = {"bytes_per_user": (many_bytes - few_bytes) / (many - few), "errors": errors}
    sys.stdout.write(json.dumps(grown) + "\n")


def rss_bytes(runner: Runner, users: int) -> int:
    """The memory of this process once so many users have had responses."""
    runner.start(users, spawn_rate=SPAWN_RATE)
    runner.spawning_greenlet.join()
    total = runner.stats.total
    enough = total.num_requests + ANSWERS_PER_USER * users
    deadline_s = time.monotonic() + LIMIT_S
    while total.num_requests < enough:
        if time.monotonic() > deadline_s:
            sys.exit(f"{users} users had {total.num_requests} responses within {LIMIT_S:g} s")
        gevent.sleep(0.1)
    gc.collect()
    found: int = psutil.Process().memory_info().rss
    return found


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], *map(int, sys.argv[4:]))
