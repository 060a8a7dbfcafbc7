"""`portcompare up` and `ui`: serve all deployments side by side; with Locust's web UI that shows them."""

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.live import Live
from rich.table import Table
from rich.text import Text
from typer import Option
from werkzeug.security import generate_password_hash

from portcompare.cli.options import (
    DEFAULT_PLAN,
    ExpectWorkers,
    Listen,
    PlanPath,
    Processes,
    print_line,
    print_note,
    read_plan,
)
from portcompare.errors import InputError, refuse
from portcompare.history.summaries import list_runs
from portcompare.plan import OpenLoad, Plan, Scenario
from portcompare.records.rounds import CONTROL
from portcompare.records.run_summary import RUNS
from portcompare.run.comparison import BackgroundRun
from portcompare.run.progress import err, out
from portcompare.run.session import Session, open_session
from portcompare.run.workers import LOOPBACK, choose_workers
from portcompare.serve.cpus import CpuAssignment, assign_cpus
from portcompare.serve.deployments import (
    FIRST_PORT,
    LiveServers,
    Use,
    assign_ports,
    serve_deployments,
    serve_upstreams,
)
from portcompare.serve.manifest import describe_manifest
from portcompare.serve.ports import why_unusable
from portcompare.serve.preflight import preflight
from portcompare.serve.running import RunningServer
from portcompare.serve.setups import prepare_arms
from portcompare.units import count, size
from portcompare.wire.protocol import OpenUi, ShowState, UiArm, UiPlan, UiScenario, is_loopback

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


PASSWORD = "PORTCOMPARE_UI_PASSWORD"  # noqa: S105 - the name of a variable
_LOCUST_PORT = 8089
_RATE_RPS = 100.0  # proposed for an open load whose plan searches the rate


def ui(
    plan_path: PlanPath = DEFAULT_PLAN,
    *,
    host: Annotated[
        str, Option(metavar="ADDRESS", help=f"where to serve it; beyond {LOOPBACK} with a password")
    ] = LOOPBACK,
    port: Annotated[int, Option(min=0, max=65535, help="its port; 0 for any")] = _LOCUST_PORT,
    class_picker: Annotated[
        bool, Option("--class-picker", help="choose scenarios by Locust's class picker, several at once")
    ] = False,
    processes: Processes = 1,
    expect_workers: ExpectWorkers = 0,
    listen: Listen = None,
) -> None:
    """Serve baseline and candidates and Locust's web UI, with both sides in one test, until Ctrl-C."""
    workers = replace(choose_workers(processes, expect_workers, listen), is_apart=True)
    password_hash = _read_password(host, port or _LOCUST_PORT)
    plan = read_plan(plan_path)
    with (
        tempfile.TemporaryDirectory(prefix="portcompare-") as folder,
        open_session(
            plan, Path(folder), workers=workers, say=print_note if workers.expect else lambda _: None
        ) as session,
    ):
        _refuse_other_users(session)
        with keep_serving(session.plan, session.upstreams, Path(folder), session.cpus) as live_servers:
            order = OpenUi(
                host=host,
                port=port,
                password_hash=password_hash,
                plan=_describe(session, live_servers),
                runs=str(RUNS.absolute()),
                picks_classes=class_picker,
            )
            with suppress(OSError):
                list_runs(RUNS, print_note)  # makes the summaries that the UI lists runs by
            session.generator.on_worker = lambda change: print_note(change.text)
            url = session.generator.open_ui(order)
            out.print(list_addresses(live_servers))
            print_line(f"\nweb UI: {url}")
            print_line(f"side by side, for a second screen: {url}/side-by-side")
            print_note("Ctrl-C stops all of it.")
            _exchange_until_stopped(session, live_servers, Path(folder))


def _read_password(host: str, port: int) -> str | None:
    """The hash of the password; None where only this machine can reach the UI."""
    password = os.environ.pop(PASSWORD, "")  # servers and load generator do not need it
    if not password and is_loopback(host):
        return None
    if not password and sys.stdin.isatty():
        password = typer.prompt("Password for the web UI", hide_input=True, confirmation_prompt=True)
    if not password:
        remedy = f"set {PASSWORD}, or leave the option out and use `ssh -L {port}:127.0.0.1:{port}`"
        found = f"{host} can be reached by others, who could start load from here"
        raise refuse("--host", found, remedy)
    return generate_password_hash(password)


def _refuse_other_users(session: Session) -> None:
    """Refuse Locust's own user classes: they have one host a class, so a test can load only one server."""
    problems = []
    for name in session.to_capture:
        found = f"{session.plan.scenarios[name].user} is not a LeanUser: all its users have one host"
        remedy = "derive it from portcompare.loadgen.LeanUser, or give the scenario `requests`"
        problems.append(session.plan.problem(("scenarios", name, "user"), found, remedy))
    if problems:
        raise InputError(problems)


def _describe(session: Session, live_servers: LiveServers) -> UiPlan:
    plan = session.plan
    deployments = {one.name: one for one in describe_manifest(plan, session.cpus).deployments}
    return UiPlan(
        name=plan.name,
        arms=tuple(
            UiArm(
                name=name,
                url=server.url,
                ceilings={scenario: deployments[name].ceiling_of(scenario) for scenario in plan.scenarios},
                cpus=len(deployments[name].cpus),
            )
            for name, server in live_servers.servers.items()
        ),
        scenarios={name: _describe_scenario(name, one) for name, one in plan.scenarios.items()},
        timeout_s=plan.rounds.timeout_s,
        budget_s=plan.rounds.budget_s,
    )


def _describe_scenario(name: str, scenario: Scenario) -> UiScenario:
    load, parameter = scenario.load, scenario.delay_parameter or "delay"
    described = UiScenario(name=name, delay_s=scenario.delay_s, delay_parameter=parameter, model=load.model)
    if not isinstance(load, OpenLoad):
        return replace(described, users=max(load.users))
    rate_rps = max(load.levels, default=_RATE_RPS)
    return replace(described, users=load.connections, rate_rps=rate_rps, arrivals=load.arrivals)


def _exchange_until_stopped(session: Session, live_servers: LiveServers, folder: Path) -> None:
    """Keep the servers up, send the UI what they use, and start the runs that its viewers request."""
    run: BackgroundRun | None = None
    try:
        while True:
            time.sleep(LOOK_EVERY_S)
            report_restarts(live_servers)
            usage = {name: use.usage for name, use in live_servers.read_use().items()}
            state = run.state if run is not None else None
            request = session.generator.show(ShowState(usage=usage, run=state))
            if run is not None and state is not None and state.state == "running":
                if request.cancels:
                    run.cancel()
            elif request.measure is not None:
                run = BackgroundRun(session.plan, request.measure, cpus=session.cpus.all_cpus, folder=folder)
    finally:
        if run is not None and (remedy := run.stop()):
            print_note(f"what was measured is kept: {remedy}")
