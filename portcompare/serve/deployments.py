"""Serving deployments: all are started at once, polled until they are ready, kept running, and stopped."""

import asyncio
import shutil
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from itertools import count
from math import inf
from pathlib import Path

from portcompare.errors import MeasurementError
from portcompare.http.requests import http_request
from portcompare.http.responses import ResponseError
from portcompare.http.sending import Sender
from portcompare.plan import Plan
from portcompare.records.rounds import Usage
from portcompare.serve.cpus import CpuAssignment, pin_server
from portcompare.serve.ports import find_free_ports
from portcompare.serve.processes import stop_all
from portcompare.serve.running import RunningServer
from portcompare.serve.setups import ArmSetup, Wrapper, prepare_arms, set_up

_LONG_S = 0.1  # An attempt that lasts as long when the time is over counts, though it has not ended
_NO_CONNECTION = "the server accepts no connection"
_REFUSED = "Connect call failed"  # In asyncio's words, of each address

FIRST_PORT = 8101  # of `portcompare up`, for the baseline


@contextmanager
def serve_deployments(
    plan: Plan,
    arms: Mapping[str, str],
    *,
    folder: Path,
    cpus: CpuAssignment,
    wrapper: Wrapper = Wrapper(),  # noqa: B008 - it is frozen
) -> Iterator[dict[str, RunningServer]]:
    """Serve deployments, given by arm, for as long as the context lasts.

    Raises ServerError: a server did not start, died, or did not become ready in time; or a command that the
    plan wants run before or after failed.
    """
    setups = [replace(setup, wrapper=wrapper) for setup in plan_arms(plan, arms, folder, cpus)]
    running: dict[str, RunningServer] = {}
    with _copies(setups), set_up(setups, "block_setup", "block_teardown"):
        try:
            asyncio.run(_bring_up_all(setups, running, may_move=True))
            for server in running.values():
                pin_server(server, cpus.server)
            yield running
        finally:
            stop_all(server.process for server in running.values() if server.process is not None)


@contextmanager
def _copies(setups: Iterable[ArmSetup]) -> Iterator[None]:
    """Make the arms' copies of their apps' directories, and remove them at the end of the context."""
    try:
        for setup in setups:
            setup.make_copy()
        yield
    finally:
        for setup in setups:
            shutil.rmtree(setup.copies, ignore_errors=True)
            with suppress(OSError):  # those of others are in it
                setup.copies.parent.rmdir()


@contextmanager
def serve_upstreams(plan: Plan, *, folder: Path, cpus: CpuAssignment) -> Iterator[dict[str, RunningServer]]:
    """Serve the upstreams that the arms' environments name.

    They run on the load generator's CPUs: so they take nothing from an arm, and the load generator, which
    watches itself, notices if they take too much.
    """
    upstreams = {name: name for name in plan.upstreams}
    if not upstreams:
        yield {}
        return
    beside = replace(cpus, server=cpus.generator)
    with (
        prepare_arms(plan, upstreams, folder=folder, cpus=beside),
        serve_deployments(plan, upstreams, folder=folder, cpus=beside) as servers,
    ):
        yield servers
        for server in servers.values():
            server.check_alive()


def assign_ports(plan: Plan, first: int = FIRST_PORT) -> dict[str, int]:
    """The ports on which `portcompare up` serves, by deployment: a plan's own, and the others in a row.

    Deployments that run already are left out.
    """
    names = dict.fromkeys(arm.deployment for arm in plan.arms)
    own = {name: plan.deployments[name].port for name in names}
    others = (port for port in count(first) if port not in own.values())
    return {name: own[name] or next(others) for name in names if plan.deployments[name].url is None}


def plan_arms(plan: Plan, arms: Mapping[str, str], folder: Path, cpus: CpuAssignment) -> list[ArmSetup]:
    """Choose a port for each arm."""
    setups = [ArmSetup.of(plan, arm, name, folder=folder, cpus=cpus) for arm, name in arms.items()]
    ports: dict[str, int] = {}
    fixed: set[int] = set()
    for setup in setups:
        recipe = setup.recipe
        # A server that already runs has one port for all arms; another is started for each arm.
        if recipe.port is not None and (recipe.url is not None or recipe.port not in fixed):
            ports[setup.arm] = recipe.port
            fixed |= {recipe.port} if recipe.url is None else set()
    others = [arm for arm in arms if arm not in ports]
    ports |= dict(zip(others, find_free_ports(str(plan.host), len(others), besides=fixed), strict=True))
    return [replace(setup, port=ports[setup.arm]).in_copy() for setup in setups]


def _start(setup: ArmSetup) -> RunningServer:
    """Start an arm's server; one that already runs is only described."""
    recipe, process = setup.recipe, None
    if recipe.url is None:
        command = (*setup.wrapper.command, *recipe.command(setup.port, setup.arm))
        process = setup.start(command, recipe.variables(setup.arm) | dict(setup.wrapper.environment))
    return RunningServer(
        arm=setup.arm,
        deployment=recipe.name,
        url=recipe.url or f"http://{recipe.host}:{setup.port}",
        port=setup.port,
        ready_target=recipe.app.ready_target,
        process=process,
    )


