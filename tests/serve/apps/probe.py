"""An app, once as WSGI and once as ASGI, that reports the process it runs in."""

import json
import os
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

_changed = threading.Condition()
_inside = 0
_most_inside = 0
_made: list[object] = []


def describe_process() -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "cpus": sorted(os.sched_getaffinity(0)),
        "cpu_s": time.process_time(),
        "environment": dict(os.environ),
        "made": _made,
    }


def burn(seconds: float) -> dict[str, Any]:
    end_s = time.thread_time() + seconds
    while time.thread_time() < end_s:
        pass
    return {}


def hold(requests: int) -> dict[str, Any]:
    """Hold a request until so many were held at once, and a moment longer, in which more could come."""
    global _inside, _most_inside  # noqa: PLW0603 - what the handlers of one process share
    with _changed:
        _inside += 1
        _most_inside = max(_most_inside, _inside)
        _changed.notify_all()
        _changed.wait_for(lambda: _most_inside >= requests, 60)
        _changed.wait_for(lambda: _most_inside > requests, 0.1)
        _inside -= 1
    return {"most_inside": _most_inside}


def respond(path: str, query: dict[str, list[str]]) -> tuple[str, bytes]:
    match path:
        case "/healthz":
            body: dict[str, Any] = {}
        case "/process":
            body = describe_process()
        case "/burn":
            body = burn(float(query["seconds"][0]))
        case "/hold":
            body = hold(int(query["for"][0]))
        case _:
            return "503 Service Unavailable", b"{}"
    return "200 OK", json.dumps(body).encode()


def wsgi(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    status, body = respond(environ["PATH_INFO"], parse_qs(environ["QUERY_STRING"]))
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def fragile(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """The app, which ends with its process at /die if it is that of the server that the query names."""
    if environ["PATH_INFO"] == "/die":
        if environ["QUERY_STRING"].partition("=")[2] in environ["SERVER_SOFTWARE"]:
            os._exit(7)
        environ["PATH_INFO"] = "/healthz"
    return wsgi(environ, start_response)


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
    status, body = respond(scope["path"], parse_qs(scope["query_string"].decode()))
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": int(status[:3]), "headers": headers})
    await send({"type": "http.response.body", "body": body})


def make(interface: str, mark: int = 0) -> object:
    """A factory, whose arguments the app shows at /process."""
    _made.append([interface, mark])
    return {"wsgi": wsgi, "asgi": asgi}.get(interface)


not_an_app = 5
