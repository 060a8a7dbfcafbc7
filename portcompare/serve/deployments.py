"""Serving deployments: all are started at once, asked until they are ready, and stopped in any case."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import httpx

from portcompare.plan import find_upstreams
from portcompare.serve.cpus import pin_tree
from portcompare.serve.ports import find_free_ports
from portcompare.serve.processes import start_supervised, stop_all
from portcompare.serve.recipe import resolve_deployment
from portcompare.serve.running import ForeignServer, StartedServer
from portcompare.serve.setups import ArmSetup, prepare_arms, set_up

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from portcompare.plan import Plan
    from portcompare.serve.cpus import CpuAssignment
    from portcompare.serve.running import RunningServer


READY_LIMIT_S = 20.0
"""How long a server may take until it answers, in seconds."""

_POLL_INTERVAL_S = 0.02

_STRANGER = {
    "server": "somebody else listens",
    "command": "no process that the command started listens (give a container, or a service that it has "
    "started elsewhere, by its `url`), but somebody else does,",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Start:
    """One arm's server, to be started, or to be found running."""

    arm: ArmSetup  # The arm and its deployment, and which CPUs it may use until it is ready
    port: int  # Where it is to listen

    def begin(self, port: int) -> RunningServer:
        """Start the server; one that runs already is only noted."""
        recipe = self.arm.recipe
        if recipe.url is not None:
            return ForeignServer(
                arm=self.arm.arm,
                deployment=recipe.name,
                url=recipe.url,
                port=port,
                ready_target=recipe.app.ready_target,
            )
        process = start_supervised(
            recipe.command(port, self.arm.arm),
            directory=recipe.surroundings.directory,
            environment=recipe.environment(self.arm.arm),
            cpus=self.arm.cpus,
            log_path=self.arm.log_path,
        )
        return StartedServer(
            arm=self.arm.arm,
            deployment=recipe.name,
            host=recipe.host,
            port=port,
            ready_target=recipe.app.ready_target,
            process=process,
        )


@contextmanager
def serve_deployments(
    plan: Plan, arms: Mapping[str, str], *, folder: Path, cpus: CpuAssignment
) -> Iterator[dict[str, RunningServer]]:
    """Serve deployments for as long as the context lasts.

    Raises ServerError: A server did not start, died, or did not become ready in time; or a command that the
    plan wants run before or after failed.
    """
    starts = _plan_starts(plan, arms, folder, cpus)
    running: dict[str, RunningServer] = {}
    with set_up(start.arm.for_block(start.port) for start in starts):
        try:
            asyncio.run(_bring_up_all(starts, running))
            for server in _started(running):
                pin_tree(server.process.pid, cpus.server)
            yield running
        finally:
            stop_all(server.process for server in _started(running))


def restart_server(plan: Plan, server: StartedServer, *, folder: Path, cpus: CpuAssignment) -> StartedServer:
    """Start a server that has died once more, where it was, and wait until it is ready.

    Raises ServerError: it did not start, or did not become ready in time; or a command before failed.
    """
    server.process.stop()
    recipe = resolve_deployment(plan, server.deployment)
    arm = ArmSetup(plan=plan, recipe=recipe, arm=server.arm, cpus=cpus.everyone, folder=folder)
    arm.for_block(server.port).repeat()
    start = _Start(arm=arm, port=server.port)
    again = start.begin(server.port)
    assert isinstance(again, StartedServer)  # noqa: S101 - as it was before
    with ExitStack() as undo:
        undo.callback(again.process.stop)
        if not asyncio.run(_await_ready(start, again)):
            raise again.failure(f"{_STRANGER[recipe.deployment.kind]} on port {server.port}")
        pin_tree(again.process.pid, cpus.server)
        undo.pop_all()
    return again


async def _await_ready(start: _Start, server: RunningServer) -> bool:
    async with httpx.AsyncClient(trust_env=False, timeout=READY_LIMIT_S) as client:
        return await _is_ready(start, server, client)


def _started(running: Mapping[str, RunningServer]) -> list[StartedServer]:
    return [server for server in running.values() if isinstance(server, StartedServer)]


