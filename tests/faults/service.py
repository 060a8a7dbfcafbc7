"""A WSGI and an ASGI app with the fault that the environment variable FAULT names."""

import asyncio
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

FAULT = os.environ.get("FAULT", "")
BODY = b"hello"
HEADERS = [("Content-Type", "text/plain"), ("Content-Length", str(len(BODY)))]
HEALTHY = int(os.environ.get("HEALTHY", "40"))  # requests before the fault begins: they compare responses
EVERY = 60  # requests between two deaths, restarts or pauses
DROPPED = 0.08
BYTE_S = 0.05
FOR_EVER_S = 3600.0

_served = count(1)
_first_port: list[object] = []


def strike(port: object) -> float:
    """Do to a request what the fault does; returns how long its response has to wait, in seconds.

    `port`: the client's.
    """
    number, pid = next(_served), os.getpid()
    if number <= HEALTHY:
        return 0.0
    is_due = number % EVERY == 0
    match FAULT:
        case "hang":
            return FOR_EVER_S
        case "first user":
            _first_port[:] = _first_port or [port]
            return 0.0 if port == _first_port[0] else FOR_EVER_S
        case "drop" if random.random() < DROPPED:  # noqa: S311 - no secret
            drop(port)
        case "freeze":
            os.kill(pid, signal.SIGSTOP)
        case "pause" if is_due:
            subprocess.Popen(["sh", "-c", f"kill -STOP {pid}; sleep 1.5; kill -CONT {pid}"])
        case "die" if is_due:
            os.kill(pid, signal.SIGKILL)
        case "restart" if is_due:
            os.kill(pid, signal.SIGTERM)
    return 0.0


def drop(port: object) -> None:
    """Close a connection whose request is being served, by its port where the server gives it."""
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError, IndexError), socket.socket(fileno=os.dup(int(descriptor.name))) as connected:
            if connected.getpeername()[1] == port or not port:
                connected.shutdown(socket.SHUT_RDWR)
                return


def wsgi(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """Respond by WSGI."""
    time.sleep(strike(int(environ.get("REMOTE_PORT") or 0)))
    start_response("200 OK", HEADERS)
    if environ["REQUEST_METHOD"] == "HEAD":
        return []
    return _trickle() if FAULT == "trickle" else [BODY]


def _trickle() -> Iterator[bytes]:
    for byte in BODY:
        time.sleep(BYTE_S)
        yield bytes([byte])


Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


async def asgi(scope: MutableMapping[str, Any], receive: Callable[[], Awaitable[Any]], send: Send) -> None:
    """Respond by ASGI."""
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    await asyncio.sleep(strike(scope["client"][1]))
    headers = [(name.lower().encode(), value.encode()) for name, value in HEADERS]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if FAULT == "trickle":
        for byte in BODY:
            await asyncio.sleep(BYTE_S)
            await send({"type": "http.response.body", "body": bytes([byte]), "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    else:
        await send({"type": "http.response.body", "body": BODY})
