"""Apps that respond to requests in this process, without a server."""

import asyncio
from io import BytesIO
from typing import Any
from urllib.parse import unquote, unquote_to_bytes
from wsgiref.types import WSGIApplication
from wsgiref.util import setup_testing_defaults

from portcompare.http.requests import complete_headers
from portcompare.http.responses import Response
from portcompare.records.requests import RequestSpec
from tests.parity.clients import Service

SERVER = "127.0.0.1:1"


def wsgi_service(application: WSGIApplication) -> Service:
    def respond(case: RequestSpec) -> Response:
        path, _, query = case.target.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": case.method,
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "HTTP_HOST": SERVER,
            "wsgi.input": BytesIO(case.body),
        }
        for name, value in complete_headers(case):
            key = name.upper().replace("-", "_")
            environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
        setup_testing_defaults(environ)
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], *_: object) -> Any:  # noqa: ANN401
            started.append((status, headers))

        body = b"".join(application(environ, start_response))
        status, headers = started[-1]
        return Response(server=SERVER, status=int(status[:3]), headers=_lowered(headers), body=body)

    return respond


def asgi_service(application: Any) -> Service:  # noqa: ANN401 - an ASGI app
    """All that the app sends is in the response, a body after HEAD too."""

    async def run(case: RequestSpec) -> Response:
        path, _, query = case.target.partition("?")
        headers = [(b"host", SERVER.encode())]
        headers += [
            (name.lower().encode(), value.encode("latin-1")) for name, value in complete_headers(case)
        ]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": case.method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": headers,
            "client": ("127.0.0.1", 2),
            "server": ("127.0.0.1", 1),
        }
        received = iter([{"type": "http.request", "body": case.body, "more_body": False}])
        sent: list[dict[str, Any]] = []
        is_over = asyncio.Event()

        async def receive() -> dict[str, Any]:
            for event in received:
                return event
            await is_over.wait()
            return {"type": "http.disconnect"}

        async def send(event: dict[str, Any]) -> None:
            sent.append(event)

        await application(scope, receive, send)
        is_over.set()
        start, *parts = sent
        named = [(name.decode(), value.decode("latin-1")) for name, value in start["headers"]]
        body = b"".join(part["body"] for part in parts)
        return Response(server=SERVER, status=start["status"], headers=_lowered(named), body=body)

    return lambda case: asyncio.run(run(case))


def _lowered(headers: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name.lower(), value) for name, value in headers)
