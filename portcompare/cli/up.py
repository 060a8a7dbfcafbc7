"""`portcompare up`: serve all deployments side by side."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from rich.table import Table

from portcompare.cli.console import err, out
from portcompare.cli.options import DEFAULT_PLAN, PlanPath
from portcompare.cli.session import read_plan
from portcompare.errors import InputError
from portcompare.model import CONTROL
from portcompare.plan import with_addresses
from portcompare.serve import (
    ForeignServer,
    RunningServer,
    assign_cpus,
    preflight,
    prepare_arms,
    serve_deployments,
    serve_upstreams,
)

_LOOK_EVERY_S = 0.5


def up(plan_path: PlanPath = DEFAULT_PLAN) -> None:
    """Serve baseline and candidates until Ctrl-C, and print their addresses."""
    plan = read_plan(plan_path)
    problems = preflight(plan)
    if problems:
        raise InputError(problems)
    cpus = assign_cpus(plan)
    with tempfile.TemporaryDirectory(prefix="portcompare-") as log_folder, ExitStack() as stack:
        folder = Path(log_folder)
        upstreams = stack.enter_context(serve_upstreams(plan, folder=folder, cpus=cpus))
        plan = with_addresses(plan, {name: server.url for name, server in upstreams.items()})
        arms = {arm.deployment: arm.deployment for arm in plan.arms if arm.name != CONTROL}
        stack.enter_context(prepare_arms(plan, arms, folder=folder, cpus=cpus))
        servers = stack.enter_context(serve_deployments(plan, arms, folder=folder, cpus=cpus))
        table = Table("deployment", "address", "", box=None)
        for name, server in (servers | upstreams).items():
            table.add_row(name, server.url, _remark(server, is_upstream=name in upstreams))
        out.print(table)
        err.print("Ctrl-C stops what was started.")
        while True:
            for server in (servers | upstreams).values():
                server.check_alive()
            time.sleep(_LOOK_EVERY_S)


def _remark(server: RunningServer, *, is_upstream: bool) -> str:
    remarks = ["upstream"] if is_upstream else []
    return ", ".join([*remarks, *(["already running"] if isinstance(server, ForeignServer) else [])])
