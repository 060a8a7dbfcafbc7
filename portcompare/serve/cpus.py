"""Which CPUs the servers use, and which the load generator."""

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from portcompare.plan import Plan
from portcompare.serve.running import RunningServer


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuAssignment:
    """The CPUs of servers and load generator."""

    server: tuple[int, ...]  # those that every server may use
    generator: tuple[int, ...]

    @property
    def all_cpus(self) -> tuple[int, ...]:
        """The CPUs for what runs while nothing is measured."""
        return tuple(sorted({*self.server, *self.generator}))


def assign_cpus(plan: Plan, generator_processes: int = 1) -> CpuAssignment:
    """Keep servers and load generator apart where the machine allows."""
    allowed = sorted(os.sched_getaffinity(0))
    return share_cpus(
        allowed,
        server=[cpu for cpu in plan.cpus.server or () if cpu in allowed],
        generator=[cpu for cpu in plan.cpus.generator or () if cpu in allowed],
        server_workers=max(plan.deployments[arm.deployment].workers or 1 for arm in plan.arms),
        generator_processes=generator_processes,
    )


def share_cpus(
    allowed: list[int],
    *,
    server: Sequence[int] = (),
    generator: Sequence[int] = (),
    server_workers: int = 1,
    generator_processes: int = 1,
) -> CpuAssignment:
    """Share the allowed CPUs out; those given are kept."""
    generator = generator or generator_cpus(_without(allowed, server), generator_processes)
    server = server or _without(allowed, generator)[:server_workers]
    return CpuAssignment(server=tuple(server), generator=tuple(generator))


def generator_cpus(allowed: list[int], processes: int) -> list[int]:
    """The CPUs of a load generator of several processes: the last ones, but for one CPU."""
    return allowed[-min(processes, max(len(allowed) - 1, 1)) :]


def pin_server(server: RunningServer, cpus: Iterable[int]) -> None:
    """Keep a server's processes, if they are known, and all that they will start on these CPUs."""
    wanted, pinned = set(cpus), -1
    threads: set[int] = set()
    while len(threads) != pinned:  # until none was started meanwhile by one that was not pinned yet
        pinned = len(threads)
        for pid in server.list_processes():
            with suppress(OSError):  # it has ended
                threads |= {int(thread) for thread in os.listdir(f"/proc/{pid}/task")}  # noqa: PTH208 - names
        for thread in threads:
            with suppress(ProcessLookupError):
                os.sched_setaffinity(thread, wanted)


def _without(cpus: list[int], taken: Sequence[int]) -> list[int]:
    """The CPUs that are not taken, or all where none would be left."""
    return [cpu for cpu in cpus if cpu not in taken] or cpus
