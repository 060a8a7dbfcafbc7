"""Runs inside an ASGI server: makes an ASGI application of the plan's WSGI one, and holds it as `app`."""

from __future__ import annotations

import os
from asyncio import ensure_future
from contextvars import Context
from importlib import import_module
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from portcompare.serve.app_python.portcompare_servers import with_a_chunk
else:
    from portcompare_servers import with_a_chunk


def adapt(adapter: str, threads: int, wsgi: WSGIApplication) -> Callable[..., Awaitable[None]]:
    """Make an ASGI application; `threads` run the handlers where the adapter leaves a choice."""

    def respond(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # Every server ends a body, also one sent in chunks, which werkzeug would not read without this.
        environ["wsgi.input_terminated"] = True
        # asgiref never closes a body; this one closes itself.
        return with_a_chunk(wsgi(environ, start_response))

    if adapter == "a2wsgi":
        adapted = import_module("a2wsgi").WSGIMiddleware(respond, workers=threads)
    else:
        adapted = import_module("asgiref.wsgi").WsgiToAsgi(respond)

    async def asgi(scope: Any, receive: Callable[[], Awaitable[Any]], send: Any) -> None:  # noqa: ANN401
        async def receive_next() -> Any:  # noqa: ANN401 - granian's own returns no coroutine, as a2wsgi needs
            return await receive()

        # uvicorn may call it in the context of an earlier request, in which asgiref sees a deadlock.
        await Context().run(ensure_future, adapted(scope, receive_next, send))

    return asgi


_adapter, _threads, _target = os.environ["PORTCOMPARE_ADAPTED"].split()
_module, _, _name = _target.partition(":")
app = adapt(_adapter, int(_threads), attrgetter(_name)(import_module(_module)))
