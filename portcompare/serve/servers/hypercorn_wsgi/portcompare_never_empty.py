"""Runs inside hypercorn: gives every WSGI answer a body, if only an empty piece of one.

hypercorn sends an answer's head with the first piece of its body and so never answers a request whose answer
has none: every HEAD, and OPTIONS (https://github.com/pgjones/hypercorn/issues/331). A folder of its own,
because hypercorn puts a module's folder in front of `sys.path`.
"""

from __future__ import annotations

from importlib import import_module
from operator import attrgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


class NeverEmpty:
    """The body of an answer, with one empty piece where it has none."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        """The pieces."""
        is_empty = True
        for piece in self._pieces:
            is_empty = False
            yield piece
        if is_empty:
            yield b""

    def close(self) -> None:
        """Close the body, as WSGI demands of whoever wraps one."""
        if hasattr(self._pieces, "close"):
            self._pieces.close()


def never_empty(module: str, name: str) -> WSGIApplication:
    """Wrap an application."""
    app: WSGIApplication = attrgetter(name)(import_module(module))

    def wrapped(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return NeverEmpty(app(environ, start_response))

    return wrapped
