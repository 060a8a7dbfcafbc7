"""`portcompare load`: load one target, as wrk does; `portcompare worker`: join a run on another machine."""

import os
import resource
import socket
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
from hdrh.histogram import HdrHistogram
from rich.table import Table
from typer import Argument, Option

from portcompare.analyse.rounds import find_overload, find_wait
from portcompare.cli.options import SCHEMA_VERSION, AsJson, Processes, print_json, print_note
from portcompare.errors import EXIT_DONE, EXIT_NOT_VALID, refuse
from portcompare.http.requests import Address, AddressError, find_flaw, http_request
from portcompare.measure.generator import start_generator
from portcompare.measure.rounds import load_target
from portcompare.measure.turns import SPARE_DESCRIPTORS
from portcompare.parity.sending import send
from portcompare.plan import Generator
from portcompare.plan.types import MOST_RPS, MOST_S, MOST_USERS
from portcompare.records.requests import RequestSpec
from portcompare.run.progress import make_spinner, out
from portcompare.run.workers import LOOPBACK, Workers, read_endpoint
from portcompare.serve.cpus import generator_cpus
from portcompare.serve.watchdog import open_files_limit
from portcompare.units import count, duration, rate, share
from portcompare.wire.protocol import Load, RateLoad, RoundDone, UserLoad

PERCENTILES = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p999": 99.9}
LIMITS = Generator()
MOST_CONNECTIONS = 1024
ENDLESS_S = 10.0  # A response that has begun, and not ended by then, is a stream


def load(
    url: Annotated[str, Argument(metavar="URL", help="the target, such as http://127.0.0.1:8000/data")],
    *,
    users: Annotated[int | None, Option(min=1, max=MOST_USERS, help="closed model: number of users")] = None,
    rate_rps: Annotated[
        float | None,
        Option("--rate", min=0.1, max=MOST_RPS, help="open model: requests per second, at random times"),
    ] = None,
    headers: Annotated[
        list[str] | None,
        Option("--header", "-H", metavar="'NAME: VALUE'", help="a request header; may be repeated"),
    ] = None,
    seconds: Annotated[float, Option(min=0.1, max=MOST_S, help="length of the measurement")] = 10.0,
    processes: Processes = 1,
    as_json: AsJson = False,
) -> None:
    """Load one target, and print its responses and the cost for the load generator."""
    if (users is None) == (rate_rps is None):
        remedy = "give one of them: --users 32 for the closed model, --rate 1000 for the open model"
        raise refuse("--users, --rate", "both or neither are given", remedy)
    spare = open_files_limit() - SPARE_DESCRIPTORS
    connections = max(min(MOST_CONNECTIONS, spare), 1)
    if users is not None and users > spare * processes:
        found = f"{users:,} are more than the {max(spare, 0) * processes:,} connections that may be opened"
        raise refuse("--users", found, "raise the limit (ulimit -Hn), or load fewer")
    request, parts = _read_request(url, headers or []), urlsplit(url)
    server = f"{parts.scheme}://{parts.netloc}"
    if send(server, request, ENDLESS_S).stream is not None:
        found = f"the response does not end within {ENDLESS_S:g} s, and only whole responses can be measured"
        raise refuse("URL", found, "load an address whose response ends")
    how: Load = (
        UserLoad(users=users)
        if users is not None
        else RateLoad(rate_rps=rate_rps or 0.0, arrivals="poisson", connections=connections, seed="load")
    )
    cpus = tuple(generator_cpus(sorted(os.sched_getaffinity(0)), processes))
    gather = Workers(processes=processes, expect=0, host=LOOPBACK, port=0).order(cpus)
    with (
        tempfile.TemporaryDirectory(prefix="portcompare-") as folder,
        make_spinner() as steps,
        start_generator(Path(folder) / "loadgen.log", cpus, Path.cwd()) as generator,
    ):
        step = steps.add_task("warming up", total=None)
        if gather is not None:
            generator.gather(gather, lambda _: None)
        measuring = f"measuring for {seconds:g} s"
        on_window = partial(steps.update, step, description=measuring)
        done = load_target(generator, server, how, seconds, request=request, on_window=on_window)
    if as_json:
        print_json(_describe(done))
    else:
        out.print(_table(done))
    reason = done.load.failure or find_overload(done.load, LIMITS) or find_wait(done.load)
    if reason is not None:
        print_note(f"not valid: {reason}")
    raise typer.Exit(EXIT_DONE if done.load.requests and reason is None else EXIT_NOT_VALID)


