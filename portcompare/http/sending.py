"""Sending the requests of one user, one after the other, over a connection that is kept."""

import asyncio
import ssl
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from functools import cache

import certifi

from portcompare.errors import MeasurementError
from portcompare.http.login import Kept, LoginFailed, fill, keep_from
from portcompare.http.requests import Address, encode_request
from portcompare.http.responses import Response, ResponseError, ResponseParser
from portcompare.records.requests import LoginStep, RequestSpec

_RECEIVE_BYTES = 64 * 1024


@cache
def tls_context() -> ssl.SSLContext:
    """The TLS settings of a client that trusts the system's certificates and certifi's."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


class Sender:
    """One user of a server; to be closed."""

    def __init__(self, url: str, timeout_s: float) -> None:
        """`timeout_s`: how long a response may take, in seconds."""
        self._address = Address.of(url)
        self._timeout_s = timeout_s
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._logins: dict[tuple[LoginStep, ...], Kept] = {}

    async def send(self, request: RequestSpec) -> Response:
        """Send a request, after its login the first time; raises MeasurementError if there is no response."""
        if request.login not in self._logins:
            self._logins[request.login] = await self.log_in(request.login)
        kept = self._logins[request.login]
        if request.follows is not None:
            kept = await self._take(request.follows, kept)
        return await self._exchange(fill(request, kept) if request.login or request.follows else request)

    async def log_in(self, steps: Sequence[LoginStep]) -> Kept:
        """Take the steps of a login; raises MeasurementError if one fails."""
        kept = Kept()
        for step in steps:
            kept = await self._take(step, kept)
        return kept

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The kept connection, or a new one where the server has closed it; raises OSError."""
        if not self.is_open:
            self.close()
        if self._streams is None:
            address = self._address
            tls = tls_context() if address.secure else None
            self._streams = await asyncio.open_connection(address.host, address.port, ssl=tls)
        return self._streams

    async def _take(self, step: LoginStep, kept: Kept) -> Kept:
        response = await self._exchange(fill(step.request, kept))
        try:
            return keep_from(
                step, kept, status=response.status or 0, headers=response.headers, body=response.body
            )
        except LoginFailed as failed:
            raise MeasurementError(f"{step.request.name}: {failed}") from None

    async def _exchange(self, request: RequestSpec) -> Response:
        parser = ResponseParser(head_only=request.method == "HEAD")
        try:
            async with asyncio.timeout(self._timeout_s):
                reader, writer = await self.connect()
                writer.write(encode_request(request, self._address.netloc))
                while not parser.complete:
                    parser.feed(await reader.read(_RECEIVE_BYTES))
        except TimeoutError:
            raise MeasurementError(f"{request.name}: no response within {self._timeout_s:g} s") from None
        except (OSError, ResponseError, UnicodeEncodeError) as error:
            raise MeasurementError(f"{request.name}: {error}") from error
        if not parser.keep_alive:
            self.close()
        return parser.response(self._address.netloc)

    @property
    def is_open(self) -> bool:
        """Whether the next request goes over the connection of the last one."""
        return self._streams is not None and not self._streams[0].at_eof()

    async def wait_closed(self, limit_s: float) -> None:
        """Wait until the server closes the connection, on which nothing is sent; so many seconds at most."""
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(limit_s):
                while self._streams is not None and await self._streams[0].read(_RECEIVE_BYTES):
                    pass

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def send_alone(url: str, request: RequestSpec, timeout_s: float) -> Response:
    """Send a request over a connection of its own; raises MeasurementError if there is no response."""
    request = replace(request, headers=(*request.headers, ("Connection", "close")))

    async def send() -> Response:
        with closing(Sender(url, timeout_s)) as sender:
            return await sender.send(request)

    with ThreadPoolExecutor(1) as thread:  # in that of the caller an event loop may run, as Playwright's does
        return thread.submit(asyncio.run, send()).result()
