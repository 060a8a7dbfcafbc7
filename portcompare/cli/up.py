"""`portcompare up`: serve all deployments side by side."""

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.live import Live
from rich.table import Table
from rich.text import Text

from portcompare.cli.options import DEFAULT_PLAN, PlanPath, print_note, read_plan
from portcompare.errors import InputError
from portcompare.plan import Plan
from portcompare.records.rounds import CONTROL
from portcompare.run.progress import err, out
from portcompare.serve.cpus import CpuAssignment, assign_cpus
from portcompare.serve.deployments import LiveServers, Use, serve_deployments, serve_upstreams
from portcompare.serve.preflight import preflight
from portcompare.serve.running import RunningServer
from portcompare.serve.setups import prepare_arms
from portcompare.units import count, size

LOOK_EVERY_S = 1.0


def up(plan_path: PlanPath = DEFAULT_PLAN) -> None:
    """Serve baseline and candidates until Ctrl-C; print their addresses, and each second their usage."""
    plan = read_plan(plan_path)
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
