"""Counting: servers are started, warmed up, and sent requests in slices, each of which is counted."""

import asyncio
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path

from portcompare.errors import MeasurementError, ServerError
from portcompare.http.sending import Sender
from portcompare.plan import Plan
from portcompare.records.requests import RequestSpec
from portcompare.records.work import Work, WorkCount
from portcompare.serve import CpuAssignment, RunningServer, prepare_arms, serve_deployments
from portcompare.serve.cpus import pin_server
from portcompare.stats.intervals import mean_estimate
from portcompare.work.callgrind import Callgrind
from portcompare.work.counters import Hardware, Method

SLICES = 16
"""So many parts are counted on their own: their spread gives the interval, and one in eight is cut at either
end, so that a full garbage collection, which comes once in hundreds of requests, does not decide."""

LEAST_SLICES = 8  # for an interval, where the time is up

AT_A_TIME = 2  # servers, each on a CPU of its own

WARM_UP = 100  # requests of each scenario before the counting
WAITING_LIMIT_S = 8.0  # how long the counted responses of a scenario may wait by design, all together
IDLE_S = 2.0  # how long a server is counted without requests
TIMEOUT_S = 60.0  # how long a response may take
DEATH_LIMIT_S = 1.0  # how long after a failed request a server may still end because of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What is counted, and how."""

    plan: Plan
    requests: Mapping[str, tuple[RequestSpec, ...]]  # by scenario
    method: Method
    cpus: CpuAssignment
    folder: Path  # of the servers' logs
    deadline_s: float | None = None  # when the time is up, by `time.monotonic()`; None for no limit
    say: Callable[[str], None] = lambda _: None  # receives what is being done

    @property
    def is_late(self) -> bool:
        """Whether the time is up."""
        return self.deadline_s is not None and time.monotonic() > self.deadline_s

    def slice_length(self, scenario: str) -> int:
        """How many requests a slice has: fewer where responses wait by design, and each kind as often."""
        delay_s, kinds = self.plan.scenarios[scenario].delay_s, len(self.requests[scenario])
        wanted = self.plan.work_plan.requests
        length = max(1, int(min(wanted, WAITING_LIMIT_S / delay_s if delay_s else wanted) // SLICES))
        return length - length % kinds if kinds <= length else length


def count_work(orders: Orders) -> Work:
    """Count the work of all deployments of a plan, two at a time; those that cannot be counted are named."""
    plan = orders.plan
    names = list(dict.fromkeys(arm.deployment for arm in plan.arms))
    not_counted = {
        name: "it was already running: only a server that portcompare starts can be counted"
        for name in names
        if plan.deployments[name].url is not None
    }
    # Servers of the run may hold the fixed ports.
    moved = {name: one.model_copy(update={"port": None}) for name, one in plan.deployments.items()}
    orders = replace(orders, plan=plan.model_copy(update={"deployments": moved}))
    left = [name for name in names if name not in not_counted]
    counts: list[WorkCount] = []
    while left:
        group, left = left[:AT_A_TIME], left[AT_A_TIME:]
        if orders.is_late:
            not_counted |= dict.fromkeys(group, "there was no time left for it")
            continue
        counts += _count_group(orders, group, not_counted)
    return Work(counts=tuple(counts), not_counted=not_counted, is_layout_fixed=orders.method.is_layout_fixed)


def _count_group(orders: Orders, names: Sequence[str], not_counted: dict[str, str]) -> list[WorkCount]:
    """Count deployments at the same time; where one cannot be started, each alone."""
    orders.say(f"counting instructions of {' and '.join(names)}")
    arms = {f"work-{name}": name for name in names}
    cpus = orders.cpus
    beside = replace(cpus, server=cpus.all_cpus)
    with tempfile.TemporaryDirectory(prefix="portcompare-") as folder:
        try:
            with (
                prepare_arms(orders.plan, arms, folder=orders.folder, cpus=beside),
                serve_deployments(
                    orders.plan,
                    arms,
                    folder=orders.folder,
                    cpus=beside,
                    wrapper=orders.method.wrap(Path(folder)),
                ) as servers,
            ):
                for place, server in enumerate(servers.values()):
                    pin_server(server, (cpus.all_cpus[place % len(cpus.all_cpus)],))
                found = asyncio.run(_count_servers(orders, list(servers.values()), Path(folder)))
        except ServerError as error:
            if len(names) > 1:
                return [one for name in names for one in _count_group(orders, [name], not_counted)]
            not_counted[names[0]] = str(error)
            return []
    not_counted |= {name: str(one) for name, one in found.items() if isinstance(one, MeasurementError)}
    return [count for one in found.values() if not isinstance(one, MeasurementError) for count in one]


async def _count_servers(
    orders: Orders, servers: Sequence[RunningServer], folder: Path
) -> dict[str, list[WorkCount] | MeasurementError]:
    async def count(server: RunningServer) -> list[WorkCount] | MeasurementError:
        counter = orders.method.make_counter(folder)
        try:
            return await count_server(orders, server, counter)
        except MeasurementError as error:
            return error
        finally:
            counter.close()

    found = await asyncio.gather(*map(count, servers))
    return {server.deployment: one for server, one in zip(servers, found, strict=True)}


async def count_server(
    orders: Orders, server: RunningServer, counter: Callgrind | Hardware
) -> list[WorkCount]:
    """Count what a server executes for the requests of each scenario.

    Raises MeasurementError: a request failed, the server ended, or it cannot be counted.
    """
    sender = Sender(server.url, TIMEOUT_S)
    found: list[WorkCount] = []
    try:
        for scenario, specs in orders.requests.items():
            await _send(sender, specs, min(WARM_UP, SLICES * orders.slice_length(scenario)))
        await counter.begin(pids := sorted(server.list_processes()))
        idle_per_s = await _count_idle(counter)
        for scenario, specs in orders.requests.items():
            each = orders.slice_length(scenario)
            await _send(sender, specs, each)  # the first slice would follow another scenario
            await counter.take()
            slices: list[float] = []
            taken_s = time.monotonic()
            while len(slices) < SLICES and not (orders.is_late and len(slices) >= LEAST_SLICES):
                await _send(sender, specs, each, start=each * (len(slices) + 1))
                counted, began_s, taken_s = await counter.take(), taken_s, time.monotonic()
                slices.append((counted - idle_per_s * (taken_s - began_s)) / each)
            if min(slices) <= 0:
                raise MeasurementError(f"{scenario}: no more was counted than without requests")  # noqa: TRY301
            mean = mean_estimate(slices)
            found.append(
                WorkCount(
                    deployment=server.deployment,
                    scenario=scenario,
                    counter=orders.method.counter,
                    requests=each * len(slices),
                    instructions_per_request=mean.point or 0.0,
                    low=mean.low or 0.0,
                    high=mean.high or 0.0,
                    slices=tuple(slices),
                    shares=counter.find_shares(),
                    idle_per_s=idle_per_s,
                )
            )
    except MeasurementError as error:
        if server.process is not None:
            server.process.wait(DEATH_LIMIT_S)  # its connection may have ended first
        server.check_alive()  # whose error has the status
        raise server.failure(str(error)) from None
    finally:
        sender.close()
    if sorted(server.list_processes()) != pids:
        raise server.failure("processes of the server started or ended while it was counted")
    return found


async def _count_idle(counter: Callgrind | Hardware) -> float:
    """What a server executes by the clock and not for requests, a second: timers, and waiting for workers."""
    await counter.take()
    began_s = time.monotonic()
    await asyncio.sleep(IDLE_S)
    counted = await counter.take()
    return counted / (time.monotonic() - began_s)


async def _send(sender: Sender, specs: Sequence[RequestSpec], number: int, start: int = 0) -> None:
    for place in range(start, start + number):
        request = specs[place % len(specs)]
        status = (await sender.send(request)).status or 0
        if status >= HTTPStatus.BAD_REQUEST and status != request.expected_status:
            raise MeasurementError(f"{request.name}: the status was {status}")
