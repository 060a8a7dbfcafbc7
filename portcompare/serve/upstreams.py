"""Serving what the arms depend on, for as long as a command lasts: never measured, never in the way."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from portcompare.plan import find_upstreams
from portcompare.serve.deployments import serve_deployments
from portcompare.serve.setups import prepare_arms

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from portcompare.plan import Plan
    from portcompare.serve.cpus import CpuAssignment
    from portcompare.serve.running import RunningServer


@contextmanager
def serve_upstreams(plan: Plan, *, folder: Path, cpus: CpuAssignment) -> Iterator[dict[str, RunningServer]]:
    """Serve the upstreams that the arms' environments name.

    They run on the load generator's CPUs: what they take is not taken from an arm, and if it is too much the
    load generator notices, as it watches itself.

    Args:
        plan: The plan.
        folder: An existing folder; each upstream's log there, `NAME.log`, is appended to.
        cpus: Who runs where.

    Yields:
        The upstreams by name, all of them ready; `with_addresses` tells the plan where they are.

    Raises:
        ServerError: An upstream did not start, or was found dead at the end.
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
