"""Apps within this process as services: requests are sent to them without a server."""

import asyncio

import flask
import httpx
import quart

from portcompare.http.requests import complete_headers
from portcompare.http.responses import Response
from portcompare.records.requests import RequestSpec
from tests.parity.clients import Service

SERVER = "127.0.0.1:1"
ORIGIN = f"http://{SERVER}"


def wsgi_service(app: flask.Flask) -> Service:
    client = app.test_client(use_cookies=False)

    def respond(case: RequestSpec) -> Response:
        headers = list(complete_headers(case))
        sent = client.open(case.target, ORIGIN, method=case.method, headers=headers, data=case.body)
        lines = tuple((name.lower(), value) for name, value in sent.headers)
        return Response(server=SERVER, status=sent.status_code, headers=lines, body=sent.data)

    return respond


def asgi_service(app: quart.Quart) -> Service:
    async def send(case: RequestSpec) -> httpx.Response:
        headers = list(complete_headers(case))
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type] # which types its messages otherwise
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, trust_env=False) as client:
            return await client.request(case.method, case.target, headers=headers, content=case.body)

    def respond(case: RequestSpec) -> Response:
        sent = asyncio.run(send(case))
        lines = tuple((name.decode().lower(), value.decode("latin-1")) for name, value in sent.headers.raw)
        return Response(server=SERVER, status=sent.status_code, headers=lines, body=sent.content)

    return respond
