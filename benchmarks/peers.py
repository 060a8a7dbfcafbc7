"""The clients: portcompare's load generator and its peers, each on the clients' CPU, each in one form."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.serving import CLIENT_CPU, pinned
from benchmarks.wrk import run_wrk_raw
from portcompare.errors import EXIT_DONE, EXIT_NOT_VALID


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one client says of one window.

    Attributes:
        rate_rps: Responses per second.
        p50_s: Median latency.
        p99_s: 99th percentile.
        errors: Failed requests.
        cpu_ratio: The client's CPU seconds per second.
    """

    rate_rps: float
    p50_s: float
    p99_s: float
    errors: int = 0
    cpu_ratio: float = 0.0

    @property
    def cpu_s_per_request(self) -> float:
        """What a request costs the client."""
        return self.cpu_ratio / self.rate_rps


def portcompare_load(url: str, *options: str) -> dict[str, Any]:
    """What `portcompare load --json` says, and on standard error why it does not count, if so."""
    command = [sys.executable, "-m", "portcompare", "load", url, *options, "--json"]
    found: dict[str, Any] = json.loads(run(command, also=EXIT_NOT_VALID))
    return found


def run_portcompare(url: str, path: str, connections: int, seconds: float) -> Figures:
    """`portcompare load`, closed model; its CPU time is that of its load generator inside the window."""
    return from_json(portcompare_load(url + path, "--users", str(connections), "--seconds", str(seconds)))


def run_fast_http_user(url: str, path: str, connections: int, seconds: float) -> Figures:
    """Locust's FastHttpUser; its CPU time is that of its process inside the window."""
    return from_json(fast_http_user(url, path, connections, seconds))


def fast_http_user(
    url: str, path: str, connections: int, seconds: float, rate_rps: float = 0.0
) -> dict[str, Any]:
    """What Locust's statistics say; without a rate, the users do not wait."""
    client = [sys.executable, "-m", "benchmarks.clients.fast_http_user"]
    found: dict[str, Any] = json.loads(
        run([*client, url, path, str(connections), str(seconds), str(rate_rps)])
    )
    return found


def run_wrk(url: str, path: str, connections: int, seconds: float) -> Figures:
    """`wrk`, one thread; the latencies that its connections saw, and the CPU time of its whole life."""
    found = run_wrk_raw(url + path, connections, seconds)
    return Figures(
        rate_rps=found.requests / found.duration_s,
        p50_s=found.seen.percentile_s(50),
        p99_s=found.seen.percentile_s(99),
        errors=found.errors,
        cpu_ratio=found.cpu_s / found.duration_s,
    )


def run(command: Sequence[str], also: int = EXIT_DONE) -> str:
    """Run a client and return what it prints.

    Args:
        command: The client.
        also: An exit code besides 0 with which there is a result; why is passed on to standard error.

    Raises:
        CalledProcessError: If it fails; what it said is printed before.
    """
    done = subprocess.run(pinned(CLIENT_CPU, command), check=False, capture_output=True, text=True)
    if done.returncode:
        print(done.stderr.strip(), file=sys.stderr)
    if done.returncode not in {EXIT_DONE, also}:
        done.check_returncode()
    return done.stdout


def from_json(found: dict[str, Any]) -> Figures:
    """The figures in a client's JSON."""
    latency_s = found["latency_s"]
    return Figures(
        rate_rps=found["rate_rps"],
        p50_s=latency_s["p50"],
        p99_s=latency_s["p99"],
        errors=found["errors"],
        cpu_ratio=found["generator"]["cpu_ratio"],
    )
