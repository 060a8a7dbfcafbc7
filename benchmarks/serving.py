"""The targets: servers on a CPU of their own, started for one benchmark."""

import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks.common import HERE
from portcompare.doctor.ceiling import start_null_server

SERVER_CPU, CLIENT_CPU = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0))


def pinned(cpu: int, command: Sequence[str]) -> list[str]:
    """A command that runs on one CPU."""
    return ["taskset", "-c", str(cpu), *command]


@contextmanager
def target(command: Sequence[str]) -> Iterator[str]:
    """A server on the servers' CPU.

    Args:
        command: How it is started, with `{port}` for its port.

    Yields:
        Its address.
    """
    if SERVER_CPU == CLIENT_CPU:
        sys.exit("a benchmark needs two CPUs: on a single one, server and client would measure each other")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    words = [word.replace("{port}", str(port)) for word in command]
    process = subprocess.Popen(pinned(SERVER_CPU, words), cwd=HERE / "targets", stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_ready(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def wait_ready(url: str, process: subprocess.Popen[bytes], limit_s: float = 20.0) -> None:
    """Send requests until there is a response, or none will come."""
    deadline_s = time.monotonic() + limit_s
    while True:
        try:
            take_account(url)
        except httpx.ConnectError:
            if process.poll() is not None or time.monotonic() > deadline_s:
                raise
            time.sleep(0.02)
        else:
            return


def take_account(url: str) -> bytes:
    """What a target that keeps an account has noted since the last request for it; it begins a new one."""
    return httpx.get(f"{url}/account", trust_env=False).content


def raise_file_limit() -> None:
    """Let this process and those it starts hold as many connections as the system allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def raw_target() -> list[str]:
    """The raw ASGI callable on uvicorn."""
    return [*_uvicorn("raw:app"), "--loop", "uvloop", "--http", "httptools"]


@contextmanager
def null_target() -> Iterator[str]:
    """The server that does not parse, `portcompare doctor`'s own.

    Yields:
        Its address.
    """
    with (
        tempfile.TemporaryDirectory(prefix="portcompare-") as folder,
        start_null_server(Path(folder, "server.log"), (SERVER_CPU,)) as url,
    ):
        yield url


def twin_target() -> list[str]:
    """The Quart twin on uvicorn, which lets as many connections wait to be accepted as the system allows."""
    return [*_uvicorn("async_quart.app:app"), "--app-dir", str(HERE.parent), "--backlog", "8192"]


def flask_target() -> list[str]:
    """The Flask twin on gunicorn, with eight threads."""
    where = ("--bind", "127.0.0.1:{port}", "--pythonpath", str(HERE.parent), "--log-level", "warning")
    threads = ("--worker-class", "gthread", "--threads", "8", "--keep-alive", "75", "--no-control-socket")
    return [sys.executable, "-m", "gunicorn", *where, *threads, "sync_flask.app:app"]


def timed_target() -> list[str]:
    """The server with known latencies."""
    return [sys.executable, "timed.py", "{port}"]


def stalling_target(at_request: int, stall_s: float) -> list[str]:
    """The server that stalls once."""
    return [sys.executable, "stalling.py", "{port}", str(at_request), str(stall_s)]


def _uvicorn(app: str) -> list[str]:
    where = ("--host", "127.0.0.1", "--port", "{port}")
    return [sys.executable, "-m", "uvicorn", app, *where, "--no-access-log", "--log-level", "warning"]
