"""A server for ASGI apps that sends what the app says and no less, even a body in answer to HEAD.

Run as `python -m tests.parity.defects.bare_server MODULE:OBJECT PORT`. The servers that people use (uvicorn,
hypercorn, granian) leave such a body out; what stands behind another server, or behind a proxy of one's own,
may not. One request a connection, no chunked requests, no lifespan: enough for a Quart app and a test.
"""

from __future__ import annotations

import asyncio
import sys
from http import HTTPStatus
from importlib import import_module
from typing import Any
from urllib.parse import unquote

_LONGEST_HEAD = 1 << 20


async def serve(application: Any, port: int) -> None:  # noqa: ANN401 - as the app's module has it
    """Serve an app until the process is ended.

    Args:
        application: The ASGI app.
        port: Where to listen on 127.0.0.1.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            scope, body = await _read_request(reader)
            await _run(application, scope, body, writer)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # it asked whether somebody listens, or has gone
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port, limit=_LONGEST_HEAD)
    await server.serve_forever()


async def _read_request(reader: asyncio.StreamReader) -> tuple[dict[str, Any], bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    request_line, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    method, target, _ = request_line.split(b" ")
    pairs = [line.partition(b":") for line in lines]
    headers = [(name.lower(), value.strip()) for name, _, value in pairs]
    path, _, query = target.partition(b"?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method.decode(),
        "scheme": "http",
        "path": unquote(path.decode("latin-1")),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 0),
    }
    return scope, await reader.readexactly(int(dict(headers).get(b"content-length", b"0")))


async def _run(application: Any, scope: dict[str, Any], body: bytes, writer: asyncio.StreamWriter) -> None:  # noqa: ANN401
    events = iter([{"type": "http.request", "body": body, "more_body": False}])
    gone = asyncio.Event()

    async def receive() -> dict[str, Any]:
        event = next(events, None)
        if event is None:
            await gone.wait()
            return {"type": "http.disconnect"}
        return event

    async def send(event: dict[str, Any]) -> None:
        if event["type"] == "http.response.start":
            status = HTTPStatus(event["status"])
            writer.write(f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode())
            for name, value in event["headers"]:
                writer.write(name + b": " + value + b"\r\n")
            writer.write(b"Connection: close\r\n\r\n")
        else:
            writer.write(event["body"])

    await application(scope, receive, send)
    gone.set()


if __name__ == "__main__":
    module, _, name = sys.argv[1].partition(":")
    asyncio.run(serve(getattr(import_module(module), name), int(sys.argv[2])))
