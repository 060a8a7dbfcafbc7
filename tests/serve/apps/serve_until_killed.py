"""Serves a plan as portcompare does, prints what runs as JSON, and waits to be killed: `PLAN FOLDER`."""

import json
import sys
from pathlib import Path

import psutil

from portcompare.plan import load_plan
from portcompare.serve.cpus import assign_cpus
from portcompare.serve.deployments import serve_deployments
from portcompare.serve.servers import vocabulary
from portcompare.serve.setups import prepare_arms


def main() -> None:
    plan = load_plan(Path(sys.argv[1]), vocabulary())
    arms = {name: name for name in plan.deployments}
    folder, cpus = Path(sys.argv[2]), assign_cpus(plan)
    with (
        prepare_arms(plan, arms, folder=folder, cpus=cpus),
        serve_deployments(plan, arms, folder=folder, cpus=cpus),
    ):
        pids = [process.pid for process in psutil.Process().children(recursive=True)]
        sys.stdout.write(json.dumps(pids) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
