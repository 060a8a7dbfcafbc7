"""A forwarder that notes what is asked: whatever the client library is, its requests pass by."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import replace
from http.client import responses
from typing import TYPE_CHECKING, Any, Final

from gevent import socket
from gevent.pywsgi import WSGIHandler, WSGIServer

from portcompare.encoding import encode_request
from portcompare.loadgen.address import Address
from portcompare.loadgen.approved import CONNECTION_ONLY
from portcompare.loadgen.connection import Connection
from portcompare.loadgen.dialing import Dialer
from portcompare.model import RequestSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Headers = tuple[tuple[str, str], ...]

_HOST: Final = "127.0.0.1"
_TIME_LIMIT_S: Final = 30.0
_BAD_GATEWAY: Final = 502
_WITHOUT_BODY: Final = (204, 304)

_HEAD: Final = "portcompare.head"
"""The key, beside WSGI's own, of method, target and headers as they were sent."""

_SECURE: Final = re.compile(r";\s*secure\b", re.IGNORECASE)


class _Handler(WSGIHandler):
    """Keeps the head of a request: WSGI itself decodes the path and joins headers."""

    def handle(self) -> None:
        # It sends head and body apart: else the body would wait until the client has acknowledged the head.
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().handle()

    def get_environ(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environ()
        environ[_HEAD] = (self.command, self.path, tuple(self.headers.items()))
        return environ


class Forwarder:
    """Passes requests on to a server, and its answers back.

    The server is asked under its own name, as under load. Where its answer names it, the client is told the
    forwarder's address instead, so that it comes back for what is linked there.

    Attributes:
        url: The forwarder's own address.
        requests: The distinct requests, in the order in which they were first asked; each with what tells
            its first answer from others, once there is one.
        varying: Those of them that were not answered alike each time.
    """

    def __init__(self, url: str, own_url: str, most: int, on_new: Callable[[], None]) -> None:
        """Make a forwarder.

        Args:
            url: The server.
            own_url: Where the forwarder listens.
            most: So many distinct requests are noted.
            on_new: Called when one more is.
        """
        self._address = Address.of(url)
        self._server_url = f"{'https' if self._address.secure else 'http'}://{self._address.netloc}"
        self._dialer = Dialer(self._address, None)
        self._most = most
        self._on_new = on_new
        self.url = own_url
        self.requests: dict[RequestSpec, int | None] = {}
        self.varying: set[RequestSpec] = set()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        """Answer a request: the WSGI application."""
        request = self._read(environ)
        if request not in self.requests and len(self.requests) < self._most:
            self.requests[request] = None
            self._on_new()
        status, headers, body = self._ask(request)
        self._compare(request, hash((status, body)))
        bare = request.method == "HEAD" or status in _WITHOUT_BODY
        start_response(f"{status} {responses.get(status, '')}", self._backward(request, status, headers))
        return [] if bare else [_readdress(body, self._server_url, self.url)]

    def _compare(self, request: RequestSpec, answer: int) -> None:
        first = self.requests.get(request, answer)
        if first is None:
            self.requests[request] = answer
        elif first != answer:
            self.varying.add(request)

    def _read(self, environ: dict[str, Any]) -> RequestSpec:
        method, target, sent = environ[_HEAD]
        return RequestSpec(
            name=f"{method} {target}",
            method=method,
            target=target,
            headers=tuple((name, self._forward(value)) for name, value in _end_to_end(sent)),
            body=_readdress(environ["wsgi.input"].read(), self.url, self._server_url),
        )

    def _ask(self, request: RequestSpec) -> tuple[int, Headers, bytes]:
        # Plain, so that addresses in the answer can be read; what is noted says what the client accepts.
        others = tuple(pair for pair in request.headers if pair[0].lower() != "accept-encoding")
        plain = replace(request, headers=(*others, ("Accept-Encoding", "identity")))
        connection = Connection(self._dialer, _TIME_LIMIT_S)
        try:
            data = encode_request(plain, self._address.netloc)
            failure = connection.exchange(data, head_only=request.method == "HEAD")
        finally:
            connection.close()
        if failure is not None:
            return _BAD_GATEWAY, (), failure.encode()
        return connection.answer.status, tuple(connection.answer.headers()), connection.answer.body

    def _forward(self, value: str) -> str:
        return _readdress(value.encode("latin-1"), self.url, self._server_url).decode("latin-1")

    def _backward(self, request: RequestSpec, status: int, headers: Headers) -> list[tuple[str, str]]:
        """The headers of an answer as the client gets them."""
        told = [
            (name, _readdress(value.encode("latin-1"), self._server_url, self.url).decode("latin-1"))
            for name, value in _end_to_end(headers)
        ]
        if self._address.secure:  # the client speaks plain HTTP here, and would not send such a cookie back
            told = [
                (name, _SECURE.sub("", value) if name.lower() == "set-cookie" else value)
                for name, value in told
            ]
        if request.method == "HEAD" and status not in _WITHOUT_BODY:  # the length of what it does not have
            told += [pair for pair in headers if pair[0].lower() == "content-length"]
        return told


@contextmanager
def forwarding(url: str, most: int, on_new: Callable[[], None]) -> Iterator[Forwarder]:
    """Have a forwarder listen.

    Args:
        url: The server's address.
        most: So many distinct requests are noted.
        on_new: Called when one more is.

    Yields:
        The forwarder.
    """
    server = WSGIServer((_HOST, 0), handler_class=_Handler, log=None)
    server.init_socket()
    forwarder = Forwarder(url, f"http://{_HOST}:{server.server_port}", most, on_new)
    server.application = forwarder
    server.start()
    try:
        yield forwarder
    finally:
        server.stop(timeout=0)


def _end_to_end(headers: Headers) -> Headers:
    """The headers that are not for this one connection alone."""
    named = {
        token.strip().lower()
        for name, value in headers
        if name.lower() == "connection"
        for token in value.split(",")
    }
    return tuple(pair for pair in headers if pair[0].lower() not in CONNECTION_ONLY | named)


def _readdress(content: bytes, url: str, other_url: str) -> bytes:
    """Content in which one address stands for another, where it stands as a whole."""
    return re.sub(re.escape(url.encode()) + rb"(?![\w.:-])", other_url.encode(), content)
