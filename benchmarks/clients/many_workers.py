"""Several load workers in one process, each of them joined to the leader as if it were alone.

python -m benchmarks.clients.many_workers PORT COUNT
"""

import sys
import tempfile
from pathlib import Path

import gevent
from locust import runners
from locust.env import Environment
from locust.stats import RequestStats

from portcompare.loadgen.worker import LEADER_LOST_S, Joining, Worker


def main(port: int, count: int) -> None:
    """Work until the leader of this machine ends."""
    runners.MASTER_HEARTBEAT_TIMEOUT = LEADER_LOST_S
    with tempfile.TemporaryDirectory(prefix="portcompare-") as folder:
        gevent.joinall([gevent.spawn(work, port, Path(folder)) for _ in range(count)], raise_error=True)


def work(port: int, folder: Path) -> None:
    """Be one of them."""
    environment = Environment()
    environment.stats = RequestStats(use_response_times_cache=False)  # as a worker has it
    Joining(environment, "127.0.0.1", port, Worker(environment, folder), "").greenlet.join()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
