"""One way to send a request to either twin inside this process."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

import httpx

import async_quart.app
import async_quart.config
import sync_flask.app
import sync_flask.config

ORIGIN = "http://twin.test"

# Routes that a test adds to an application: path to view.
Views = Mapping[str, Callable[[], str]]


class Send(Protocol):
    """Send one request and return its whole answer; a redirect is not followed."""

    def __call__(
        self, method: str, target: str, *, headers: Mapping[str, str] | None = None, content: bytes = b""
    ) -> httpx.Response: ...


# An application's environment and its added routes to what sends requests to it.
MakeSender = Callable[[Mapping[str, str], Views], Send]


def flask_sender(environ: Mapping[str, str], views: Views) -> Send:
    app = sync_flask.app.create_app(sync_flask.config.Config.from_environ(environ))
    for path, view in views.items():
        app.add_url_rule(path, view_func=view)

    def send(
        method: str, target: str, *, headers: Mapping[str, str] | None = None, content: bytes = b""
    ) -> httpx.Response:
        with httpx.Client(transport=httpx.WSGITransport(app), base_url=ORIGIN) as client:
            return client.request(method, target, headers=headers, content=content)

    return send


def quart_sender(environ: Mapping[str, str], views: Views) -> Send:
    app = async_quart.app.create_app(async_quart.config.Config.from_environ(environ))
    for path, view in views.items():
        app.add_url_rule(path, view_func=view)

    # Quart and httpx type the messages of ASGI differently; each is right in its own way.
    transport = httpx.ASGITransport(cast("Any", app))

    async def exchange(
        method: str, target: str, headers: Mapping[str, str] | None, content: bytes
    ) -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
            return await client.request(method, target, headers=headers, content=content)

    def send(
        method: str, target: str, *, headers: Mapping[str, str] | None = None, content: bytes = b""
    ) -> httpx.Response:
        return asyncio.run(exchange(method, target, headers, content))

    return send


def client_sender(client: httpx.Client) -> Send:
    """Send requests to the server that a client was made for."""

    def send(
        method: str, target: str, *, headers: Mapping[str, str] | None = None, content: bytes = b""
    ) -> httpx.Response:
        return client.request(method, target, headers=headers, content=content)

    return send


SENDER_MAKERS: Mapping[str, MakeSender] = {"sync_flask": flask_sender, "async_quart": quart_sender}