async def _bring_up_all(setups: list[ArmSetup], running: dict[str, RunningServer], *, may_move: bool) -> None:
    """Start all, and wait until all are ready; `may_move`: to another port if theirs is taken meanwhile."""
    for setup in setups:
        running[setup.arm] = _start(setup)
    await asyncio.gather(*(_bring_up(setup, running, may_move=may_move) for setup in setups))


async def _bring_up(setup: ArmSetup, running: dict[str, RunningServer], *, may_move: bool) -> None:
    server = running[setup.arm]
    is_ready = await _is_ready(setup, server)
    if not is_ready and may_move and server.process is not None and setup.port != setup.recipe.port:
        server.process.stop()
        (port,) = find_free_ports(setup.recipe.host, 1)
        setup = replace(setup, port=port)
        await asyncio.to_thread(setup.run_between_starts)  # the others are waited for meanwhile
        running[setup.arm] = server = _start(setup)
        is_ready = await _is_ready(setup, server)
    if is_ready:
        return
    found = "another process listens"
    if setup.recipe.deployment.kind == "command":
        found = (
            "no process that the command started listens (give a container, or a service that it has started "
            "elsewhere, by its `url`), but another process does,"
        )
    raise server.failure(f"{found} on port {server.port}; free it or choose another")


async def _is_ready(setup: ArmSetup, server: RunningServer) -> bool:
    """Poll a server until it is ready; False if it turns out that another process has its port."""
    app, limit_s = setup.recipe.app, setup.ready_limit_s
    seen, is_early, began_s = "there was no response", True, inf  # Early: it may be ready later
    request = http_request(app.ready_target)
    try:
        with closing(Sender(server.url, timeout_s=inf)) as sender:
            async with asyncio.timeout(limit_s):
                while True:
                    process = server.process
                    if process and process.poll() is not None and "in use" in process.log_tail().lower():
                        return False
                    server.check_alive()
                    began_s = time.monotonic()
                    try:
                        status = (await sender.send(request)).status or 0
                    except MeasurementError as error:
                        sender.close()
                        seen = _describe(error.__cause__)
                        is_early = seen == _NO_CONNECTION
                    else:
                        if app.is_ready(status):
                            return server.owns_port
                        seen = f"the status was {status}"
                        is_early = status == HTTPStatus.SERVICE_UNAVAILABLE
                    began_s = inf
                    await asyncio.sleep(0.02)
    except TimeoutError:
        waited_s = time.monotonic() - began_s
        if waited_s >= _LONG_S:
            before = "" if is_early else f", and before {seen}"
            seen, is_early = f"no complete response within {waited_s:.1f} s{before}", True
        longer = "a longer ready_timeout_s, or " if is_early else ""
        raise server.failure(
            f"GET {app.ready_target} was not ready within {limit_s:g} s: {seen}; in its table of [apps] set "
            f"{longer}ready_path to a path that returns 2xx or 3xx when it is ready"
        ) from None


def _describe(cause: BaseException | None) -> str:
    match cause:
        case ResponseError():
            return str(cause)
        case OSError() if _REFUSED in str(cause):
            return _NO_CONNECTION
        case ConnectionError():
            return "the connection was reset"
    return f"cannot connect: {cause}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What a server uses."""

    usage: Usage  # since its first start, the CPU time of processes that died included
    cores: float  # CPU seconds per second since the reading before


@dataclass(slots=True, kw_only=True)
class LiveServers:
    """The servers of baseline and candidates, and their upstreams."""

    plan: Plan
    servers: dict[str, RunningServer]  # by arm; one that is started again takes the place of one that died
    upstreams: Mapping[str, RunningServer]  # by name; watched, but not started again
    folder: Path
    cpus: CpuAssignment
    _restarts: Counter[str] = field(default_factory=Counter)
    _lost_cpu_s: dict[str, float] = field(default_factory=dict)  # of processes that died
    _latest: dict[str, Usage] = field(default_factory=dict)
    _read_s: float = 0.0  # when the use was read last

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
            if arm in self._latest:
                self._lost_cpu_s[arm] = self._lost_cpu_s.get(arm, 0.0) + self._latest.pop(arm).cpu_s
            self._restarts[arm] += 1
            server.process.stop()
            setup = ArmSetup.of(self.plan, arm, server.deployment, folder=self.folder, cpus=self.cpus)
            setup = replace(setup, port=server.port).in_copy()
            setup.run_between_starts()
            asyncio.run(_bring_up_all([setup], self.servers, may_move=False))
            pin_server(self.servers[arm], self.cpus.server)
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
                cpu_s=self._lost_cpu_s.get(arm, 0.0) + usage.cpu_s,
                rss_bytes=usage.rss_bytes,
                restarts=self._restarts[arm],
            )
            found[arm] = Use(usage=total, cores=max(usage.cpu_s - before.cpu_s, 0.0) / elapsed_s)
        return found