def _plan_starts(plan: Plan, arms: Mapping[str, str], folder: Path, cpus: CpuAssignment) -> list[_Start]:
    recipes = {arm: resolve_deployment(plan, name) for arm, name in arms.items()}
    ports: dict[str, int] = {}
    fixed: set[int] = set()
    for arm, recipe in recipes.items():
        # One that runs already has its port for all arms; another is started for each.
        if recipe.port is not None and (recipe.url is not None or recipe.port not in fixed):
            ports[arm] = recipe.port
            fixed |= {recipe.port} if recipe.url is None else set()
    others = [arm for arm in arms if arm not in ports]
    ports |= dict(zip(others, find_free_ports(str(plan.host), len(others), besides=fixed), strict=True))
    return [
        _Start(
            arm=ArmSetup(plan=plan, recipe=recipe, arm=arm, cpus=cpus.everyone, folder=folder),
            port=ports[arm],
        )
        for arm, recipe in recipes.items()
    ]


async def _bring_up_all(starts: list[_Start], running: dict[str, RunningServer]) -> None:
    for start in starts:
        running[start.arm.arm] = start.begin(start.port)
    # trust_env: a proxy has no business between us and our own servers.
    async with httpx.AsyncClient(trust_env=False, timeout=READY_LIMIT_S) as client:
        await asyncio.gather(*(_bring_up(start, running, client) for start in starts))


async def _bring_up(start: _Start, running: dict[str, RunningServer], client: httpx.AsyncClient) -> None:
    """Wait for a server; should somebody have taken the port meanwhile, start it once more on another."""
    arm, recipe = start.arm.arm, start.arm.recipe
    server = running[arm]
    if await _is_ready(start, server, client) or not isinstance(server, StartedServer):
        return
    if start.port != recipe.port:
        server.process.stop()
        (port,) = find_free_ports(recipe.host, 1)
        await asyncio.to_thread(start.arm.for_block(port).repeat)  # the others are waited for meanwhile
        running[arm] = server = start.begin(port)
        if await _is_ready(start, server, client):
            return
    raise server.failure(
        f"{_STRANGER[recipe.deployment.kind]} on port {server.port}; free it or choose another"
    )


async def _is_ready(start: _Start, server: RunningServer, client: httpx.AsyncClient) -> bool:
    """Ask a server until it is ready; False if its port turns out to be somebody else's."""
    app, seen = start.arm.recipe.app, "nothing answered"
    try:
        async with asyncio.timeout(READY_LIMIT_S):
            while True:
                if _has_lost_its_port(server):
                    return False
                server.check_alive()
                try:
                    answer = await client.get(server.url + app.ready_target)
                except httpx.TransportError as error:
                    seen = f"the last attempt ended in {error!r}"
                else:
                    if app.is_ready(answer.status_code):
                        return not isinstance(server, StartedServer) or server.owns_port
                    seen = f"it answered {answer.status_code}"
                await asyncio.sleep(_POLL_INTERVAL_S)
    except TimeoutError:
        raise server.failure(
            f"GET {app.ready_target} was not ready in {READY_LIMIT_S:g} s: {seen}; if that is not where the "
            "app says that it is ready, set ready_path in its table of [apps] to a path that answers 2xx "
            "or 3xx"
        ) from None


def _has_lost_its_port(server: RunningServer) -> bool:
    if not isinstance(server, StartedServer) or server.process.poll() is None:
        return False
    return "in use" in server.process.log_tail().lower()


@contextmanager
def serve_upstreams(plan: Plan, *, folder: Path, cpus: CpuAssignment) -> Iterator[dict[str, RunningServer]]:
    """Serve the upstreams that the arms' environments name.

    They run on the load generator's CPUs: what they take is not taken from an arm, and if it is too much the
    load generator notices, as it watches itself.

    Raises ServerError: an upstream did not start, or was found dead at the end.
    """
    upstreams = {name: name for name in find_upstreams(plan)}
    if not upstreams:
        yield {}
        return
    beside = replace(cpus, server=cpus.generator)
    with ExitStack() as stack:
        stack.enter_context(prepare_arms(plan, upstreams, folder=folder, cpus=beside))
        servers = stack.enter_context(serve_deployments(plan, upstreams, folder=folder, cpus=beside))
        yield servers
        for server in servers.values():
            server.check_alive()
