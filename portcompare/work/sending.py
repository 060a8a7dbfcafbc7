"""Sending the requests of one user, one after the other, over a connection that is kept."""

import asyncio
from urllib.parse import urlsplit

from portcompare.errors import MeasurementError
from portcompare.http.login import Kept, LoginFailed, fill, keep_from
from portcompare.http.requests import encode_request
from portcompare.http.responses import Response, ResponseError, ResponseParser
from portcompare.records.requests import LoginStep, RequestSpec

_FIRST_ERROR_STATUS = 400
_RECEIVE_BYTES = 64 * 1024


class Sender:
    """One user of a server; to be closed."""

    def __init__(self, url: str, timeout_s: float) -> None:
        """`timeout_s`: how long a response may take, in seconds."""
        self._netloc = urlsplit(url).netloc
        self._timeout_s = timeout_s
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._logins: dict[tuple[LoginStep, ...], Kept] = {}

    async def send(self, request: RequestSpec) -> None:
        """Send a request, after its login the first time; raises MeasurementError if it fails."""
        try:
            kept = self._logins.get(request.login)
            if kept is None:
                kept = Kept()
                for step in request.login:
                    kept = await self._take(step, kept)
                self._logins[request.login] = kept
            if request.follows is not None:
                kept = await self._take(request.follows, kept)
            filled = fill(request, kept) if request.login or request.follows else request
            response = await self._exchange(filled)
        except LoginFailed as failed:
            raise MeasurementError(f"{request.name}: the request before it failed: {failed}") from None
        status = response.status or 0
        if status >= _FIRST_ERROR_STATUS and status != request.expected_status:
            raise MeasurementError(f"{request.name}: the status was {status}")

    async def _take(self, step: LoginStep, kept: Kept) -> Kept:
        response = await self._exchange(fill(step.request, kept))
        return keep_from(
            step, kept, status=response.status or 0, headers=response.headers, body=response.body
        )

    async def _exchange(self, request: RequestSpec) -> Response:
        parser = ResponseParser(head_only=request.method == "HEAD")
        is_closed = False
        try:
            async with asyncio.timeout(self._timeout_s):
                reader, writer = await self._connect()
                writer.write(encode_request(request, self._netloc))
                while not parser.is_done:
                    received = await reader.read(_RECEIVE_BYTES)
                    is_closed = not received
                    parser.feed(received)
        except TimeoutError:
            raise MeasurementError(f"{request.name}: no response within {self._timeout_s:g} s") from None
        except (OSError, ResponseError, UnicodeEncodeError) as error:
            raise MeasurementError(f"{request.name}: {error}") from None
        if is_closed or "close" in (parser.header("connection") or "").lower():
            self.close()
        return parser.response(self._netloc)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The kept connection, or a new one where the server has closed it."""
        if self._streams is not None and self._streams[0].at_eof():
            self.close()
        if self._streams is None:
            host, _, port = self._netloc.rpartition(":")
            self._streams = await asyncio.open_connection(host, int(port))
        return self._streams

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None
