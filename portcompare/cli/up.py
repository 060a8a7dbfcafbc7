"""`portcompare up`: serve all deployments side by side."""

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.live import Live
from rich.table import Table
from rich.text import Text

from portcompare.cli.options import DEFAULT_PLAN, PlanPath, print_note, read_plan
from portcompare.errors import InputError, refuse
from portcompare.plan import Plan
from portcompare.records.rounds import CONTROL
from portcompare.run.progress import err, out
from portcompare.serve.cpus import CpuAssignment, assign_cpus
from portcompare.serve.deployments import (
    FIRST_PORT,
    LiveServers,
    Use,
    assign_ports,
    serve_deployments,
    serve_upstreams,
)
from portcompare.serve.ports import why_unusable
from portcompare.serve.preflight import preflight
from portcompare.serve.running import RunningServer
from portcompare.serve.setups import prepare_arms
from portcompare.units import count, size

LOOK_EVERY_S = 1.0


def up(
    plan_path: PlanPath = DEFAULT_PLAN,
    *,
    port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65_000,
            help="port of the baseline; candidates have the next ones, a deployment with a `port` its own",
            show_default=str(FIRST_PORT),
        ),
    ] = None,
) -> None:
    """Serve baseline and candidates until Ctrl-C; print their addresses, and each second their usage."""
    plan = _with_ports(read_plan(plan_path), port)
    problems = preflight(plan).problems
    if problems:
        raise InputError(problems)
    cpus = assign_cpus(plan)
    with (
        tempfile.TemporaryDirectory(prefix="portcompare-") as folder,
        serve_upstreams(plan, folder=Path(folder), cpus=cpus) as upstreams,
        keep_serving(plan, upstreams, Path(folder), cpus) as live_servers,
    ):
        out.print(list_addresses(live_servers))
        err.print("Ctrl-C stops what was started.")
        with Live(console=out, auto_refresh=False, transient=True) as live:
            while True:
                time.sleep(LOOK_EVERY_S)
                report_restarts(live_servers)
                table = _list_use(live_servers.read_use())
                if out.is_terminal:
                    live.update(table, refresh=True)
                else:
                    out.print(table)


def _with_ports(plan: Plan, first: int | None) -> Plan:
    """A plan that gives each deployment the port that the command lines of a check name.

    Raises InputError: the ports that the user has chosen are in use.
    """
    ports = assign_ports(plan, first or FIRST_PORT)
    used = {
        name: reason
        for name, port in ports.items()
        if plan.deployments[name].port is None and (reason := why_unusable(str(plan.host), port))
    }
    if used and first is not None:
        name, reason = next(iter(used.items()))
        found = f"port {ports[name]}, of {name}, cannot be used: {reason}"
        raise refuse(f"--port {first}", found, "free it, or name another")
    if used:
        taken = ", ".join(str(ports[name]) for name in used)
        print_note(
            f"port {taken} is in use: all get other ports, so that command lines of a check do not fit"
        )
        return plan
    deployments = {
        name: one.model_copy(update={"port": ports.get(name, one.port)})
        for name, one in plan.deployments.items()
    }
    return plan.model_copy(update={"deployments": deployments})


@contextmanager
def keep_serving(
    plan: Plan, upstreams: Mapping[str, RunningServer], folder: Path, cpus: CpuAssignment
) -> Iterator[LiveServers]:
    """Serve baseline and candidates, side by side, for as long as the context lasts."""
    plan = plan.with_addresses({name: server.url for name, server in upstreams.items()})
    arms = {arm.deployment: arm.deployment for arm in plan.arms if arm.name != CONTROL}
    with (
        prepare_arms(plan, arms, folder=folder, cpus=cpus),
        serve_deployments(plan, arms, folder=folder, cpus=cpus) as servers,
    ):
        yield LiveServers(plan=plan, servers=servers, upstreams=upstreams, folder=folder, cpus=cpus)


def list_addresses(live_servers: LiveServers) -> Table:
    """The addresses of the servers."""
    table = Table("deployment", "address", "", box=None)
    for name, server in {**live_servers.servers, **live_servers.upstreams}.items():
        remarks = ["upstream"] if name in live_servers.upstreams else []
        remarks += ["already running"] if server.process is None else []
        table.add_row(Text(name), Text(server.url), ", ".join(remarks))
    return table


def report_restarts(live_servers: LiveServers) -> None:
    """Restart servers that have died, and report each."""
    for message in live_servers.restart_dead():
        print_note(message)


def _list_use(uses: Mapping[str, Use]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, use in uses.items():
        restarted = f"restarted {count(use.usage.restarts, 'time')}" if use.usage.restarts else ""
        table.add_row(Text(name), f"{use.cores:.2f} CPUs", size(use.usage.rss_bytes), restarted)
    return table
