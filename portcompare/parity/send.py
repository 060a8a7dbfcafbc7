"""Sending one case to one running server."""

from __future__ import annotations

import socket
import ssl
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import certifi

from portcompare.encoding import encode_request
from portcompare.parity.answer import Answer
from portcompare.parity.wire import AnswerParser, BrokenAnswerError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from urllib.parse import SplitResult

    from portcompare.model import RequestSpec

_RECEIVE_BYTES = 64 * 1024
_PORTS = {"http": 80, "https": 443}

_BODY_AFTER_HEAD_S = 0.2
"""How long a server that leaves the connection open has for a body after the headers of a HEAD answer."""

_NAMES: tuple[tuple[type[Exception], str], ...] = (
    (TimeoutError, "no whole answer in time"),
    (ConnectionRefusedError, "connection refused"),
    (ConnectionError, "connection reset"),
    (socket.gaierror, "host cannot be resolved"),
)


def ask(url: str, case: RequestSpec, timeout_s: float) -> Answer:
    """Send a case to a server and read its whole answer.

    Each goes over a connection of its own, so that no answer depends on what another one left there or on
    when the server closes it. The bytes are written and read here and not by httpx, which would hide a body
    after the headers of a HEAD answer, and takes several times as long.

    Args:
        url: The server's address, `http://host:port`.
        case: What is asked, with nothing left to be filled in; its target goes out as it stands.
        timeout_s: How long it may take, in seconds.

    Returns:
        The answer; that there is none is an answer too.
    """
    address = urlsplit(url)
    parser = AnswerParser(head_only=case.method == "HEAD")
    deadline_s = monotonic() + timeout_s
    try:
        with _connect(address, timeout_s) as connection:
            with suppress(BrokenPipeError, ConnectionResetError):  # some answer before they have heard it all
                connection.sendall(encode_request(as_sent(case), address.netloc))
            _receive(connection, parser, deadline_s)
    except (OSError, BrokenAnswerError, UnicodeEncodeError) as error:
        return Answer(server=address.netloc, error=_words(error))
    return parser.answer(address.netloc)


def as_sent(case: RequestSpec) -> RequestSpec:
    """A case with what the check adds to it.

    Args:
        case: What is asked.

    Returns:
        HEAD asks for the connection's end, unless the case has other wishes: then what comes after the
        headers of its answer, and before that end, is a body that should not be.
    """
    if case.method != "HEAD" or "connection" in {name.lower() for name, _ in case.headers}:
        return case
    return replace(case, headers=(*case.headers, ("Connection", "close")))


@contextmanager
def _connect(address: SplitResult, timeout_s: float) -> Iterator[socket.socket]:
    place = address.hostname or "", address.port or _PORTS[address.scheme]
    with socket.create_connection(place, timeout_s) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if address.scheme == "http":
            yield connection
            return
        with _tls().wrap_socket(connection, server_hostname=place[0]) as secured:
            yield secured


@cache
def _tls() -> ssl.SSLContext:
    """Certificate and host name are verified, always."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _receive(connection: socket.socket, parser: AnswerParser, deadline_s: float) -> None:
    while not (parser.complete or (parser.head_only and parser.head_complete)):
        parser.feed(_read(connection, deadline_s))
    deadline_s = min(deadline_s, monotonic() + _BODY_AFTER_HEAD_S)
    with suppress(TimeoutError, ConnectionError):
        while not parser.complete and not parser.has_body:
            parser.feed(_read(connection, deadline_s))


def _read(connection: socket.socket, deadline_s: float) -> bytes:
    """What comes next; a timeout where it comes on and on, as a stream of events does."""
    left_s = deadline_s - monotonic()
    if left_s <= 0:
        raise TimeoutError
    connection.settimeout(left_s)
    return connection.recv(_RECEIVE_BYTES)


def _words(error: Exception) -> str:
    if isinstance(error, BrokenAnswerError | ssl.SSLError):
        return str(error)
    if isinstance(error, UnicodeEncodeError):  # of what a login has filled in
        return f"cannot be sent, {error.object[error.start : error.end]!r} is not latin-1"
    return next((name for kind, name in _NAMES if isinstance(error, kind)), f"cannot connect: {error}")
