"""Runs inside hypercorn: gives every WSGI response a body, if only one empty chunk.

hypercorn sends a response's head with the first chunk of its body, and so never sends a response that has
none: to every HEAD, and to OPTIONS (https://github.com/pgjones/hypercorn/issues/331).
"""

from __future__ import annotations

from importlib import import_module
from operator import attrgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


class NeverEmpty:
    """The body of a response, with one empty chunk where it has none."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        is_empty = True
        for chunk in self._chunks:
            is_empty = False
            yield chunk
        if is_empty:
            yield b""

    def close(self) -> None:
        """Close the wrapped body, as WSGI requires."""
        if hasattr(self._chunks, "close"):
            self._chunks.close()


def never_empty(module: str, name: str) -> WSGIApplication:
    """Wrap an application."""
    app: WSGIApplication = attrgetter(name)(import_module(module))

    def wrapped(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return NeverEmpty(app(environ, start_response))

    return wrapped
