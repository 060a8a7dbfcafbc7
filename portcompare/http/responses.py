"""Responses, complete with all headers, and their parser.

The load generator has a parser of its own: reading every header would cost it time.
"""

import re
from dataclasses import dataclass

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from portcompare.http.bodies import MOST_BODY_BYTES, decode_body, without_address

MOST_HEAD_BYTES = 64 * 1024  # Interim responses included; the load generator reads as many
MOST_HEADERS = 1000

SWITCHING_PROTOCOLS = 101
END_OF_HEAD = b"\r\n\r\n"
_INTERIM = re.compile(rb"HTTP/[0-9.]+ 1(?!01)")


def without_interim(received: bytes) -> bytes:
    """What was received first, without the interim responses (1xx)."""
    start = 0
    while _INTERIM.match(received, start):
        end = received.find(END_OF_HEAD, start)
        if end < 0:
            return b""
        start = end + len(END_OF_HEAD)
    return received[start:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A response that had not ended when it was read no longer."""

    first_byte_s: float | None  # From the request to the first byte of the body; None if none came
    # From the request until there was enough of the body to compare; None if there never was
    first_part_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A complete response, or the error because of which there is none."""

    server: str  # Host and port, as in the Host header
    status: int | None = None  # None if there was no complete response
    headers: tuple[tuple[str, str], ...] = ()  # In the order of the response, the names in lower case
    # As sent, still encoded as Content-Encoding says. Of the response to a HEAD request, which should have no
    # body, whatever followed its headers
    body: bytes = b""
    error: str = ""  # Why there is no complete response; empty if there is one
    stream: Stream | None = None  # If the response does not end; the body is then its first part

    def lines(self, name: str) -> list[str]:
        """The values of a header, one for each line, the server's own address replaced by a placeholder."""
        return [
            without_address(value.encode("latin-1"), self.server).decode("latin-1")
            for given, value in self.headers
            if given == name
        ]

    def header(self, name: str) -> str | None:
        """The lines of a header, joined by commas (RFC 9110, section 5.3); None if it is absent."""
        values = self.lines(name)
        return ", ".join(values) if values else None

    @property
    def portable_body(self) -> bytes:
        """The body as sent, the server's own address replaced by a placeholder."""
        return without_address(self.body, self.server)

    def decoded(self) -> bytes:
        """The body, decoded as Content-Encoding says, the server's own address replaced.

        Raises ValueError if it is not encoded so, or not to its end.
        """
        return without_address(decode_body(self.body, self.header("content-encoding")), self.server)


class ResponseError(Exception):
    """There is no complete response; the text says why."""


class BodyTooLarge(ResponseError):  # noqa: N818 - it names what was found
    """A body has more bytes than are read."""


class ResponseParser:
    """Parses one response, fed with the bytes of its connection."""

    def __init__(self, *, head_only: bool) -> None:
        self._parser = HttpResponseParser(self)
        self._headers: list[tuple[str, str]] = []
        self._parts: list[bytes] = []
        self._head = b""  # And interim responses before it
        self._size_bytes = self._status = 0
        self._has_surplus = False
        self.head_only = head_only  # True for the response to a HEAD request
        self.head_complete = False  # True when the status and all headers have been received
        self.complete = False  # True when the whole response has been received

    def header(self, name: str) -> str | None:
        """The first value of a header; None if it has not been received."""
        return next((value for given, value in self._headers if given == name), None)

    @property
    def is_done(self) -> bool:
        """Whether nothing more has to be received."""
        return self.complete or (self.head_only and self.head_complete)

    @property
    def has_body(self) -> bool:
        """Whether any byte of a body has been received."""
        return self._size_bytes > 0

    def feed(self, data: bytes) -> None:
        """Parse what was received, or raise ResponseError; no bytes mean that the server has closed.

        Empty lines after a response are none of it, and no error.
        """
        if not data:
            self._feed_end()
            return
        if self.head_only and self.head_complete:
            self._keep(data)
            return
        if not self.head_complete:
            self._head += data
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self.complete = True
        except HttpParserError:
            if not self.is_done:
                raise ResponseError("the response is not HTTP") from None
            self._has_surplus = True
        if self.head_only and self.head_complete:
            self._keep(without_interim(self._head).partition(END_OF_HEAD)[2])
        elif self._has_surplus and self._status != SWITCHING_PROTOCOLS:
            raise ResponseError("more than a response: other bytes follow its end")
        self._check_limits()

    def _feed_end(self) -> None:
        if not self.head_complete:
            raise ResponseError("connection closed before the headers were complete")
        has_end = any(name in ("content-length", "transfer-encoding") for name, _ in self._headers)
        if has_end and not self.head_only:
            raise ResponseError("connection closed before the body was complete")
        self.complete = True

    def _keep(self, body: bytes) -> None:
        if self.head_only and self._status == SWITCHING_PROTOCOLS:  # what follows is not HTTP
            return
        self._size_bytes += len(body)
        if self._size_bytes <= MOST_BODY_BYTES:
            self._parts.append(body)

    def _check_limits(self) -> None:
        is_long = not self.head_complete and len(self._head) > MOST_HEAD_BYTES
        if is_long or len(self._headers) > MOST_HEADERS:
            limits = f"{MOST_HEAD_BYTES:,} bytes, or {MOST_HEADERS:,} lines"
            raise ResponseError(f"the headers have more than {limits}")
        if self._size_bytes > MOST_BODY_BYTES:
            raise BodyTooLarge(f"the body has more than {MOST_BODY_BYTES:,} bytes")

    def response(self, server: str) -> Response:
        """The response that was parsed."""
        return Response(
            server=server, status=self._status, headers=tuple(self._headers), body=b"".join(self._parts)
        )

    def on_message_begin(self) -> None:
        """Called by the parser at the beginning of each response, also of one that was not requested."""
        self._has_surplus = self.complete

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser for each header, and for each trailer."""
        if not self.head_complete:
            self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1").strip(" \t")))

    def on_headers_complete(self) -> None:
        """Called by the parser at the end of the headers, and again at the end of the trailers."""
        if not self.head_complete:
            self._status = self._parser.get_status_code()
            self.head_complete = True

    def on_body(self, body: bytes) -> None:
        """Called by the parser for each piece of the body, also that of what follows the response."""
        if not self.is_done:
            self._keep(body)

    def on_message_complete(self) -> None:
        """Called by the parser at the end of the response, and of each interim one (1xx) before it."""
        if self._status // 100 == 1 and self._status != SWITCHING_PROTOCOLS:
            self._headers.clear()
            self.head_complete = False
        elif not self.head_only:
            self.complete = True
