"""Requests to an app within this process, by one way for WSGI and ASGI."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any, cast

import httpx
from flask import Flask
from quart import Quart
from werkzeug.exceptions import ImATeapot, TooManyRequests

TWINS = ("sync_flask", "async_quart")
ORIGIN = "http://twin.test"

# As httpx.Client.request: method, target, and by name `headers` and `content`; a redirect is not followed.
Send = Callable[..., httpx.Response]
# From the environment of an app to what sends requests to it.
MakeSender = Callable[[Mapping[str, str]], Send]

INTERNALS = "connection to 10.0.0.7 lost"


def raising(error: Exception) -> Callable[[], str]:
    def view() -> str:
        raise error

    return view


# Routes that are added to each app, to see what it makes of errors.
VIEWS = {
    "/breaks": raising(RuntimeError(INTERNALS)),
    "/teapot": raising(ImATeapot()),
    "/busy": raising(TooManyRequests(retry_after=7)),
    "/branch/": lambda: "branch",
}


def create_app(package: str, environ: Mapping[str, str]) -> Flask | Quart:
    module = import_module(f"{package}.app")
    app: Flask | Quart = module.create_app(module.Config.from_environ(environ))
    return app


@contextmanager
def serve_in_process(package: str, environ: Mapping[str, str]) -> Iterator[Send]:
    app = create_app(package, environ)
    for path, view in VIEWS.items():
        app.add_url_rule(path, path, view)
    if isinstance(app, Flask):
        with httpx.Client(transport=httpx.WSGITransport(app), base_url=ORIGIN, trust_env=False) as client:
            yield client.request
        return
    serving = app.test_app()
    # Quart and httpx type the messages of ASGI differently; each is right in its own way.
    transport = httpx.ASGITransport(cast("Any", app))
    async_client = httpx.AsyncClient(transport=transport, base_url=ORIGIN, trust_env=False)
    with asyncio.Runner() as runner:
        runner.run(serving.startup())
        yield lambda *arguments, **named: runner.run(async_client.request(*arguments, **named))
        runner.run(async_client.aclose())
        runner.run(serving.shutdown())