def _read_request(url: str, headers: Sequence[str]) -> RequestSpec:
    """The request that a command line describes; raises InputError if it cannot be sent."""
    try:
        Address.of(url)
    except AddressError as error:
        remedy = "write http://HOST:PORT/PATH"
        if "user" in error.found:
            remedy += """, and -H "Authorization: Basic $(printf %s USER:PASSWORD | base64)\""""
        raise refuse("URL", error.found, remedy) from None
    parts = urlsplit(url)
    values: dict[str, list[str]] = {}
    for line in headers:
        name, colon, value = line.partition(":")
        if not colon:
            raise refuse("--header", f"{name!r} has no colon", "write -H 'NAME: VALUE'")
        values.setdefault(name.strip(), []).append(value.strip())
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        request = http_request(target, headers=values)
    except ValueError as error:
        raise refuse("--header", str(error), "remove it") from None
    if flaw := find_flaw(request):
        raise refuse("URL, --header", flaw, "correct it")
    return request


def _describe(done: RoundDone) -> dict[str, Any]:
    load = done.load
    counted = (
        *("requests", "errors", "error_kinds", "censored", "wait_max_s", "reconnects", "closed_unannounced"),
        *("rate_rps", "offered_rps", "dropped", "window_s"),
    )
    generator = {"cpu_ratio": load.generator_cpu_ratio, "cpu_ratios": load.generator_cpu_ratios}
    return {
        "schema_version": SCHEMA_VERSION,
        **{name: getattr(load, name) for name in counted},
        "latency_s": _percentiles(done) if load.latency_s else None,
        "generator": generator
        | {name: getattr(load, name) for name in ("lag_p99_s", "lag_max_s", "stall_max_s")},
    }


def _percentiles(done: RoundDone) -> dict[str, float]:
    histogram = HdrHistogram.decode(done.histogram)
    at = histogram.get_percentile_to_value_dict(list(PERCENTILES.values()))
    found = {name: at[percentile] / 1e6 for name, percentile in PERCENTILES.items()}
    return found | {"max": histogram.get_max_value() / 1e6}


def _table(done: RoundDone) -> Table:
    load = done.load
    table = Table(box=None, show_header=False)
    table.add_row("requests", f"{load.requests:,} in {duration(load.window_s)}")
    table.add_row("rate", rate(load.rate_rps))
    if load.offered_rps is not None:
        table.add_row("offered", f"{rate(load.offered_rps)}, {load.dropped:,} dropped")
    for kind, number in load.error_kinds.items() or {"none": 0}.items():
        table.add_row("errors", f"{number:,} x {kind}" if number else kind)
    if load.censored:
        table.add_row("no response", f"{count(load.censored, 'request')}, in the percentiles with their wait")
    if load.latency_s:
        for name, latency_s in _percentiles(done).items():
            table.add_row({"p999": "p99.9"}.get(name, name), duration(latency_s))
    generator = f"{share(load.generator_cpu_ratio)} of a CPU, longest stall {duration(load.stall_max_s)}"
    if load.lag_p99_s is not None:
        generator += f", lag p99 {duration(load.lag_p99_s)}"
    table.add_row("generator", generator)
    if load.reconnects:
        closed = f"{count(load.reconnects, 'time')}, {load.closed_unannounced:,} unannounced by the server"
        table.add_row("reconnects", closed)
    return table


def worker(
    master: Annotated[
        str,
        Option(metavar="HOST[:PORT]", help="the address of `portcompare run --listen`; default port: 5557"),
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
    command = [sys.executable, "-P", "-m", "portcompare.loadgen.worker", host, str(port)]
    os.execv(sys.executable, command)  # noqa: S606 - no shell wanted
