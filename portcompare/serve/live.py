"""Servers that are kept running: watched, and started again when they die."""

import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from portcompare.plan import Plan
from portcompare.records.rounds import Usage
from portcompare.serve.cpus import CpuAssignment
from portcompare.serve.deployments import restart_server
from portcompare.serve.running import RunningServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What a server uses."""

    usage: Usage  # since its first start, the CPU time of processes that died included
    cores: float  # CPU seconds per second since the reading before


class LiveServers:
    """The servers of baseline and candidates, and their upstreams."""

    def __init__(
        self,
        plan: Plan,
        servers: dict[str, RunningServer],
        upstreams: Mapping[str, RunningServer],
        *,
        folder: Path,
        cpus: CpuAssignment,
    ) -> None:
        """`servers` is updated: a server that is started again takes the place of the one that died."""
        self.servers = servers
        self.upstreams = upstreams  # by name; watched, but not started again
        self._plan = plan
        self._folder = folder
        self._cpus = cpus
        self._restarts: Counter[str] = Counter()
        self._lost_cpu_s: defaultdict[str, float] = defaultdict(float)  # of processes that died
        self._latest: dict[str, Usage] = {}
        self._read_s = time.monotonic()

    def restart_dead(self) -> list[str]:
        """Start those again that have died, at the same address; returns a message for each.

        Raises ServerError: one cannot be started again, or one that portcompare did not start is gone.
        """
        for upstream in self.upstreams.values():
            upstream.check_alive()
        messages = []
        for arm, server in list(self.servers.items()):
            if server.process is None:
                server.check_alive()
                continue
            status = server.process.poll()
            if status is None:
                continue
            lost = self._latest.pop(arm, None)
            self._lost_cpu_s[arm] += lost.cpu_s if lost else 0.0
            self._restarts[arm] += 1
            self.servers[arm] = restart_server(self._plan, server, folder=self._folder, cpus=self._cpus)
            log = server.process.show_log()
            messages.append(f"{arm} ended with status {status} and was started again\n{log}")
        return messages

    def read_use(self) -> dict[str, Use]:
        """What the servers use, by arm; nothing of those that portcompare did not start."""
        now_s = time.monotonic()
        elapsed_s, self._read_s = now_s - self._read_s, now_s
        found = {}
        for arm, server in self.servers.items():
            usage = server.usage()
            if usage is None:
                continue
            before = self._latest.get(arm, usage)
            self._latest[arm] = usage
            total = Usage(
                cpu_s=self._lost_cpu_s[arm] + usage.cpu_s,
                rss_bytes=usage.rss_bytes,
                restarts=self._restarts[arm],
            )
            found[arm] = Use(usage=total, cores=max(usage.cpu_s - before.cpu_s, 0.0) / elapsed_s)
        return found
