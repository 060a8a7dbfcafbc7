"""`portcompare worker`: join a run on another machine."""

import os
import resource
import socket
import sys
from typing import Annotated

import typer

from portcompare.cli.options import refuse
from portcompare.run.workers import read_endpoint
from portcompare.serve.watchdog import open_files_limit


def worker(
    master: Annotated[
        str,
        typer.Option(
            metavar="HOST[:PORT]", help="the address of `portcompare run --listen`; default port: 5557"
        ),
    ],
) -> None:
    """Generate a share of a run's load until the run is over; start one for each CPU."""
    host, port = read_endpoint("--master", master)
    try:
        socket.getaddrinfo(host.strip("[]"), port)
    except OSError as error:
        found = f"{host} cannot be resolved: {error.strerror}"
        remedy = "give the name or address of the machine that runs `portcompare run --expect-workers`"
        raise refuse("--master", found, remedy) from None
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_files_limit(), hard))
    # In this process, so that Ctrl-C in the terminal reaches the worker itself.
    os.execv(sys.executable, [sys.executable, "-m", "portcompare.loadgen.worker", host, str(port)])  # noqa: S606 - no shell wanted
