"""`portcompare up`: serve all deployments side by side."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from rich.table import Table

from portcompare.cli.console import err, out
from portcompare.cli.options import DEFAULT_PLAN, PlanPath
from portcompare.cli.session import read_plan
from portcompare.errors import InputError
from portcompare.model import CONTROL
from portcompare.serve import ForeignServer, assign_cpus, preflight, prepare_arms, serve_deployments

_LOOK_EVERY_S = 0.5


def up(plan_path: PlanPath = DEFAULT_PLAN) -> None:
    """Serve baseline and candidates until Ctrl-C, and print their addresses."""
    plan = read_plan(plan_path)
    problems = preflight(plan)
    if problems:
        raise InputError(problems)
    arms = {arm.deployment: arm.deployment for arm in plan.arms if arm.name != CONTROL}
    cpus = assign_cpus(plan)
    with (
        tempfile.TemporaryDirectory(prefix="portcompare-") as folder,
        prepare_arms(plan, arms, folder=Path(folder), cpus=cpus),
        serve_deployments(plan, arms, folder=Path(folder), cpus=cpus) as servers,
    ):
        table = Table("deployment", "address", "", box=None)
        for name, server in servers.items():
            table.add_row(name, server.url, "already running" if isinstance(server, ForeignServer) else "")
        out.print(table)
        err.print("Ctrl-C stops what was started.")
        while True:
            for server in servers.values():
                server.check_alive()
            time.sleep(_LOOK_EVERY_S)
