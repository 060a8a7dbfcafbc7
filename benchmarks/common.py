"""What the benchmarks share: targets on one CPU, clients on another, sides in turn, figures into the docs."""

from __future__ import annotations

import json
import os
import platform
import re
import socket
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

Result = TypeVar("Result")

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "benchmarks.md"
SERVER_CPU, CLIENT_CPU = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one client says of one window."""

    rate_rps: float
    p50_s: float
    p99_s: float
    errors: int = 0


def pinned(cpu: int, command: Sequence[str]) -> list[str]:
    """A command that runs on one CPU."""
    return ["taskset", "-c", str(cpu), *command]


@contextmanager
def target(command: Sequence[str]) -> Iterator[str]:
    """A server on the servers' CPU, `{port}` in its command replaced; yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    words = [word.replace("{port}", str(port)) for word in command]
    process = subprocess.Popen(pinned(SERVER_CPU, words), cwd=HERE / "targets", stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_ready(url)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def wait_ready(url: str, limit_s: float = 20.0) -> None:
    """Ask until somebody answers."""
    deadline_s = time.monotonic() + limit_s
    while True:
        try:
            httpx.get(f"{url}/account", trust_env=False)
        except httpx.TransportError:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(0.02)
        else:
            return


def raw_target() -> list[str]:
    """The raw ASGI callable on uvicorn."""
    return [
        *(sys.executable, "-m", "uvicorn", "raw:app", "--host", "127.0.0.1", "--port", "{port}"),
        *("--no-access-log", "--log-level", "warning", "--loop", "uvloop", "--http", "httptools"),
    ]


def timed_target() -> list[str]:
    """The server with known latencies."""
    return [sys.executable, "timed.py", "{port}"]


def portcompare_load(url: str, *options: str) -> dict[str, Any]:
    """What `portcompare load --json` says."""
    command = [sys.executable, "-m", "portcompare", "load", url, *options, "--json"]
    found: dict[str, Any] = json.loads(ask(CLIENT_CPU, command))
    return found


def run_portcompare(url: str, path: str, connections: int, seconds: float) -> Figures:
    """`portcompare load`, closed model."""
    found = portcompare_load(url + path, "--users", str(connections), "--seconds", str(seconds))
    return from_json(found)


def run_fast_http_user(url: str, path: str, connections: int, seconds: float) -> Figures:
    """Locust's FastHttpUser."""
    script = str(HERE / "clients" / "fast_http_user.py")
    arguments = [url, path, str(connections), str(seconds)]
    return from_json(json.loads(ask(CLIENT_CPU, [sys.executable, script, *arguments])))


def run_wrk(url: str, path: str, connections: int, seconds: float) -> Figures:
    """`wrk`, one thread."""
    load = ["--latency", f"-c{connections}", "-t1", f"-d{seconds:.0f}s", url + path]
    text = ask(CLIENT_CPU, ["wrk", *load])
    found = {
        name: re.search(rf"^\s+{name}%\s+([\d.]+)(us|ms|s)$", text, re.MULTILINE) for name in ("50", "99")
    }
    rate = re.search(r"^Requests/sec:\s+([\d.]+)$", text, re.MULTILINE)
    assert rate is not None, text
    units = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
    p50_s, p99_s = (float(one[1]) * units[one[2]] for one in found.values() if one is not None)
    return Figures(rate_rps=float(rate[1]), p50_s=p50_s, p99_s=p99_s)


def ask(cpu: int, command: Sequence[str]) -> str:
    """Run a command on one CPU and return what it prints."""
    return subprocess.run(pinned(cpu, command), check=True, capture_output=True, text=True).stdout


def from_json(found: dict[str, Any]) -> Figures:
    """The figures in a client's JSON."""
    latency_s = found["latency_s"]
    return Figures(
        rate_rps=found["rate_rps"], p50_s=latency_s["p50"], p99_s=latency_s["p99"], errors=found["errors"]
    )


def in_turn(sides: Mapping[str, Callable[[], Result]], rounds: int) -> dict[str, list[Result]]:
    """Run all sides alternately, each round beginning with another one, and show how far it is."""
    results: dict[str, list[Result]] = {name: [] for name in sides}
    names = list(sides)
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            results[name].append(sides[name]())
        print(f"round {turn + 1} of {rounds}", file=sys.stderr)
    return results


def spread(values: Iterable[float]) -> str:
    """Median, and the range from the least to the greatest."""
    known = sorted(values)
    return f"{statistics.median(known):,.4g} ({known[0]:,.4g} to {known[-1]:,.4g})"


def paired_ratio(candidate: Sequence[float], baseline: Sequence[float]) -> str:
    """Median of the rounds' ratios, and their range."""
    return spread(one / other for one, other in zip(candidate, baseline, strict=True))


def publish(section: str, lines: Sequence[str]) -> None:
    """Print figures, and put them into the docs under their heading, with the date and the machine's size."""
    machine = f"{os.cpu_count()} CPUs, {platform.machine()}, Python {platform.python_version()}"
    text = "\n".join([f"*{datetime.now(UTC):%Y-%m-%d}, {machine}*", "", *lines]) + "\n"
    print(text)
    begin, end = f"<!-- {section}: begin -->\n", f"<!-- {section}: end -->\n"
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    PAGE.write_text(before + begin + text + end + after, encoding="utf-8")
