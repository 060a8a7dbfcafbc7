"""Servers that stand until they are no longer wanted: watched, and started again when they die."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from portcompare.records.rounds import Usage
from portcompare.serve.deployments import restart_server
from portcompare.serve.running import StartedServer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from portcompare.plan import Plan
    from portcompare.serve.cpus import CpuAssignment
    from portcompare.serve.running import RunningServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What a server uses."""

    usage: Usage  # Since it was first started, what servers that ended had used included
    cores: float  # CPU seconds per second since it was last looked at


class Standing:
    """Servers that are kept up."""

    def __init__(
        self,
        plan: Plan,
        servers: dict[str, RunningServer],
        upstreams: Mapping[str, RunningServer],
        *,
        folder: Path,
        cpus: CpuAssignment,
    ) -> None:
        """Begin to watch."""
        # By arm; what is started again takes its predecessor's place, under the same address
        self.servers = servers
        self.upstreams = upstreams  # What the servers ask themselves, by name; watched, but not started again
        self._plan = plan
        self._folder = folder
        self._cpus = cpus
        self._restarts: Counter[str] = Counter()
        self._lost_cpu_s: dict[str, float] = {}
        self._latest: dict[str, Usage] = {}
        self._looked_s = time.monotonic()

    def revive(self) -> list[str]:
        """Start those again that have died.

        Raises ServerError: one cannot be started again, or one that somebody else has started is gone.
        """
        for upstream in self.upstreams.values():
            upstream.check_alive()
        told = []
        for arm, server in list(self.servers.items()):
            if not isinstance(server, StartedServer):
                server.check_alive()
                continue
            status = server.process.poll()
            if status is None:
                continue
            lost = self._latest.pop(arm, None)
            self._lost_cpu_s[arm] = self._lost_cpu_s.get(arm, 0.0) + (lost.cpu_s if lost else 0.0)
            self._restarts[arm] += 1
            self.servers[arm] = restart_server(self._plan, server, folder=self._folder, cpus=self._cpus)
            told.append(
                f"{arm} ended with status {status}, and was started again\n{server.process.show_log()}"
            )
        return told

    def look(self) -> dict[str, Use]:
        """See what the servers use."""
        now_s = time.monotonic()
        between_s, self._looked_s = now_s - self._looked_s, now_s
        found = {}
        for arm, server in self.servers.items():
            if isinstance(server, StartedServer):
                usage = server.usage()
                before = self._latest.get(arm, usage)
                self._latest[arm] = usage
                found[arm] = Use(
                    usage=Usage(
                        cpu_s=self._lost_cpu_s.get(arm, 0.0) + usage.cpu_s,
                        rss_bytes=usage.rss_bytes,
                        restarts=self._restarts[arm],
                    ),
                    cores=max(usage.cpu_s - before.cpu_s, 0.0) / between_s,
                )
        return found
