"""Serving deployments: all are started at once, asked until they are ready, and stopped in any case."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from portcompare.serve.cpus import pin_tree
from portcompare.serve.ports import find_free_ports
from portcompare.serve.recipe import Recipe, resolve_deployment
from portcompare.serve.running import RunningServer
from portcompare.serve.supervise import start_supervised, stop_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from portcompare.plan import Plan
    from portcompare.serve.cpus import CpuAssignment

READY_LIMIT_S = 20.0
"""How long a server may take until it answers, in seconds."""

_POLL_INTERVAL_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class _Start:
    """One arm's server, to be started.

    Attributes:
        arm: Name of the arm.
        recipe: Its deployment.
        port: Where it is to listen.
        cpus: The CPUs that it may use until it is ready.
        log_path: Where it logs to.
    """

    arm: str
    recipe: Recipe
    port: int
    cpus: tuple[int, ...]
    log_path: Path

    def begin(self, port: int) -> RunningServer:
        process = start_supervised(
            self.recipe.command(port),
            directory=self.recipe.directory,
            environment=self.recipe.environment(),
            cpus=self.cpus,
            log_path=self.log_path,
        )
        return RunningServer(
            arm=self.arm, deployment=self.recipe.name, host=self.recipe.host, port=port, process=process
        )


@contextmanager
def serve_deployments(
    plan: Plan, arms: Mapping[str, str], *, folder: Path, cpus: CpuAssignment
) -> Iterator[dict[str, RunningServer]]:
    """Serve deployments for as long as the context lasts.

    Args:
        plan: The plan.
        arms: From the name of each arm to the name of its deployment. Where two arms have the same
            deployment, the first has its fixed port, if it has one, and the others have free ones.
        folder: An existing folder; each server's log there, `ARM.log`, is appended to.
        cpus: The CPUs to pin the servers to.

    Yields:
        The servers by arm; all of them are ready.

    Raises:
        ServerError: A server did not start, died, or did not become ready in time.
    """
    running: dict[str, RunningServer] = {}
    try:
        asyncio.run(_bring_up_all(_plan_starts(plan, arms, folder, cpus), running))
        for server in running.values():
            pin_tree(server.process.pid, cpus.server)
        yield running
    finally:
        stop_all(server.process for server in running.values())


def _plan_starts(plan: Plan, arms: Mapping[str, str], folder: Path, cpus: CpuAssignment) -> list[_Start]:
    fixed: dict[int, str] = {}
    for arm, name in arms.items():
        port = plan.deployments[name].port
        if port is not None:
            fixed.setdefault(port, arm)
    ports = {arm: port for port, arm in fixed.items()}
    others = [arm for arm in arms if arm not in ports]
    ports |= dict(zip(others, find_free_ports(str(plan.host), len(others), besides=fixed), strict=True))
    return [
        _Start(
            arm=arm,
            recipe=resolve_deployment(plan, name),
            port=ports[arm],
            cpus=tuple(sorted({*cpus.server, *cpus.generator})),  # nothing is measured yet
            log_path=folder / f"{arm}.log",
        )
        for arm, name in arms.items()
    ]


async def _bring_up_all(starts: list[_Start], running: dict[str, RunningServer]) -> None:
    for start in starts:
        running[start.arm] = start.begin(start.port)
    # trust_env: a proxy has no business between us and our own servers.
    async with httpx.AsyncClient(trust_env=False, timeout=READY_LIMIT_S) as client:
        await asyncio.gather(*(_bring_up(start, running, client) for start in starts))


async def _bring_up(start: _Start, running: dict[str, RunningServer], client: httpx.AsyncClient) -> None:
    """Wait for a server; should somebody have taken the port meanwhile, start it once more on another."""
    ready_path = start.recipe.app.ready_path
    if await _is_ready(running[start.arm], ready_path, client):
        return
    if start.port != start.recipe.deployment.port:
        running[start.arm].process.stop()
        (port,) = find_free_ports(start.recipe.host, 1)
        running[start.arm] = start.begin(port)
        if await _is_ready(running[start.arm], ready_path, client):
            return
    server = running[start.arm]
    raise server.failure(f"somebody else listens on port {server.port}; free it or choose another")


async def _is_ready(server: RunningServer, ready_path: str, client: httpx.AsyncClient) -> bool:
    """Ask a server until it is ready; False if its port turns out to be somebody else's."""
    seen = "nothing answered"
    try:
        async with asyncio.timeout(READY_LIMIT_S):
            while True:
                if server.process.poll() is not None and "in use" in server.process.log_tail().lower():
                    return False
                server.check_alive()
                try:
                    answer = await client.get(server.url + ready_path)
                except httpx.TransportError as error:
                    seen = f"the last attempt ended in {error!r}"
                else:
                    if answer.is_success or answer.is_redirect:
                        return server.owns_port
                    seen = f"it answered {answer.status_code}"
                await asyncio.sleep(_POLL_INTERVAL_S)
    except TimeoutError:
        raise server.failure(
            f"GET {ready_path} was not ready in {READY_LIMIT_S:g} s: {seen}; if that is not where the app "
            "says that it is ready, set ready_path in its table of [apps] to a path that answers 2xx or 3xx"
        ) from None
