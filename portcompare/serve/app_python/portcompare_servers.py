"""What servers have no flag for: gunicorn reads its setting here by itself, hypercorn runs `never_empty`."""

from __future__ import annotations

from importlib import import_module
from operator import attrgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

control_socket_disable = True  # of gunicorn


def never_empty(module: str, name: str) -> WSGIApplication:
    """Wrap an application so that every response has a body, if only one empty chunk.

    hypercorn sends a response's head with the first chunk of its body, and so never sends a response that has
    none: to every HEAD, and to OPTIONS (https://github.com/pgjones/hypercorn/issues/331).
    """
    app: WSGIApplication = attrgetter(name)(import_module(module))

    def wrapped(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return with_a_chunk(app(environ, start_response))

    return wrapped


def with_a_chunk(body: Iterable[bytes]) -> Iterator[bytes]:
    """The chunks of a body, at least one, after which it is closed."""
    is_empty = True
    try:
        for chunk in body:
            is_empty = False
            yield chunk
        if is_empty:
            yield b""
    finally:
        if hasattr(body, "close"):
            body.close()
