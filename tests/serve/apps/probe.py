"""An app, once as WSGI and once as ASGI, that tells tests about the process it runs in."""

from __future__ import annotations

import json
import os
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

_lock = threading.Lock()
_inside = 0
_most_inside = 0
_made: list[object] = []


def describe_process() -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "cpus": sorted(os.sched_getaffinity(0)),
        "cpu_s": time.process_time(),
        "environment": dict(os.environ),
    }


def burn(seconds: float) -> dict[str, Any]:
    end_s = time.thread_time() + seconds
    while time.thread_time() < end_s:
        pass
    return {}


def hold(seconds: float) -> dict[str, Any]:
    global _inside, _most_inside  # noqa: PLW0603 - what the handlers of one process share
    with _lock:
        _inside += 1
        _most_inside = max(_most_inside, _inside)
    time.sleep(seconds)
    with _lock:
        _inside -= 1
    return {"most_inside": _most_inside}


def answer(path: str, query: str) -> tuple[str, bytes]:
    seconds = float(parse_qs(query).get("seconds", ["0"])[0])
    match path:
        case "/healthz":
            body: dict[str, Any] = {}
        case "/process":
            body = describe_process()
        case "/burn":
            body = burn(seconds)
        case "/hold":
            body = hold(seconds)
        case "/made":
            body = {"made": _made}
        case _:
            return "503 Service Unavailable", b"{}"
    return "200 OK", json.dumps(body).encode()


def wsgi(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    status, body = answer(environ["PATH_INFO"], environ["QUERY_STRING"])
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


async def asgi(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    if scope["type"] == "lifespan":
        while True:
            event = (await receive())["type"]
            await send({"type": f"{event}.complete"})
            if event == "lifespan.shutdown":
                return
    status, body = answer(scope["path"], scope["query_string"].decode())
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": int(status[:3]), "headers": headers})
    await send({"type": "http.response.body", "body": body})


def make(interface: str, mark: int = 0) -> object:
    """A factory; the app tells at /made with what it was made."""
    _made.append([interface, mark])
    return {"wsgi": wsgi, "asgi": asgi}.get(interface)


not_an_app = 5
